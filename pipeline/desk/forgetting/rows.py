"""A person's rows in the sources, the feedback, and earlier versions of both: what is there, and which records it makes."""

from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.personal.cleaning import cleaned
from pipeline.data.personal.finding import KINDS, PersonalDataParams
from pipeline.data.reading.files import open_rows
from pipeline.data.reading.readers import read_source
from pipeline.data.reading.rows import Unreadable
from pipeline.data.reading.sources import Source, check_files, load_sources
from pipeline.data.records import Record
from pipeline.data.synthetic.candidates import Demands, ValidateLimits
from pipeline.desk.forgetting.pieces import row_texts
from pipeline.desk.forgetting.terms import GROUP, Needles, Terms, row_digest
from pipeline.desk.inputs import FEEDBACK, SCHEMA, SOURCES
from pipeline.ingest import IngestParams, feedback_sources
from pipeline.stage import Fault, load_params


def is_source(name: str) -> bool:
    """Whether a path is that of a file of rows, of today or of another day."""
    return Path(name).parent in (SOURCES.parent, FEEDBACK) and Path(name) != SOURCES


@dataclass
class File:
    """A file of rows: by number (from 0) the line of each row that goes, and of all rows lines, digests, and ids raw and masked."""

    path: Path
    gone: dict[int, int] = field(default_factory=dict)
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    digests: "array[int]" = field(default_factory=lambda: array("Q"))
    raw: "array[int]" = field(default_factory=lambda: array("Q"))
    masked: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, line: int, row: Any, records: tuple[Record, ...]) -> int:
        """Note a row, and give its number."""
        self.lines.append(line)
        self.digests.append(int(row_digest(row), 16))
        for ids, record in zip((self.raw, self.masked), records or (None, None), strict=True):
            ids.append(int(record.id, 16) if record else 0)
        return len(self.lines) - 1

    def staying(self) -> Iterator[int]:
        """Digests and ids of the rows that stay."""
        for number, numbers in enumerate(zip(self.digests, self.raw, self.masked, strict=True)):
            if number not in self.gone:
                yield from numbers

    def take_duplicates(self, ids: frozenset[int]) -> Iterator[str]:
        """Rows that make one of these records go too; gives their digests."""
        for number, pair in enumerate(zip(self.raw, self.masked, strict=True)):
            if number not in self.gone and not ids.isdisjoint(pair):
                self.gone[number] = self.lines[number]
                yield f"{self.digests[number]:016x}"


class Rows:
    """The listed sources and the feedback. `files` are those that have been searched, `seeds` the records that were found."""

    def __init__(self, terms: Terms) -> None:
        listed = load_sources(SOURCES)
        check_files(SOURCES, listed)
        self.sources: dict[str, Source] = {str(SOURCES.parent / source.file): source for source in listed}
        self.sources |= {str(path): source for path, source in feedback_sources(FEEDBACK)}
        self.columns = {GROUP} | {
            source.columns.group.lower() for source in listed if source.columns and source.columns.group
        }
        self.terms, self.files = terms, list[File]()
        self.seeds: dict[str, Record] = {}
        self._staying = frozenset[int]()
        self.demands = Demands(Contract.load(SCHEMA), load_params(ValidateLimits), frozenset(KINDS))
        self._policy: PersonalDataParams = load_params(IngestParams).personal_data

    def search(self) -> None:
        """Look through every file of today. Raises Fault where one is not there or cannot be read."""
        self.files = [self._read(Path(name), source, is_old=False) for name, source in self.sources.items()]
        self.take_duplicates()

    def take_duplicates(self) -> None:
        """Rows of today that make a record which has become known since."""
        ids = frozenset(int(name, 16) for name in self.terms.ids)
        for file in self.files:
            self.terms.rows |= set(file.take_duplicates(ids))
        self._staying = frozenset(number for file in self.files for number in file.staying())

    def learn(self, copy: Path, name: str) -> None:
        """Take in the records of the person's rows in a copy of an earlier version of the file of that name.

        The copy has the name too. What is no source today, or cannot be read as it is read today, teaches nothing.
        """
        feedback = dict(feedback_sources(copy.parent)) if Path(name).parent == FEEDBACK else {}
        source = feedback.get(copy) or self.sources.get(name)
        if source is not None:
            with suppress(Fault):
                self._read(copy, source, is_old=True)

    def holds(self, path: Path) -> bool:
        """Whether a file that may be one of rows holds a row of the person, or an earlier version of one."""
        try:
            return any(self._is_theirs(row) or self._is_earlier(row, ()) for _, row in open_rows(path).rows)
        except Fault:  # no rows, or damaged ones
            return False

    def _is_theirs(self, row: Any) -> bool:
        return self.terms.in_row(row, self.columns) or self.terms.is_known(row)

    def _is_earlier(self, row: Any, records: tuple[Record, ...]) -> bool:
        """Whether a row asks what a row of the person asks, and is none that stays: two people may say the same."""
        if not self.terms.asks_the_same(row):
            return False
        return self._staying.isdisjoint([int(row_digest(row), 16), *(int(record.id, 16) for record in records)])

    def _read(self, path: Path, source: Source, is_old: bool) -> File:
        file = File(path)
        unread: set[int] = set()
        for line, row, records in self._rows(path, source):
            number = file.add(line, row, records)
            if isinstance(row, Unreadable):
                unread.add(number)
            elif (
                self._is_theirs(row)
                or any(record.id in self.terms.ids for record in records)
                or (is_old and self._is_earlier(row, records))
            ):
                file.gone[number] = line
                self.terms.learn(row, records)
                self.seeds |= {record.id: record for record in records}
        self._look_at_bytes(file, unread)
        return file

    def _rows(self, path: Path, source: Source) -> Iterator[tuple[int, Any, tuple[Record, ...]]]:
        """Line, value, and the record of each row, as it stands and masked; no record where it is a reject."""
        if next(open_rows(path).rows, None) is None:
            return  # its last row has been forgotten
        for (line, row), item in zip(
            open_rows(path).rows, read_source(path, source, self.demands.contract), strict=True
        ):
            if not isinstance(item, Record):
                yield line, row, ()
                continue
            masked = cleaned(item, self._policy).row
            yield line, row, (item, masked if isinstance(masked, Record) else item)

    def _look_at_bytes(self, file: File, unread: set[int]) -> None:
        """What is no row, such as a line that is no JSON, may hold the text too."""
        needles = Needles(self.terms)
        for number, text in enumerate(row_texts(file.path) if unread else ()):
            if number in unread and needles.in_bytes(text):
                file.gone[number] = file.lines[number]
