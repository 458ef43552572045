"""Greedy answers in slots (pipeline.model.slots): a row that has come to its end makes room for the next one.

In a batch that ends together most rows wait for the longest of them.
"""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from pipeline.model.alike import enough
from pipeline.model.asked import COLUMNS, STEP, Asked, padded
from pipeline.model.slots import Slots, together


@torch.inference_mode()
def decode(model: Any, pad: int, ends: set[int], count: int, rows: Iterable[Asked]) -> Iterator[Asked]:
    """Each row as its answer comes to its end, in no order; a token of `ends` stands last where there is one.

    `count` slots for prompts of up to COLUMNS tokens, and fewer for longer ones, so that they take as much memory. The longest come
    first, so that a lack of it shows at once.
    """
    pools: dict[tuple[int, int, tuple[int, ...]], list[Asked]] = defaultdict(list)
    for row in rows:
        slots = max(1, count * COLUMNS // padded(len(row.own), COLUMNS))
        pools[row.columns, slots, tuple(row.prompt[: row.shared])].append(row)
    for (columns, slots, shared), chosen in sorted(pools.items(), reverse=True):
        sizes = enough(model, slots, columns, len(shared))
        yield from _pool(Slots(model, pad, slots, columns, shared, sizes), ends, chosen)


def _pool(slots: Slots, ends: set[int], rows: list[Asked]) -> Iterator[Asked]:
    """Each row when it has ended. Rows that are read together have one length; the longest come first."""
    queue, running = deque(sorted(rows, key=lambda row: -len(row.own))), dict[int, Asked]()
    while queue or running:
        _fill(slots, queue, running)
        _close_up(slots, running)
        said = slots.step(max(running) + 1).argmax(-1).tolist()
        for slot, row in list(running.items()):
            row.said.append(said[slot])
            slots.go_on(slot, said[slot])
            if said[slot] in ends or len(row.said) == row.most:
                slots.leave(slot)
                row.seconds = time.monotonic() - row.seconds
                yield running.pop(slot)


def _fill(slots: Slots, queue: deque[Asked], running: dict[int, Asked]) -> None:
    """Read as many rows as there is room for; a few free slots wait until as many are free as are read at once."""
    free = [slot for slot in range(len(slots.tokens)) if slot not in running]
    while queue and free:
        width, chosen = padded(len(queue[0].own), STEP), list[Asked]()
        most = together(width)
        if running and len(free) < min(most, len(slots.tokens)):
            return
        while queue and len(chosen) < min(most, len(free)) and padded(len(queue[0].own), STEP) == width:
            chosen.append(queue.popleft())
            chosen[-1].seconds = time.monotonic()
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
