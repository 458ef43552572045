"""Readers: a source file becomes records and rejects, and nothing is lost between the two."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.reading.files import Opened, container_of, open_rows
from pipeline.data.reading.rows import Row, Unreadable
from pipeline.data.reading.sources import Source
from pipeline.data.reading.telling import COLUMNS, Teller, Told
from pipeline.data.records import Record, record_id
from pipeline.stage import Fault

__all__ = ["Reject", "Unreadable", "container_of", "read_source"]
MARKS = "group must be a text and tags a list of texts"
BROKEN = "half of a surrogate pair; the text is broken"


@dataclass(frozen=True)
class Reject:
    """A row that is no example: `place` is file and line, `reason` says why."""

    place: str
    reason: str


def read_source(
    path: Path, source: Source, contract: Contract, shapes: Counter[str] | None = None
) -> Iterator[Record | Reject]:
    """Every row of the file, as a record or a reject; `shapes` counts what the rows were taken for.

    Raises Fault for an empty file, and for one that is damaged or of a kind that is not known.
    """
    reader = _Reader(path, source, contract, Counter() if shapes is None else shapes)
    is_empty = True
    for line, row in reader.opened.rows:
        is_empty = False
        result: Record | Reject
        try:
            result = reader.record(line, row)
        except Unreadable as error:
            result = Reject(f"{path}:{line}", str(error))
        yield result
    if is_empty:
        raise Fault(path, "is empty", "fill it, or take it out of the sources")


class _Reader:
    """What all rows of a file share."""

    def __init__(self, path: Path, source: Source, contract: Contract, shapes: Counter[str]) -> None:
        self.opened: Opened = open_rows(path)
        self._start, self._source, self._shapes = f"{path}:", source, shapes
        self._tell = Teller(source, contract, self.opened.is_text).tell

    def record(self, line: int, row: Any) -> Record:
        """The row as a record. Raises Unreadable where it is no example."""
        if type(row) is not dict:
            raise row if isinstance(row, Unreadable) else Unreadable("not a JSON object")
        told = self._tell(row)
        self._shapes[told.name] += 1
        messages, rejected, tools = told.read(row)
        if not messages or (
            messages[-1]["role"] != "assistant" and all(turn["role"] != "assistant" for turn in messages)
        ):
            raise Unreadable("no assistant turn; add the answer")
        group, tags = self._belongs(row, told)
        try:
            identity = record_id(messages, rejected, tools)
        except UnicodeEncodeError:
            raise Unreadable(BROKEN) from None
        return Record(
            answered_by=self._source.answered_by,
            group=group or identity,
            id=identity,
            licence=self._source.licence,
            messages=tuple(messages),
            origin=self._source.origin,
            rejected=tuple(rejected),
            source=self._start + str(line),
            tags=tags,
            tools=tuple(tools),
        )

    def _belongs(self, row: Row, told: Told) -> tuple[str, tuple[str, ...]]:
        """Group and tags of a row."""
        is_mapped = told.name == COLUMNS
        for name in (told.group, told.tags) if is_mapped else ():
            if name is not None and (name not in row or (row[name] is None and self.opened.is_text)):
                raise Unreadable(f"column {name} is missing in this row" if name in row else f"no column {name}")
        group = row.get(told.group) if told.group else None
        tags = row.get(told.tags) if told.tags else None
        if is_mapped and type(group) is int:
            group = str(group)
        if isinstance(tags, str) and (is_mapped or self.opened.is_table):
            tags = [tag.strip() for tag in tags.split(";") if tag.strip()]
        if group is None and not tags:
            return "", ()
        return _checked(group or "", tags or [])


def _checked(group: Any, tags: Any) -> tuple[str, tuple[str, ...]]:
    if not isinstance(group, str) or not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unreadable(MARKS)
    try:
        "".join([group, *tags]).encode()
    except UnicodeEncodeError:
        raise Unreadable(BROKEN) from None
    return " ".join(group.split()), tuple(sorted(set(tags)))
