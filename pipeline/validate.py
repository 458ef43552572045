"""Check the records against the suite of expectations, and stop where one is broken.

Reads   records     pipeline.data.records.Record
        near        pairs of records that ask nearly the same (pipeline.ingest)
        reviews     ledger of people's decisions (pipeline.data.ledgers.Review)
        suite       Great Expectations suite as plain JSON; `$PARAMETER` takes its value from section `validate`
        schema      the contract of an answer
Writes  out/records.jsonl   the records that may be used, as people left them
        out/waiting.jsonl   those that wait for a person's approval
        out/page.html       the result for people; opens offline
        report              each expectation, whether it holds, and how many rows break it
The heavy work is done once, row by row, into a small table of features; that table is what Great Expectations sees.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.checking.expectations import load_suite, validate
from pipeline.data.checking.features import Features
from pipeline.data.checking.findings import SHOWN, Finding, page
from pipeline.data.checking.language import language_guess
from pipeline.data.ledgers import read_reviews
from pipeline.data.records import Record, line_of, read_jsonl, stream_records, write_lines, write_records
from pipeline.data.reviews import Decisions, ReviewParams
from pipeline.stage import Fault, Params, run, write_report

# How many examples each aim of a fine-tune takes, as a rule of thumb
SIZES = {"format and style": (50, 200), "a domain": (500, 2000), "complex behaviour": (1000, 5000)}
FAILED_PAGE = Path(".cache/validation.html")  # outside the outputs, which DVC deletes where the stage fails
PARTNERS = 3  # places that are named of those that a row contradicts


class ValidateParams(Params):
    """Section `validate`: the values that the suite's `$PARAMETER`s take, and what the features are made with.

    `min_examples` is a number of records, `max_label_share` the share of the most frequent label, `max_*_chars` are characters,
    `max_unreviewed_share` is of all records that may be used or wait, `languages` are two-letter codes.
    """

    section: ClassVar[str] = "validate"
    min_examples: Annotated[int, Field(ge=1)]
    max_label_share: Annotated[float, Field(gt=0, le=1)]
    max_question_chars: Annotated[int, Field(ge=1)]
    max_answer_chars: Annotated[int, Field(ge=1)]
    max_unreviewed_share: Annotated[float, Field(ge=0, le=1)]
    denied_licences: list[str]
    languages: list[str]
    required_slices: dict[str, Annotated[int, Field(ge=1)]]


class Sorted:
    """Records as people left them: those that may be used, each once, and those that wait; the others are counted."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._used: set[int] = set()
        self._edited: set[int] = set()
        self.waiting: list[Record] = []
        self.verdicts: Counter[str] = Counter()

    def usable(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records that may be used, edited ones in their new form; an edit may say what another record says."""
        for record in records:
            verdict = self._decisions.verdict(record.id, record.origin)
            self.verdicts[verdict] += 1
            if verdict == "waiting":
                self.waiting.append(record)
            elif verdict in ("accepted", "edited"):
                usable = self._decisions.edited(record) if verdict == "edited" else record
                identity = int(usable.id, 16)
                if identity in (self._used if verdict == "edited" else self._edited):
                    self.verdicts["edited into another record"] += 1
                    continue
                self._used.add(identity)
                if verdict == "edited":
                    self._edited.add(identity)
                yield usable

    @property
    def unreviewed_share(self) -> float:
        """Those that wait or are disputed, of all but the rejected ones."""
        open_ones = self.verdicts["waiting"] + self.verdicts["disputed"]
        return open_ones / max(1, open_ones + len(self._used))


def contradictions(near: Path) -> dict[str, list[str]]:
    """By id the ids of the records that ask nearly the same and answer something else."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, pair in read_jsonl(near):
        if pair["answers"] == "other":
            found[pair["first"]].append(pair["second"])
            found[pair["second"]].append(pair["first"])
    return found


def explained(
    findings: list[Finding], features: Features, short: dict[str, str], others: Callable[[int], str]
) -> list[Finding]:
    """The findings with the reason of the first row, where there is one. `others` names the places that a row contradicts."""

    def why(finding: Finding) -> str:
        column = finding.of.get("column")
        if column == "short_slices":
            return ", ".join(short.values())
        if column == "answer_meets_schema":
            return features.complaints.get(finding.rows[0], "") if finding.rows else ""
        return f"contradicts {others(finding.rows[0])}" if column == "contradicts" and finding.rows else ""

    return [finding if finding.holds else replace(finding, why=why(finding)) for finding in findings]


@contextmanager
def only_if_valid(out: Path) -> Iterator[None]:
    """What was written on the way to a Fault is not valid, and goes."""
    try:
        yield
    except Fault:
        shutil.rmtree(out, ignore_errors=True)
        raise


def places_of(records: Path, wanted: set[int]) -> dict[int, str]:
    """File and line of the records with these numbers."""
    return {number: record.source for number, record in enumerate(stream_records(records)) if number in wanted}


def enough_for(size: int) -> dict[str, str]:
    """What so many examples are thought to be enough for: by aim, where the number lies in its band."""
    return {aim: "below" if size < low else "within" if size <= high else "above" for aim, (low, high) in SIZES.items()}


def main(
    params: ValidateParams,
    review: ReviewParams,
    records: Path,
    near: Path,
    reviews: Path,
    suite: Path,
    schema: Path,
    out: Path,
    report: Path,
) -> None:
    with only_if_valid(out):
        expected, against = load_suite(suite, ValidateParams.model_fields), contradictions(near)
        features = Features(Contract.load(schema), params.denied_licences, language_guess(params.languages))
        sorted_out = Sorted(Decisions(read_reviews(reviews), review.origins))

        def lines() -> Iterator[bytes]:
            for record in sorted_out.usable(stream_records(records)):
                features.add(record, record.id in against)
                yield line_of(record)

        write_lines(out / "records.jsonl", lines())
        write_records(out / "waiting.jsonl", sorted_out.waiting)
        if not features.size:
            raise Fault(
                records, "has no record that may be used", "add examples to the sources, or approve some: make review"
            )
        short = features.finish(sorted_out.unreviewed_share, params.required_slices)
        findings = validate(features.columns, expected, params.model_dump())
        wanted = {row for finding in findings for row in finding.rows[:SHOWN]}
        places = places_of(out / "records.jsonl", wanted) if wanted else {}

        def others(row: int) -> str:
            partners = set(against[features.columns["id"][row]])
            named = [record.source for record in stream_records(out / "records.jsonl") if record.id in partners]
            more = [f"{len(named) - PARTNERS} more"] if len(named) > PARTNERS else []
            return ", ".join([*named[:PARTNERS], *more])

        findings = explained(findings, features, short, others)
        _judge(findings, places, records, features.size)
        (out / "page.html").write_text(page(findings, places, features.size), encoding="utf-8")
        broken = [finding for finding in findings if not finding.holds]
        write_report(report, _report(findings, features, sorted_out))
        print(
            f"validate: {features.size} records meet {len(findings) - len(broken)} of {len(findings)} expectations, "
            f"{len(sorted_out.waiting)} wait for a reviewer; page in {out / 'page.html'}"
        )


def _judge(findings: list[Finding], places: dict[int, str], table: Path, size: int) -> None:
    """Say what is broken; raises Fault at the first critical one, once all are said and on the page."""
    broken = [finding for finding in findings if not finding.holds]
    critical = [finding for finding in broken if finding.is_critical]
    for finding in broken:
        if finding not in critical[:1]:
            print(f"validate: {'also broken' if finding.is_critical else 'warning'}: {finding.fault(places, table)}")
    if critical:
        FAILED_PAGE.parent.mkdir(exist_ok=True)
        FAILED_PAGE.write_text(page(findings, places, size), encoding="utf-8")
        print(f"validate: {len(broken)} expectations are broken; all of them stand in {FAILED_PAGE}")
        raise critical[0].fault(places, table)


def _report(findings: list[Finding], features: Features, sorted_out: Sorted) -> dict[str, Any]:
    return {
        "records": features.size,
        "expectations": len(findings),
        "warnings": sum(not finding.holds for finding in findings),
        "labels": dict(features.labels),
        "languages": dict(Counter(features.columns["language"])),
        "enough_for": enough_for(features.size),
        "reviews": {
            **{name: sorted_out.verdicts[name] for name in ("accepted", "edited", "rejected", "disputed", "waiting")},
            "unreviewed_share": round(sorted_out.unreviewed_share, 4),
        },
        "findings": [
            {
                "expectation": finding.expectation,
                "of": finding.of,
                "severity": finding.severity,
                "holds": finding.holds,
                "broken_rows": len(finding.rows),
            }
            for finding in findings
        ],
    }


if __name__ == "__main__":
    run(main)
