"""Greedy answers in batches that end together, by the model's own `generate`.

A row's shape depends on its own length alone: prompts are padded on the left to the next multiple of BATCH_STEP tokens, batches
always have the same number of rows (the last is filled up), so the arithmetic of a row never changes with what stands
beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.model.asked import BATCH_STEP, padded


def batches(todo: Mapping[str, Sequence[int]], size: int) -> list[list[str]]:
    """Keys of equal padded length, `size` at a time, the longest first so that a lack of memory shows at once."""
    buckets: dict[int, list[str]] = defaultdict(list)
    for key, row in todo.items():
        buckets[padded(len(row), BATCH_STEP)].append(key)
    return [
        keys[at : at + size] for _, keys in sorted(buckets.items(), reverse=True) for at in range(0, len(keys), size)
    ]


def generate(model: Any, pad: int, rows: Sequence[Sequence[int]], size: int, max_new_tokens: int) -> list[list[int]]:
    """What is said after each row of one batch, of shape (size, padded length); after its end a row says anything."""
    import torch

    width = padded(max(len(row) for row in rows), BATCH_STEP)
    filled = [*rows, *[rows[0]] * (size - len(rows))]
    ids = torch.tensor([[pad] * (width - len(row)) + [*row] for row in filled], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in filled], device=model.device)
    with torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens)
    said: list[list[int]] = out[: len(rows), width:].tolist()
    return said
