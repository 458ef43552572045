"""Which rows stand in a batch together: rows of about the same length, in an order that depends on seed and epoch alone.

The Trainer's own sampler draws from the global random state, which is another one where a run goes on after a kill.
"""

from collections.abc import Iterator, Sequence
from typing import Any


class ByLength:
    """A sampler of row numbers. Batches are drawn at random, then sorted by length within fifty of them, the longest row first."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Take the order of that epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices

        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        return iter(get_length_grouped_indices(self._lengths, self._batch_size, generator=generator))


def ordered(kind: Any) -> Any:
    """A kind of Trainer whose batches come in an order of ours; it is made with the lengths of its rows."""

    class Ordered(kind):  # type: ignore[misc]  # TRL is untyped
        def __init__(self, *, lengths: Sequence[int], **options: Any) -> None:
            self.lengths = lengths
            super().__init__(**options)

        def _get_train_sampler(self, _train_dataset: Any = None) -> ByLength:
            size = self.args.train_batch_size * self.args.gradient_accumulation_steps
            return ByLength(self.lengths, size, self.args.seed)

    return Ordered
