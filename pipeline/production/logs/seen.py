"""Which ids were seen: a set of 64-bit hashes in one array, a fifth of what a set of Python's takes.

Two of a million different ids share a hash with a chance of three in a hundred million.
"""

from array import array

FIRST = 2**12  # places
FULL = 0.6


class Seen:
    """A set that grows, by open addressing. `add` says whether the value is new."""

    def __init__(self) -> None:
        self._mask = FIRST - 1
        self._table = array("q", bytes(8 * FIRST))
        self._count, self._room = 0, int(FIRST * FULL)

    def __len__(self) -> int:
        return self._count

    def add(self, value: str | bytes) -> bool:
        """True where the value was not there yet."""
        wanted = hash(value) or 1  # 0 is an empty place
        table, mask = self._table, self._mask
        place = wanted & mask
        while found := table[place]:
            if found == wanted:
                return False
            place = (place + 1) & mask
        table[place] = wanted
        self._count += 1
        if self._count > self._room:
            self._grow()
        return True

    def _grow(self) -> None:
        size = 2 * len(self._table)
        grown, mask = array("q", bytes(8 * size)), size - 1
        for value in self._table:
            if value:
                place = value & mask
                while grown[place]:
                    place = (place + 1) & mask
                grown[place] = value
        self._table, self._mask, self._room = grown, mask, int(size * FULL)
