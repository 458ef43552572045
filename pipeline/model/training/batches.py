"""Which rows stand in a batch together: rows of about the same length, in an order that depends on seed and epoch alone.

The Trainer's own sampler draws from the global random state, which is another one where a run goes on after a kill.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

POOL = 8  # batches whose rows are sorted by length together: the more, the less padding and the higher the loss (docs/benchmarks.md)


class ByLength:
    """A sampler of row numbers. Rows are drawn at random, sorted by length within each POOL batches, and cut into batches.

    The batch with the longest row comes first, so that a lack of memory shows at once; the others come in any order, for a model
    that sees long rows first and short ones last learns less.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, pool: int = POOL) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, 0
        self._pool = pool

    def set_epoch(self, epoch: int) -> None:
        """Take the order of that epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(self._seed * 1_000_003 + self._epoch)
        rows, size = list(range(len(self._lengths))), self._batch_size
        rng.shuffle(rows)
        for first in range(0, len(rows), self._pool * size):
            rows[first : first + self._pool * size] = sorted(
                rows[first : first + self._pool * size], key=self._longest_first
            )
        batches = [rows[first : first + size] for first in range(0, len(rows), size)]
        last = [batches.pop()] if len(rows) % size else []  # what is not full stays at the end
        rng.shuffle(batches)
        batches.sort(key=lambda batch: self._lengths[batch[0]] < max(self._lengths))  # stable: the longest to the front
        return chain.from_iterable([*batches, *last])

    def _longest_first(self, row: int) -> int:
        return -self._lengths[row]


class Groups:
    """A sampler of question numbers for drawing answers: `drawn` questions at a time, each `answers` times in a row, all that `again`
    times, as TRL's policy trainers take them.

    TRL's own leaves out what does not fill up the last draw, and goes on from the random state of the epoch before, which a run
    that was killed never saw. Here the last draw is filled up with the first questions.
    """

    def __init__(self, questions: int, drawn: int, answers: int, again: int, seed: int) -> None:
        self._questions, self._drawn, self._answers, self._again = questions, drawn, answers, again
        self._seed, self._epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Take the order of that epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._questions // self._drawn) * self._drawn * self._answers * self._again

    def __iter__(self) -> Iterator[int]:
        order = list(range(self._questions))
        random.Random(self._seed * 1_000_003 + self._epoch).shuffle(order)
        for first in range(0, self._questions, self._drawn):
            draw = [order[number % self._questions] for number in range(first, first + self._drawn)]
            for _ in range(self._again):
                yield from (question for question in draw for _ in range(self._answers))


def ordered(kind: Any) -> Any:
    """A kind of Trainer whose batches come in an order of ours; it is made with the lengths of its rows."""

    class Ordered(kind):  # type: ignore[misc]  # TRL is untyped
        def __init__(self, *, lengths: Sequence[int], pool: int = POOL, **options: Any) -> None:
            self.lengths, self.pool = lengths, pool
            super().__init__(**options)

        def _get_train_sampler(self, _train_dataset: Any = None) -> ByLength:
            size = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
            return ByLength(self.lengths, size, self.args.seed, self.pool)

    return Ordered
