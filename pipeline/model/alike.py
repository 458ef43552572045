"""Whether a model can be asked in slots (pipeline.model.slots): tried on the model and the machine at hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from pipeline.model.asked import COLUMNS, STEP, padded
from pipeline.model.slots import FEW, GROUP, NAME, Slots, one_token, register
from pipeline.model.trial import USUAL, attending, is_exact

TRIED = 6  # tokens
SIZES = 24  # how many numbers of columns are tried at most


@contextmanager
def in_slots(model: Any) -> Iterator[bool]:
    """Have a model attend in slots, where it answers in them as it does itself; whether it does. Afterwards it attends as before.

    Tried on a row of its vocabulary, read and continued, with a beginning that is shared and without. Not tried are models that move
    positions by the longest row of a batch, that keep something else than keys and values of every token, and mixtures of experts, of
    which each reckons as many rows as fall to it.
    """
    config = model.config.get_text_config()
    moves = any(name in str(getattr(config, "rope_parameters", "")) for name in ("'dynamic'", "'longrope'"))
    can = model._can_compile_fullgraph and model._can_set_attn_implementation() and _keeps_only_tokens(config)
    if moves or not can or model.config._attn_implementation != USUAL:
        yield False
        return
    ids = [(7 + 13 * place) % config.vocab_size for place in range(2 * STEP)]
    with torch.inference_mode():
        plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0]
    register()
    with attending(model, NAME):
        yield is_exact(model, max(_gap(model, plain, ids, shared) for shared in (0, STEP)))


def _keeps_only_tokens(config: Any) -> bool:
    """Whether a model keeps keys and values alone, no state of a convolution or of linear attention, and has no experts."""
    return not any("expert" in name for name in config.to_dict()) and all(
        isinstance(layer, DynamicLayer) for layer in DynamicCache(config=config).layers
    )


@torch.inference_mode()
def _gap(model: Any, plain: Any, ids: list[int], shared: int) -> float:
    """By how many nats log-probabilities differ in the mean, over the last tokens of a row of which the first ones are shared."""
    start = len(ids) - TRIED
    slots = Slots(model, 0, 2, COLUMNS, ids[:shared], range(STEP, COLUMNS + 1, STEP))
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
    bounds = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return all(bound is None or columns <= bound for bound in bounds)


@torch.inference_mode()
def enough(model: Any, count: int, columns: int, shared: int) -> list[int]:
    """Numbers of columns that are enough to look at where rows use no more, the last one all of them: it changes no bit.

    None where leaving out slots changes one. Tried on this machine, for every number of both.
    """
    vocabulary = model.config.get_text_config().vocab_size
    slots = Slots(model, 0, count, STEP, (), [STEP])
    slots.tokens = [(5 + 7 * slot) % vocabulary for slot in range(count)]
    whole = slots.step(count)
    if not all(torch.equal(slots.step(busy), whole[:busy]) for busy in range(FEW, count, FEW)):
        return []
    trials = [_Trial(model, count, columns, shared, shape) for shape in sorted(slots.shapes())]
    sizes = [size for size in trials[0].sizes if all(one.is_enough(size) for one in trials)]
    return sizes if all(one.is_steady(sizes) for one in trials) else []


class _Trial:
    """Attention of one token each on numbers drawn at random.

    Rows have every length up to all columns: what a machine adds up in another order moves bits only where there is more than it adds
    up at once, so that short rows would prove nothing.
    """

    def __init__(self, model: Any, count: int, columns: int, shared: int, shape: tuple[int, int, int]) -> None:
        self._count, (kept, width, wide) = count, shape
        made = torch.Generator().manual_seed(0)

        def drawn(*shape: int) -> Any:
            return torch.randn(*shape, generator=made).to(model.device, model.dtype)

        self._query = drawn(count, model.config.get_text_config().num_attention_heads, 1, width)
        self._key, self._value = drawn(count, kept, columns, width), drawn(count, kept, columns, wide)
        self._before = (drawn(1, kept, shared, width), drawn(1, kept, shared, wide)) if shared else None
        step = padded(-(-columns // SIZES), STEP)
        self.sizes = [*range(step, columns, step), columns]
        self._lengths = [
            [self.sizes[(at + slot) % len(self.sizes)] - 5 for slot in range(count)]
            for at in range(0, len(self.sizes), count)
        ]
        self._masks = [self._mask(model, lengths) for lengths in self._lengths]
        self._whole = [self._found(mask, count, self._groups(columns)) for mask in self._masks]

    def _mask(self, model: Any, lengths: list[int]) -> Any:
        order, ends = torch.arange(self.sizes[-1]), torch.tensor(lengths)
        empty = torch.zeros(len(lengths), self.sizes[-1], dtype=model.dtype)
        hidden = empty.masked_fill(order >= ends[:, None], torch.finfo(model.dtype).min)
        return hidden[:, None, None].to(model.device)

    def _groups(self, *sizes: int) -> list[int]:
        """Columns that each group looks at, in turns."""
        return [sizes[at % len(sizes)] for at in range(-(-self._count // GROUP))]

    def _found(self, mask: Any, busy: int, used: Sequence[int]) -> Any:
        used = used[: -(-busy // GROUP)]
        key, value = self._key[:busy, :, : max(used)], self._value[:busy, :, : max(used)]
        scale = self._query.shape[-1] ** -0.5
        return one_token(self._query[:busy], key, value, mask[:busy, ..., : max(used)], scale, self._before, used)

    def _is_same(self, busy: int, used: Sequence[int]) -> bool:
        """Whether each row that is no longer than what is looked at comes out as it does where everything is."""
        for lengths, mask, whole in zip(self._lengths, self._masks, self._whole, strict=True):
            rows = [row for row in range(busy) if lengths[row] <= used[row // GROUP]]
            if not torch.equal(self._found(mask, busy, used)[rows], whole[rows]):
                return False
        return True

    def is_enough(self, size: int) -> bool:
        """Whether looking at so many columns changes no bit."""
        return self._is_same(self._count, self._groups(size))

    def is_steady(self, sizes: Sequence[int]) -> bool:
        """Whether leaving out slots changes none, nor groups that look at more or less than others."""
        mixed = [self._groups(sizes[0], sizes[-1]), self._groups(sizes[-1], sizes[0])]
        alone = [self._groups(size) for size in (sizes[0], sizes[-1])]
        return all(self._is_same(self._count, used) for used in mixed) and all(
            self._is_same(busy, used) for busy in range(FEW, self._count, FEW) for used in alone
        )
