"""How likely a model holds given answers: the sum of the log-probabilities of their tokens, the end of turn among them.

Like answers, they do not depend on what else stands in the batch: shapes are fixed in the same way.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.data.records import digest
from pipeline.model.adapter import Loaded
from pipeline.model.asked import BATCH_STEP, padded
from pipeline.model.batched import batches
from pipeline.model.generation import Cache, Decoding, Show, context_tokens
from pipeline.model.rendering import Row
from pipeline.stage import Fault


def likelihoods(
    load: Callable[[], Loaded], rows: Sequence[Row], decoding: Decoding, cache: Cache[float], show: Show
) -> list[float]:
    """The log-likelihood of what is learnt of each row, in nats. The model is loaded only if one of them is not known yet.

    A row that the model cannot read as a whole has minus infinity.
    """
    keys = [digest([row.ids, row.learnt]) for row in rows]
    todo = {key: row for key, row in zip(keys, rows, strict=True) if key not in cache.found}
    if todo:
        loaded, done = load(), len(keys) - len(todo)
        for batch in batches({key: row.ids for key, row in todo.items()}, decoding.batch_size):
            cache.add(_measure(loaded, {key: todo[key] for key in batch}, decoding.batch_size))
            done += len(batch)
            show(done, len(keys), "likelihoods")
    return [cache.found[key] for key in keys]


def _measure(loaded: Loaded, rows: dict[str, Row], size: int) -> dict[str, float]:
    """One batch of one shape: (size, padded length), padded on the right."""
    import torch

    width = padded(max(row.size for row in rows.values()), BATCH_STEP)
    if width > context_tokens(loaded.model):
        return dict.fromkeys(rows, float("-inf"))
    filled = [*rows.values(), *[next(iter(rows.values()))] * (size - len(rows))]
    pad, device = loaded.tokenizer.pad_token_id, loaded.model.device
    ids = torch.tensor([row.ids + [pad] * (width - row.size) for row in filled], device=device)
    mask = torch.tensor([[1] * row.size + [0] * (width - row.size) for row in filled], device=device)
    try:
        with torch.inference_mode():
            logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            return {key: _sum(logits[number], ids[number], row) for number, (key, row) in enumerate(rows.items())}
    except torch.OutOfMemoryError:
        fault = f"{size} texts of {width} tokens do not fit the memory"
        raise Fault("params.yaml: predict.batch_size", fault, "lower it") from None


def _sum(logits: Any, ids: Any, row: Row) -> float:
    """Of one row; a token is told by what stands before it."""
    places = [place for place, is_learnt in enumerate(row.learnt) if is_learnt and place]
    told = logits[[place - 1 for place in places]].float().log_softmax(-1)
    return round(float(told.gather(-1, ids[places].unsqueeze(-1)).double().sum()), 4)
