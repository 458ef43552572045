"""Records that have a side, read line by line: the side is worked out once, the line is decoded where somebody needs it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from pipeline.data.records import KEY, RECORD, Key, Record, line_of, read_lines, stream_keys, stream_records
from pipeline.data.splitting.sides import Side, Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet

LEARNT: tuple[Side, ...] = ("train", "validation")
HELD_OUT: tuple[Side, ...] = ("test", "new")
SIDES = (*LEARNT, *HELD_OUT)
Lines = Callable[[], Iterator[tuple[Side, bytes]]]  # side and line of each record, as often as it takes


class Sided:
    """The records and those that were added to them, each with its side, which is worked out once."""

    def __init__(self, records: Path, approved: Path, test_set: TestSet, params: SplitParams) -> None:
        self._records = records
        known = {int(key.id, 16) for key, _ in stream_keys(records)}
        self.added = [record for record in stream_records(approved) if int(record.id, 16) not in known]
        side = Sides(self._keys(), test_set, params)
        self._sides = bytearray(SIDES.index(side.of(key)) for key in self._keys())

    def _keys(self) -> Iterator[Key | Record]:
        yield from (key for key, _ in stream_keys(self._records))
        yield from self.added

    def lines(self) -> Iterator[tuple[Side, bytes]]:
        """Side and line of each record."""
        lines = chain((line for _, line in read_lines(self._records)), map(line_of, self.added))
        for number, line in zip(self._sides, lines, strict=True):
            yield SIDES[number], line

    def named(self, names: Collection[str]) -> dict[str, tuple[Side, Record]]:
        """Side and record by id, for a few ids."""
        found = ((SIDES[number], key.id) for number, key in zip(self._sides, self._keys(), strict=True))
        wanted = {name: side for side, name in found if name in names} if names else {}
        if not wanted:
            return {}
        return {
            record.id: (wanted[record.id], record)
            for _, line in self.lines()
            if KEY.decode(line).id in wanted and (record := RECORD.decode(line))
        }

    def write(self, out: Path, gone: Collection[str]) -> Counter[str]:
        """Write each side's records but those that are gone; returns how many."""
        sizes: Counter[str] = Counter()
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files = {side: stack.enter_context((out / f"{side}.jsonl").open("wb")) for side in SIDES}
            for side, line in self.lines():
                if not gone or KEY.decode(line).id not in gone:
                    files[side].write(line)
                    sizes[side] += 1
            for side, file in files.items():
                if not sizes[side]:
                    file.write(b"\n")  # DVC warns of an empty file at every run
        return sizes
