"""Numbers of a past run beside those that came out: the same, within the band that is recorded, or outside of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.desk.reviewing.shown import LONGEST_NAME
from pipeline.pull_request.reproducing.past import read_object
from pipeline.pull_request.verifying.differences import BAND, Difference, differences
from pipeline.pull_request.verifying.findings import in_terminal

TUNED = "tuned"
OF_SEEDS = {
    "reports/evaluation.json": "",
    "reports/regression.json": "probes",
}  # which of its values a spread is known of


@dataclass(frozen=True)
class Spread:
    """How far a metric went from seed to seed: `least` and `most` of them."""

    least: float
    most: float

    def holds(self, then: float, now: float) -> bool:
        """Whether two values lie no farther from each other than two seeds do."""
        return abs(then - now) <= self.most - self.least + BAND * 1.001


def spreads(report: Path) -> dict[str, Spread]:
    """The spread of each metric of the tuned arm in `reports/seeds.json`; none where nobody has measured it."""
    metrics = read_object(report).get("metrics")
    found: dict[str, Spread] = {}
    for name, one in metrics.items() if isinstance(metrics, dict) else ():
        ends = [one[end] for end in ("least", "most") if end in one] if isinstance(one, dict) else []
        if len(ends) == 2 and all(isinstance(end, int | float) for end in ends):
            found[name] = Spread(*map(float, ends))
    return found


@dataclass(frozen=True)
class Number:
    """A value of a report that differs, and what is recorded of how much it may."""

    report: str
    found: Difference
    spread: Spread | None

    @property
    def is_within(self) -> bool:
        """Whether it is within the rounding of reports, or goes no farther than two seeds."""
        both = (self.found.stands, self.found.recomputed)
        is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in both)
        return self.found.is_in_band or (is_number and self.spread is not None and self.spread.holds(*both))

    @property
    def band(self) -> str:
        """The band in words."""
        if self.found.is_in_band:
            return f"within the band (rounding, {BAND})"
        if self.spread is None:
            return "outside: no band is recorded for it"
        seeds = f"seeds went from {self.spread.least} to {self.spread.most}"
        return f"{'within the band' if self.is_within else 'outside'} ({seeds})"

    def __str__(self) -> str:
        place = in_terminal(f"{self.report}: {self.found.path}", 4 * LONGEST_NAME)
        return f"{place}: {self.found.stands_text} then, {self.found.recomputed_text} now: {self.band}"


def differing(report: str, then: Any, now: Any, known: Mapping[str, Spread]) -> list[Number]:
    """Every value of a report that is not the same, with the spread of those that one is known of."""
    return [Number(report, found, _spread(report, found.path, known)) for found in differences(then, now)]


def _spread(report: str, path: str, known: Mapping[str, Spread]) -> Spread | None:
    arm, _, metric = path.partition(".")
    is_known = report in OF_SEEDS and arm == TUNED and OF_SEEDS[report] in ("", metric)
    return known.get(metric) if is_known else None


def numbers_in(value: Any) -> int:
    """How many numbers a report has."""
    if isinstance(value, dict):
        return sum(map(numbers_in, value.values()))
    if isinstance(value, list):
        return sum(map(numbers_in, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def parsed(content: bytes | None) -> Any:
    """A report as JSON; None where it is none, or not there."""
    try:
        return None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None
