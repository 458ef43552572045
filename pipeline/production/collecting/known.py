"""What is known already: records of the last run, rows of the feedback files, cases, and candidates of the ledger; all of it streamed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.candidates import Placed, identity, record_of, turns_of
from pipeline.data.likeness.template import Template
from pipeline.data.questions import Question
from pipeline.data.reading.readers import read_source
from pipeline.data.records import Record, stream_records
from pipeline.ingest import feedback_sources

DATA, CASES, LEDGER = "data", "cases", "ledger"
Streams = Callable[[], Iterator[tuple[str, Record]]]


@dataclass
class Known:
    """Records of what is known, by where they are; `notes` say what is not here to be compared with."""

    stream: Streams
    template: Template | None
    notes: list[str] = field(default_factory=list)


def known_of(
    records: Path, template: Path, feedback: Path, cases: list[Question], ledger: dict[str, Placed], contract: Contract
) -> Known:
    """All that a failure is held against. Where the last run left no records, a note says so."""
    has_records = records.exists()

    def stream() -> Iterator[tuple[str, Record]]:
        yield from ((LEDGER, record_of(candidate, place)) for place, candidate in ledger.values())
        yield from ((CASES, record_of_case(case)) for case in cases)
        for path, source in feedback_sources(feedback):
            yield from ((DATA, row) for row in read_source(path, source, contract) if isinstance(row, Record))
        if has_records:
            yield from ((DATA, record) for record in stream_records(records))

    notes = (
        []
        if has_records
        else [f"{records} is not there, so nothing was compared with the data of the sources: make run first"]
    )
    return Known(stream, Template.load(template) if template.exists() else None, notes)


def record_of_case(case: Question) -> Record:
    """A case as a record without an answer, so that its question can be compared."""
    name = identity(case.messages, "")
    return Record(
        answered_by="human",
        group=name,
        id=name,
        licence="",
        messages=turns_of(case.messages, ""),
        origin="human",
        source=case.id,
    )
