"""Whether a model can be asked in slots (pipeline.model.slots): tried on the model and the machine at hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from pipeline.model.asked import COLUMNS, STEP
from pipeline.model.slots import FEW, GROUP, NAME, USUAL, Slots, one_token, register

EXACT = {2: 0.1, 4: 1e-3}  # nats by which a log-probability may differ in the mean, by the bytes of a weight
TRIED = 6  # tokens


@contextmanager
def in_slots(model: Any) -> Iterator[bool]:
    """Have a model attend in slots, where it answers in them as it does itself; whether it does. Afterwards it attends as before.

    Tried on a row of its vocabulary, read and continued, with a beginning that is shared and without. Models that move positions by the
    longest row of a batch are not tried.
    """
    config = model.config.get_text_config()
    moves = any(name in str(getattr(config, "rope_parameters", "")) for name in ("'dynamic'", "'longrope'"))
    can = model._can_compile_fullgraph and model._can_set_attn_implementation()
    if moves or not can or model.config._attn_implementation != USUAL:
        yield False
        return
    ids = [(7 + 13 * place) % config.vocab_size for place in range(2 * STEP)]
    with torch.inference_mode():
        plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0]
    register()
    model.set_attn_implementation(NAME)
    try:
        yield max(_gap(model, plain, ids, shared) for shared in (0, STEP)) <= EXACT[min(4, model.dtype.itemsize)]
    finally:
        model.set_attn_implementation(USUAL)


@torch.inference_mode()
def _gap(model: Any, plain: Any, ids: list[int], shared: int) -> float:
    """By how many nats log-probabilities differ in the mean, over the last tokens of a row of which the first ones are shared."""
    start = len(ids) - TRIED
    slots = Slots(model, 0, 2, COLUMNS, ids[:shared], is_free=True)
    slots.read([1, 0], [ids[shared:start], ids[shared : start - 3]])
    found = []
    for token in [*ids[start:], 0]:
        found.append(slots.step(2)[1])
        slots.go_on(0, token)
        slots.go_on(1, token)
    mine, own = (values.float().log_softmax(-1) for values in (torch.stack(found), plain[start - 1 :]))
    return float((mine - own).abs().mean())


def can_take(model: Any, columns: int) -> bool:
    """Whether the attention of a model sees so many tokens, by its config."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    return window is None or columns <= window


def is_steady(model: Any, count: int, columns: int, shared: int) -> bool:
    """Whether leaving out slots and columns changes no bit of what is left, on this machine: tried for every number of both."""
    return _is_steady_in_slots(model, count) and _is_steady_in_columns(model, count, columns, shared)


@torch.inference_mode()
def _is_steady_in_slots(model: Any, count: int) -> bool:
    slots = Slots(model, 0, count, STEP, (), is_free=True)
    slots.tokens = [(5 + 7 * slot) % model.config.get_text_config().vocab_size for slot in range(count)]
    whole = slots.step(count)
    return all(torch.equal(slots.step(busy), whole[:busy]) for busy in range(FEW, count, FEW))


@torch.inference_mode()
def _is_steady_in_columns(model: Any, count: int, columns: int, shared: int) -> bool:
    config = model.config.get_text_config()
    heads, kept = config.num_attention_heads, getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    made = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Any:
        return torch.randn(*shape, generator=made).to(model.device, model.dtype)

    query, key, value = drawn(count, heads, 1, width), *(drawn(count, kept, columns, width) for _ in "kv")
    before = (drawn(1, kept, shared, width), drawn(1, kept, shared, width)) if shared else None
    mask = torch.zeros(count, 1, 1, columns, dtype=model.dtype, device=model.device)
    mask[..., STEP - 5 :] = torch.finfo(model.dtype).min

    def found(busy: int, used: Sequence[int]) -> Any:
        seen, read, hidden = (part[:busy, ..., : max(used), :] for part in (key, value, mask.transpose(2, 3)))
        return one_token(query[:busy], seen, read, hidden.transpose(2, 3), width**-0.5, before, used)

    def groups(busy: int, used: int) -> list[int]:
        return [used] * -(-busy // GROUP)

    whole = found(count, groups(count, columns))
    sizes = [(count, groups(count, used)) for used in range(STEP, columns, STEP)]
    sizes += [(busy, groups(busy, used)) for busy in range(FEW, count, FEW) for used in (STEP, columns)]
    sizes.append((count, [STEP + STEP * (n % 2) for n in range(len(groups(count, STEP)))]))
    return all(torch.equal(found(busy, used), whole[:busy]) for busy, used in sizes)
