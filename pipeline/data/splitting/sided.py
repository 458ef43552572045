"""Records that have a side, read line by line: the side is worked out once, the line is decoded where somebody needs it."""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from sys import intern
from typing import NamedTuple

from pipeline.data.records import RECORD, Key, Record, line_of, read_lines, stream_keys, stream_records
from pipeline.data.splitting.sides import Side, Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet

LEARNT: tuple[Side, ...] = ("train", "validation")
HELD_OUT: tuple[Side, ...] = ("test", "new")
SIDES = (*LEARNT, *HELD_OUT)
HEX = re.compile("[0-9a-f]{16}")
Lines = Callable[[], Iterator[tuple[Side, bytes]]]  # side and line of each record, as often as it takes


class _Key(NamedTuple):
    """What a side depends on, kept in memory."""

    id: str
    own_group: str | None

    @property
    def group(self) -> str:
        """The group, which is the record itself where it has none."""
        return self.id if self.own_group is None else self.own_group


class Sided:
    """The records and those that were added to them, each with its side, which is worked out once."""

    def __init__(self, records: Path, approved: Path, test_set: TestSet, params: SplitParams) -> None:
        self._records = records
        self._ids = array("Q")
        self._groups: list[str | None] = []  # None where a record is a group of its own
        self._edited: list[Record] = []
        side = Sides(self._noted(), test_set, params)
        known = set(self._ids)
        self._approved = [record for record in stream_records(approved) if int(record.id, 16) not in known]
        self._ids.extend(int(record.id, 16) for record in self._approved)
        self._groups.extend(record.group for record in self._approved)
        keys = (_Key(f"{identity:016x}", group) for identity, group in zip(self._ids, self._groups, strict=True))
        self._sides = bytearray(SIDES.index(side.of(key)) for key in keys)

    @property
    def unpaired(self) -> list[Record]:
        """Records of which `ingest` knows no near ones: the teacher's, and what people edited."""
        return self._approved + self._edited

    def _noted(self) -> Iterator[Key]:
        for key, line in stream_keys(self._records):
            self._ids.append(int(key.id, 16))
            self._groups.append(None if key.group == key.id else intern(key.group))
            if key.parents:
                self._edited.append(RECORD.decode(line))
            yield key

    def lines(self) -> Iterator[tuple[Side, bytes]]:
        """Side and line of each record."""
        lines = chain((line for _, line in read_lines(self._records)), map(line_of, self._approved))
        for number, line in zip(self._sides, lines, strict=True):
            yield SIDES[number], line

    def named(self, names: Collection[str]) -> dict[str, tuple[Side, Record]]:
        """Side and record by id, for a few ids."""
        wanted = _numbers(names)
        if wanted.isdisjoint(self._ids):
            return {}
        found = zip(self._ids, self.lines(), strict=True)
        records = ((side, RECORD.decode(line)) for identity, (side, line) in found if identity in wanted)
        return {record.id: (side, record) for side, record in records}

    def write(self, out: Path, gone: Collection[str]) -> Counter[str]:
        """Write each side's records but those that are gone; returns how many."""
        sizes: Counter[str] = Counter()
        leaving = _numbers(gone)
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files = {side: stack.enter_context((out / f"{side}.jsonl").open("wb")) for side in SIDES}
            for identity, (side, line) in zip(self._ids, self.lines(), strict=True):
                if identity not in leaving:
                    files[side].write(line)
                    sizes[side] += 1
            for side, file in files.items():
                if not sizes[side]:
                    file.write(b"\n")  # DVC warns of an empty file at every run
        return sizes


def _numbers(names: Collection[str]) -> set[int]:
    return {int(name, 16) for name in names if HEX.fullmatch(name)}
