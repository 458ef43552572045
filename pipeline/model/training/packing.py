"""Packed rows, proved: what stands beside an example in its row must change nothing of it.

Attention tells examples apart by positions that begin anew. A model that ignores them would learn from its neighbours without
a word.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.model.rendering import Row
from pipeline.stage import Fault

SHARE = 0.1  # of the difference that a neighbour makes where it is seen
EXACT = 1e-5


def prove_packing(model: Any, rows: Sequence[Row]) -> dict[str, float]:
    """Mean absolute differences of the log-probabilities of an example: beside another one, and as one text with it.

    Raises Fault where the first is no small part of the second.
    """
    first, second = (sorted(rows, key=lambda row: (row.size, row.ids)) * 2)[:2]
    ids = first.ids + second.ids
    positions = [*range(first.size), *range(second.size)]
    was_training = model.training
    model.eval()
    alone = _log_probabilities(model, second.ids, list(range(second.size)))
    beside = _log_probabilities(model, ids, positions)[first.size :]
    joined = _log_probabilities(model, ids, list(range(len(ids))))[first.size :]
    model.train(was_training)
    packed, seen = ((other - alone).abs().mean().item() for other in (beside, joined))
    if packed > max(EXACT, SHARE * seen):
        fault = f"lets packed examples see each other on this model (they differ by {packed:.2g}, as one text by {seen:.2g})"
        raise Fault("params.yaml: train.packing", fault, "set it to false, or choose another train.attention")
    return {"beside_another": float(f"{packed:.1g}"), "as_one_text": float(f"{seen:.1g}")}


def _log_probabilities(model: Any, ids: list[int], positions: list[int]) -> Any:
    """Shape (tokens, vocabulary)."""
    import torch

    with torch.no_grad():
        tokens, places = (torch.tensor([values], device=model.device) for values in (ids, positions))
        logits = model(input_ids=tokens, position_ids=places, use_cache=False).logits[0]
    return logits.float().log_softmax(-1)
