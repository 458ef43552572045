"""Findings: what became of an expectation, told to a person as a line and as a page that opens without a network."""

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.stage import Fault

SHOWN = 20  # places of an expectation on the page


@dataclass(frozen=True)
class Finding:
    """An expectation with its result. `rows` are the numbers of the rows that break it, `why` says more of the first one."""

    expectation: str
    of: dict[str, Any]
    severity: str
    holds: bool
    observed: Any
    rows: list[int]
    error: str
    remedy: str
    why: str = ""

    @property
    def is_critical(self) -> bool:
        """Whether it stops the stage."""
        return not self.holds and self.severity == "critical"

    @property
    def name(self) -> str:
        return f"{self.expectation}({self.of.get('column', 'the table')})"

    def fault(self, places: dict[int, str], table: Path) -> Fault:
        """The broken expectation in a line: the first rows by file and line, or what was observed, and how to mend it."""
        if self.error:
            return Fault(table, f"{self.name} could not be checked ({self.error})", "mend the suite")
        why = f" ({self.why})" if self.why else ""
        if not self.rows or self.of.get("column") in WHOLE_TABLE:
            bounds = ", ".join(
                f"{key} {self.of[key]}" for key in ("min_value", "max_value") if self.of.get(key) is not None
            )
            return Fault(table, f"{self.name} observed {self.observed}, wanted {bounds}{why}", self.remedy)
        others = ", ".join(places[row] for row in self.rows[1:4])
        count = f"{len(self.rows)} rows break {self.name}" if len(self.rows) > 1 else f"breaks {self.name}"
        return Fault(places[self.rows[0]], f"{count}{why}{', also ' + others if others else ''}", self.remedy)


WHOLE_TABLE = ("label_share", "unreviewed_share", "short_slices")  # columns that say the same of every row


def page(findings: list[Finding], places: dict[int, str], size: int) -> str:
    """The result as one HTML page without anything to load."""
    body = "".join(_row(finding, places) for finding in findings)
    style = "body{font-family:sans-serif}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left}"
    names = ("result", "expectation", "of", "observed", "rows that break it", "first places", "remedy")
    head = "".join(f"<th>{name}</th>" for name in names)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Validation</title><style>{style}</style>'
        f"<h1>Validation of {size} records</h1><table><tr>{head}</tr>{body}</table></html>\n"
    )


def _row(finding: Finding, places: dict[int, str]) -> str:
    where = ", ".join(places[row] for row in finding.rows[:SHOWN] if row in places)
    cells = (
        "holds" if finding.holds else finding.severity,
        finding.expectation,
        json.dumps(finding.of, sort_keys=True),
        "" if finding.observed is None else str(finding.observed),
        str(len(finding.rows)),
        f"{where} ({finding.why})" if finding.why else where,
        "" if finding.holds else finding.remedy,
    )
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
