"""What is known already: records of the last run, rows of the feedback files, cases, and candidates of the ledger; all of it streamed.

Where no run has left records, the sources are read as they are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.candidates import Placed, identity, record_of, turns_of
from pipeline.data.likeness.template import Template
from pipeline.data.personal.cleaning import cleaned
from pipeline.data.personal.finding import PersonalDataParams
from pipeline.data.questions import Question
from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.reading.sources import check_files, load_sources
from pipeline.data.records import Record, stream_records
from pipeline.ingest import feedback_sources, rows_of
from pipeline.stage import Fault

DATA, CASES, LEDGER = "data", "cases", "ledger"
Streams = Callable[[], Iterator[tuple[str, Record]]]


@dataclass
class Known:
    """Records of what is known, by where they are; `notes` say what is not here to be compared with."""

    stream: Streams
    template: Template | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Places:
    """Where what is known lies: what a run left, the list of sources, the folder of feedback files."""

    records: Path
    template: Path
    sources: Path
    feedback: Path


def known_of(
    places: Places, cases: list[Question], ledger: dict[str, Placed], contract: Contract, policy: PersonalDataParams
) -> Known:
    """All that a failure is held against. Where records of a run are missing, a note says what was done instead."""
    has_records = places.records.exists()
    has_sources = not has_records and _can_be_read(places.sources)

    def stream() -> Iterator[tuple[str, Record]]:
        yield from ((LEDGER, record_of(candidate, place)) for place, candidate in ledger.values())
        yield from ((CASES, record_of_case(case)) for case in cases)
        if has_sources:
            rows: Iterable[Record | Reject] = rows_of(places.sources, places.feedback, contract, {})
            masked = (cleaned(row, policy).row for row in rows)
            yield from ((DATA, row) for row in masked if isinstance(row, Record))
            return
        for path, source in feedback_sources(places.feedback):
            yield from ((DATA, row) for row in read_source(path, source, contract) if isinstance(row, Record))
        if has_records:
            yield from ((DATA, record) for record in stream_records(places.records))

    template = Template.load(places.template) if places.template.exists() else None
    return Known(stream, template, [] if has_records else [_note(places, has_sources)])


def _can_be_read(sources: Path) -> bool:
    """Whether every source is here; one that DVC keeps may not be."""
    try:
        check_files(sources, load_sources(sources))
    except Fault:
        return False
    return True


def _note(places: Places, has_sources: bool) -> str:
    if has_sources:
        return f"{places.records} is not there: failures were compared with the sources as they are"
    return f"{places.records} is not there, nor all sources, so nothing was compared with their data: make run first"


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
