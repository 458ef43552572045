"""Greedy answers in slots (pipeline.model.slots): a row that has come to its end makes room for the next one.

In a batch that ends together most rows wait for the longest of them.
"""

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from pipeline.model.alike import enough
from pipeline.model.asked import COLUMNS, STEP, Asked, padded
from pipeline.model.slots import Slots, together


class Line:
    """Rows that wait for slots of one kind, the longest first. Processes that are forked afterwards take from the same line.

    Rows that are read together have one padded length.
    """

    def __init__(self, slots: int, rows: Iterable[Asked]) -> None:
        self.slots, self._rows = slots, sorted(rows, key=lambda row: -len(row.own))
        self.columns, self.shared = self._rows[0].columns, self._rows[0].prompt[: self._rows[0].shared]
        self._taken = multiprocessing.Value("q", 0)

    @property
    def is_empty(self) -> bool:
        return self._taken.value == len(self._rows)

    def take(self, free: int, may_wait: bool) -> list[Asked]:
        """The next rows that are read together; none where fewer slots are `free` than rows go together and they `may_wait`."""
        with self._taken.get_lock():
            ahead = self._rows[self._taken.value :]
            if not ahead:
                return []
            width = padded(len(ahead[0].own), STEP)
            most = min(together(width), self.slots)
            if may_wait and free < most:
                return []
            chosen = [row for row in ahead[: min(most, free)] if padded(len(row.own), STEP) == width]
            self._taken.value += len(chosen)
        return chosen


def lines_of(rows: Iterable[Asked], count: int) -> list[Line]:
    """A line for each kind of slots: `count` of them for prompts of up to COLUMNS tokens, and fewer for longer ones.

    So they take as much memory. The longest come first, so that a lack of it shows at once.
    """
    kinds: dict[tuple[int, int, tuple[int, ...]], list[Asked]] = defaultdict(list)
    for row in rows:
        slots = max(1, count * COLUMNS // padded(len(row.own), COLUMNS))
        kinds[row.columns, slots, tuple(row.prompt[: row.shared])].append(row)
    return [Line(slots, chosen) for (_, slots, _), chosen in sorted(kinds.items(), reverse=True)]


@torch.inference_mode()
def decode(model: Any, pad: int, ends: set[int], lines: Sequence[Line]) -> Iterator[Asked]:
    """Each row that this process takes from the lines as its answer comes to its end; a token of `ends` stands last where there is one."""
    for line in lines:
        if not line.is_empty:
            sizes = enough(model, line.slots, line.columns, len(line.shared))
            yield from _answered(Slots(model, pad, line.slots, line.columns, line.shared, sizes), ends, line)


def _answered(slots: Slots, ends: set[int], line: Line) -> Iterator[Asked]:
    running = dict[int, Asked]()
    while True:
        _fill(slots, line, running)
        if not running:
            return
        _close_up(slots, running)
        said = slots.step(max(running) + 1).argmax(-1).tolist()
        for slot, row in list(running.items()):
            row.said.append(said[slot])
            slots.go_on(slot, said[slot])
            if said[slot] in ends or len(row.said) == row.most:
                slots.leave(slot)
                row.seconds = time.monotonic() - row.seconds
                yield running.pop(slot)


def _fill(slots: Slots, line: Line, running: dict[int, Asked]) -> None:
    """Read as many rows as there is room for; a few free slots wait until as many are free as are read at once."""
    free = [slot for slot in range(len(slots.tokens)) if slot not in running]
    while free and (chosen := line.take(len(free), may_wait=bool(running))):
        for row in chosen:
            row.seconds = time.monotonic()
        taken, free = free[: len(chosen)], free[len(chosen) :]
        slots.read(taken, [row.own for row in chosen])
        running |= dict(zip(taken, chosen, strict=True))


def _close_up(slots: Slots, running: dict[int, Asked]) -> None:
    """Move rows out of the slots that need not be reckoned."""
    wanted = slots.counted(len(running))
    holes = [slot for slot in range(wanted) if slot not in running]
    for slot, hole in zip([slot for slot in running if slot >= wanted], holes, strict=False):
        slots.move(slot, hole)
        running[hole] = running.pop(slot)
