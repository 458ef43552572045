"""The files that approved candidates go to: a dated one of examples, and the cases of incidents.

Both are kept in an order that hangs on their rows alone, so that two branches which add to them merge without a conflict.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.candidates import group_of
from pipeline.data.folders import rows as rows_of_folder
from pipeline.data.questions import Question
from pipeline.data.reading.readers import read_source
from pipeline.data.records import Record, read_jsonl, record_id, write_jsonl
from pipeline.ingest import feedback_sources
from pipeline.production.collecting.approving import Approved
from pipeline.stage import Fault

INCIDENTS = "incidents.jsonl"


def learnt_in(folder: Path, contract: Contract) -> set[str]:
    """Ids of the records that the feedback files make."""
    sources = feedback_sources(folder)
    return {
        row.id for path, source in sources for row in read_source(path, source, contract) if isinstance(row, Record)
    }


def row_of(one: Approved) -> dict[str, Any]:
    """An approved record as a row of a feedback file; what `ingest` does not read says where it is from."""
    candidate = one.candidate
    incident = {"incident": candidate.incident} if candidate.incident else {}
    return {
        "messages": [dict(turn) for turn in one.record.messages],
        "group": group_of(candidate),
        "tags": sorted({*candidate.tags, "feedback", *incident.values()}),
        "kinds": candidate.kinds,
        "request": candidate.request,
        "revision": candidate.revision,
        "time": candidate.time,
        **incident,
    }


def add_rows(folder: Path, day: str, new: Iterable[Approved], contract: Contract) -> Path | None:
    """Add rows to the file of a day; the file, None where there are none.

    Raises Fault where a row would not be read as the record that was approved.
    """
    added = list(new)
    if not added:
        return None
    path = folder / f"{day}.jsonl"
    before = [row for _, row in read_jsonl(path)] if path.exists() else []
    rows = [*before, *map(row_of, added)]
    write_jsonl(path, sorted(rows, key=lambda row: (str(row.get("time", "")), str(row.get("request", "")), str(row))))
    lost = {one.record.id for one in added} - learnt_in(folder, contract)
    if lost:
        raise Fault(path, f"does not read {min(lost)} as it was approved", "mend the row, or reject the candidate")
    return path


def take_out(folder: Path, cases: Iterable[Question]) -> int:
    """Take out the rows that are cases, as they can be where two branches that closed one incident are merged; how many went."""
    made = {case.id.rpartition("-")[2] for case in cases if case.incident}
    gone = 0
    for path, _ in feedback_sources(folder) if made else ():
        rows = [row for _, row in read_jsonl(path)]
        kept = [row for row in rows if "messages" not in row or record_id(row["messages"]) not in made]
        gone += len(rows) - len(kept)
        if not kept:
            path.unlink()  # an empty one would stop the pipeline
        elif len(kept) < len(rows):
            write_jsonl(path, kept)
    return gone


def add_cases(folder: Path, new: Iterable[Question]) -> Path | None:
    """Add cases to the file of incidents; the file, None where there are none."""
    added = list(new)
    if not added:
        return None
    path = folder / INCIDENTS
    before = [question for place, _, question in rows_of_folder(folder, Question) if place == path]
    cases = sorted([*before, *added], key=lambda case: case.id)
    write_jsonl(path, (case.model_dump(exclude_defaults=True) for case in cases))
    return path
