"""Another attention in the place of a model's usual one, once it is tried on the model at hand that it changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

USUAL = "sdpa"  # whose place another one can take
EXACT = {2: 0.1, 4: 1e-3}  # nats by which a log-probability may differ in the mean, by the bytes of a weight


def is_exact(model: Any, gap: float) -> bool:
    """Whether a difference of so many nats is no more than rounding."""
    return gap <= EXACT[min(4, model.dtype.itemsize)]


@contextmanager
def attending(model: Any, name: str) -> Iterator[None]:
    """Have a model attend in the way of that name; afterwards it attends as before."""
    usual = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
