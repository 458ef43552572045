"""Rows of several examples, proved: what stands beside an example in its row must change nothing of it.

Attention tells examples apart by positions that begin anew, or by where they begin. A model that ignores both would learn from its
neighbours without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pipeline.model.rendering import Row
from pipeline.stage import Fault

SHARE = 0.1  # of the difference that a neighbour makes where it is seen
EXACT = 1e-5
VALUES = 2**24  # of a table: 64 MiB in float32, and a few such at a time


@dataclass(frozen=True)
class Shift:
    """Mean absolute differences of the log-probabilities of an example: `beside` another one, and as one text with it (`joined`)."""

    beside: float
    joined: float

    @property
    def is_none(self) -> bool:
        """Whether the first is no more than rounding, or a small part of the second."""
        return self.beside <= max(EXACT, SHARE * self.joined)


def prove_packing(model: Any, rows: Sequence[Row]) -> dict[str, float]:
    """What a neighbour changes, for the report. Raises Fault where it is seen."""
    found = shift(model, rows)
    if not found.is_none:
        differ = f"they differ by {found.beside:.2g}, as one text by {found.joined:.2g}"
        fault = f"lets packed examples see each other on this model ({differ})"
        raise Fault("params.yaml: train.packing", fault, "set it to false, or choose another train.attention")
    return {"beside_another": float(f"{found.beside:.1g}"), "as_one_text": float(f"{found.joined:.1g}")}


def shift(model: Any, rows: Sequence[Row]) -> Shift:
    """What the second of the two shortest rows becomes behind the first."""
    first, second = (sorted(rows, key=lambda row: (row.size, row.ids)) * 2)[:2]
    neighbours = ([first.ids, second.ids], [first.ids + second.ids])
    totals = [0.0, 0.0]
    for places in pieces(model, second.size):
        alone = log_probabilities(model, [second.ids], places)
        behind = range(first.size + places.start, first.size + places.stop)
        for number, examples in enumerate(neighbours):
            other = log_probabilities(model, examples, behind)
            totals[number] += other.sub_(alone).abs_().mean().item() * len(places)
    return Shift(*(total / second.size for total in totals))


def pieces(model: Any, size: int) -> list[range]:
    """The places of a row in pieces of which no table of places by vocabulary is large."""
    step = max(1, VALUES // int(model.config.get_text_config().vocab_size))
    return [range(start, min(start + step, size)) for start in range(0, size, step)]


def log_probabilities(model: Any, examples: Sequence[list[int]], places: range) -> Any:
    """Those at some places of examples behind each other in one row, given as TRL's trainer gives it: shape (places, vocabulary)."""
    import torch

    sizes = [len(ids) for ids in examples]
    bounds = torch.tensor([0, *accumulate(sizes)], dtype=torch.int32, device=model.device)
    flat = {
        "input_ids": [token for ids in examples for token in ids],
        "position_ids": [place for size in sizes for place in range(size)],
    }
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(
            **{name: torch.tensor([values], device=model.device) for name, values in flat.items()},
            cu_seq_lens_q=bounds,
            cu_seq_lens_k=bounds,
            max_length_q=max(sizes),
            max_length_k=max(sizes),
            use_cache=False,
            logits_to_keep=torch.tensor(places, device=model.device),
        ).logits[0]
    model.train(was_training)
    return logits.float().log_softmax(-1)
