"""Attention example by example, so that the rows of a batch stand behind each other and nothing is padded.

Transformers tells examples in one row apart by a mask as wide as the row, or by a kernel for GPUs. Here each example is attended
to by itself: nothing is computed for padding or for pairs of tokens that do not see each other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from pipeline.model.rendering import Row
from pipeline.model.training.packing import log_probabilities, pieces, shift
from pipeline.model.trial import USUAL, attending, is_exact

NAME = "by_example"


@contextmanager
def by_example(model: Any, rows: Sequence[Row], is_wanted: bool) -> Iterator[bool]:
    """Have a model attend example by example, where it can do so and it changes nothing; whether it does.

    Proved on the longest of the rows (a window of attention, or chunks of it, would show there) and on two behind each other.
    Afterwards the model attends as before.
    """
    usual = model.config._attn_implementation
    if not is_wanted or usual != USUAL or not model._can_set_attn_implementation():
        yield False
        return
    _register()
    is_same = is_exact(model, _gap(model, max(rows, key=lambda row: row.size)))
    if is_same:
        with attending(model, NAME):
            is_same = shift(model, rows).is_none
    with attending(model, NAME if is_same else usual):
        yield is_same


def _gap(model: Any, row: Row) -> float:
    """By how many nats log-probabilities differ in the mean from those of the usual attention."""
    total = 0.0
    for places in pieces(model, row.size):
        before = log_probabilities(model, [row.ids], places)
        with attending(model, NAME):
            after = log_probabilities(model, [row.ids], places)
        total += after.sub_(before).abs_().mean().item() * len(places)
    return total / row.size


def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)  # without a mask of that name, transformers makes none


def attend(
    _module: Any,
    query: Any,
    key: Any,
    value: Any,
    _mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    cu_seq_lens_q: Any = None,
    **_: Any,
) -> tuple[Any, None]:
    """Causal attention within each example; of shape (batch, heads, tokens, width), as transformers calls it.

    `cu_seq_lens_q`: where examples begin and the last one ends, as TRL gives it; without it each row is one example.
    """
    import torch

    sizes = _sizes(cu_seq_lens_q) if cu_seq_lens_q is not None else [query.shape[2]]
    options = {"dropout_p": dropout, "scale": scaling, "is_causal": True, "enable_gqa": query.shape[1] != key.shape[1]}
    parts = zip(*(values.split(sizes, dim=2) for values in (query, key, value)), strict=True)
    found = [
        torch.nn.functional.scaled_dot_product_attention(one, other, third, **options).transpose(1, 2)
        for one, other, third in parts
    ]
    return torch.cat(found, dim=1), None


class _Last:
    """The sizes of the last batch: each layer asks for the same ones, and a GPU would have to be waited for."""

    bounds: Any = None
    sizes: Sequence[int] = ()


def _sizes(bounds: Any) -> list[int]:
    if _Last.bounds is not bounds:
        _Last.bounds, _Last.sizes = bounds, [end - start for start, end in pairwise(bounds.tolist())]
    return list(_Last.sizes)
