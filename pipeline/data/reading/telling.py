"""Telling: what the rows of a file are. A set of keys is looked at once; all rows that have it are read alike."""

from dataclasses import dataclass
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.reading.fields import INPUTS, Read, columns_reader, fields_columns, fields_reader
from pipeline.data.reading.rows import Row, Unreadable, shown_keys
from pipeline.data.reading.shapes import PAIR_SHAPES, SHAPES, WHOLE_SHAPES
from pipeline.data.reading.sources import Columns, Source

FIELDS, COLUMNS, UNKNOWN = "fields", "columns", "unknown"
WORDS = frozenset(
    {"group", "tags", "context", "label", *INPUTS}.union(*(keys for shape in SHAPES for keys in shape.needs))
)
REMEMBERED = 1000  # sets of keys; there are more only where keys are data


@dataclass(frozen=True)
class Told:
    """What rows with certain keys are: the shape's name, how they are read, and where group and tags stand."""

    name: str
    read: Read
    group: str | None = "group"
    tags: str | None = "tags"


class Teller:
    """Tells what a row of one file is. `is_text`: its cells are those of a CSV, so all are texts and none is null."""

    def __init__(self, source: Source, contract: Contract, is_text: bool) -> None:
        self._wanted, self._contract, self._is_text = source.format, contract, is_text
        self._known: dict[tuple[str, ...], Told] = {}
        self._mapped = None if source.columns is None else self._of(COLUMNS, source.columns)

    def tell(self, row: Row) -> Told:
        """What the row is. Its `read` raises Unreadable where that is nothing that is known."""
        return self._mapped or self._known.get(tuple(row)) or self._new(row)

    def _new(self, row: Row) -> Told:
        lowered = {key: key.lower() for key in row}
        if any(low != key and (low in WORDS or low in self._contract.fields) for key, low in lowered.items()):
            plain = self._told([*row, *lowered.values()])
            told = Told(plain.name, lambda row: plain.read(_lowered(row)), *_cases(row, plain))
        else:
            told = self._told(list(row))
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[tuple(row)] = told
        return told

    def _told(self, keys: list[str]) -> Told:
        """The first shape that the keys have, or the one that is wanted."""
        whole, part = (fields_columns(keys, self._contract, is_whole) for is_whole in (True, False))
        wanted = self._wanted
        for shapes, columns in ((WHOLE_SHAPES, whole), (PAIR_SHAPES, part)):
            for shape in shapes:
                if shape.fits(keys) and wanted in (None, shape.name):
                    return Told(shape.name, shape.read)
            if columns is not None and wanted in (None, FIELDS):
                return self._of(FIELDS, columns)
        return Told(UNKNOWN, self._refuse)

    def _of(self, name: str, columns: Columns) -> Told:
        reader = fields_reader if name == FIELDS else columns_reader
        return Told(name, reader(columns, self._contract, self._is_text), columns.group, columns.tags)

    def _refuse(self, row: Row) -> Any:
        if self._wanted is None:
            raise Unreadable(f"of no known shape; its keys: {shown_keys(row)}")
        needs = next((shape.needs for shape in SHAPES if shape.name == self._wanted), ())
        keys = " or ".join(" and ".join(sorted(keys)) for keys in needs) or "a question and the answer's fields"
        raise Unreadable(f"not of the shape {self._wanted}, which needs {keys}")


def _lowered(row: Row) -> Row:
    """The row with each key in small letters too, where that is no key already."""
    return {**{key.lower(): value for key, value in row.items()}, **row}


def _cases(row: Row, told: Told) -> tuple[str | None, ...]:
    """Group and tags under the names that they have in the row."""
    names = {**{key.lower(): key for key in row}, **{key: key for key in row}}
    return tuple(names.get(name) if name else None for name in (told.group, told.tags))
