"""A model that answers in slots: each row has its own place in a cache, and a slot that is free takes the next row.

All shapes that a row's numbers could depend on are fixed: a step has always as many slots and columns, and prompts of one width are read
so many at once, filled up. Only where it changes no bit of the others, which is tried on the machine at hand (pipeline.model.alike),
slots and columns that no row uses are left out. What many rows begin with, such as a long instruction with examples, is read once.
"""

import threading
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

from pipeline.model.asked import STEP, padded

NAME = "slots"  # the attention here
READ = 512  # tokens that are read at once
FEW, GROUP = 4, 8  # slots come in multiples of FEW where some are left out, and of GROUP slots each the columns are


class _Place:
    """Where the next keys and values go, of whole rows or of a token each; and what of a slot is looked at."""

    shared: tuple[Any, Any] | None = None
    slots: Any = None
    columns: Any = None
    every: Any = None
    used: Sequence[int] = ()


class _Layer(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped
    """Keys and values of one layer, of shape (slots, heads, columns, width), and of what is shared, (1, heads, tokens, width)."""

    is_sliding = False

    def __init__(self, place: _Place, slots: int, columns: int) -> None:
        super().__init__()
        self._place, self._slots, self._columns = place, slots, columns
        self.shared: tuple[Any, Any] | None = None

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        self.keys, self.values = (
            like.new_zeros(self._slots, like.shape[1], self._columns, like.shape[3])
            for like in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """What the new tokens see of the slots; what is shared, `attend` gets by itself."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        place = self._place
        if place.slots is None and place.columns is None:
            self.shared = key_states, value_states
            return self.shared
        place.shared = self.shared
        if place.columns is None:
            return self._read(self.keys, key_states, 0), self._read(self.values, value_states, 1)
        count, used = len(place.columns), max(place.used)
        for held, new in ((self.keys, key_states), (self.values, value_states)):
            held[place.every[:count], :, place.columns] = new[:, :, 0]
        return self.keys[:count, :, :used], self.values[:count, :, :used]

    def move(self, start: int, goal: int) -> None:
        self.keys[goal], self.values[goal] = self.keys[start], self.values[start]

    def _read(self, held: Any, new: Any, side: int) -> Any:
        slots = self._place.slots
        held[slots, :, : new.shape[2]] = new[: len(slots)]
        return torch.cat([self.shared[side].expand(len(new), -1, -1, -1), new], 2) if self.shared else new

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return self._columns

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0


class Slots:
    """A model with slots that hold nothing yet; `shared` are tokens that all rows begin with. The model attends with `attend`.

    `enough`: numbers of columns of which no more need be looked at where rows use no more, the last one all of them; where there are any,
    slots that no row uses are left out.
    """

    def __init__(
        self, model: Any, pad: int, count: int, columns: int, shared: Sequence[int], enough: Sequence[int]
    ) -> None:
        self._model, self._pad, self._place, self._enough = model, pad, _Place(), enough
        layers = model.config.get_text_config().num_hidden_layers
        self._kept = Cache(layers=[_Layer(self._place, count, columns) for _ in range(layers)])
        self._shared, self._size = len(shared), columns
        self._order = self._tensor(range(len(shared) + columns))
        self.tokens, self.columns = [pad] * count, [0] * count
        if shared:
            self._ask([list(shared)], self._order[None, : len(shared)], None)
        self._place.every = self._tensor(range(count))

    def read(self, slots: Sequence[int], rows: Sequence[Sequence[int]]) -> None:
        """Put rows into slots, without what is shared: as many as `together` of their padded length."""
        width = padded(len(rows[0]), STEP)
        filled = [[*row, *[self._pad] * (width - len(row))] for row in rows]
        end, place = self._shared + width, self._place
        place.slots, place.columns = self._tensor(slots), None
        positions = self._order[self._shared : end]
        mask = self._hidden(self._order[None, :end] > positions[:, None])[None, None] if self._shared else None
        self._ask([*filled, *[filled[0]] * (together(width) - len(rows))], positions[None], mask)
        for slot, row in zip(slots, rows, strict=True):
            self.tokens[slot], self.columns[slot] = row[-1], len(row) - 1

    def go_on(self, slot: int, token: int) -> None:
        """The token that comes next in a slot."""
        self.tokens[slot] = token
        self.columns[slot] += 1

    def leave(self, slot: int) -> None:
        """Nothing is asked of a slot any more."""
        self.columns[slot] = 0

    def move(self, start: int, goal: int) -> None:
        """What stands in one slot, into another one."""
        for layer in self._kept.layers:
            layer.move(start, goal)
        self.tokens[goal], self.columns[goal] = self.tokens[start], self.columns[start]
        self.leave(start)

    def shapes(self) -> set[tuple[int, int, int]]:
        """Heads that are kept, and how wide their keys and values are, of each kind of layer that has been asked."""
        kept = [layer for layer in self._kept.layers if layer.is_initialized]
        return {(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in kept}

    def counted(self, busy: int) -> int:
        """How many slots are reckoned where the first `busy` of them have a row."""
        return min(len(self.tokens), padded(busy, FEW)) if self._enough else len(self.tokens)

    def step(self, busy: int) -> Any:
        """Logits of the next token of the first `busy` slots, of shape (slots, vocabulary). Each slot's token is read at its column."""
        count, place = self.counted(busy), self._place
        groups = [self.columns[at : min(at + GROUP, count)] for at in range(0, count, GROUP)]
        place.used = [self._used(max(group)) for group in groups]
        place.columns = self._tensor(self.columns[:count])
        mask = self._hidden(self._order[: max(place.used)] > place.columns[:, None])[:, None, None]
        asked = [[token] for token in self.tokens[:count]]
        return self._ask(asked, place.columns[:, None] + self._shared, mask)[:, -1]

    def _used(self, column: int) -> int:
        """How many columns are looked at where the last one in use is this one."""
        return next((size for size in self._enough if size > column), self._size)

    def _ask(self, ids: list[list[int]], positions: Any, mask: Any) -> Any:
        _CURRENT.place = self._place
        return self._model(
            input_ids=self._tensor(ids),
            position_ids=positions,
            attention_mask=mask,
            past_key_values=self._kept,
            use_cache=True,
            logits_to_keep=1,
        ).logits

    def _tensor(self, values: Any) -> Any:
        return torch.tensor(list(values), device=self._model.device)

    def _hidden(self, where: Any) -> Any:
        """A mask that hides these places."""
        empty = torch.zeros(where.shape, dtype=self._model.dtype, device=where.device)
        return empty.masked_fill_(where, torch.finfo(self._model.dtype).min)


def together(width: int) -> int:
    """How many rows of a padded width are read at once."""
    return max(1, READ // width)


class _Current(threading.local):
    """The slots whose model is asked now: an attention gets no more than transformers hands to all of them."""

    place: _Place = _Place()


_CURRENT = _Current()


def register() -> None:
    """Make `attend` known to transformers, which makes no mask for it of its own."""
    AttentionInterface.register(NAME, attend)


def attend(
    _module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float | None = None, **_: Any
) -> tuple[Any, None]:
    """Attention of shape (slots, heads, tokens, width), as transformers calls it: causal without a mask.

    Of one token each it looks at the slots, and at what is shared, which is not copied for each of them.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.shape[2] > 1 or _CURRENT.place.columns is None:
        options = {"scale": scale, "attn_mask": mask, "is_causal": mask is None and query.shape[2] > 1}
        found = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, enable_gqa=query.shape[1] != key.shape[1], **options
        )
        return found.transpose(1, 2), None
    place = _CURRENT.place
    return one_token(query, key, value, mask, scale, place.shared, place.used), None


def one_token(
    query: Any, key: Any, value: Any, mask: Any, scale: float, shared: tuple[Any, Any] | None, used: Sequence[int]
) -> Any:
    """Of shape (slots, 1, heads, width). Query heads of one key head stand beside each other.

    `used`: columns that are looked at, of each GROUP slots.
    """
    slots, heads, _, width = query.shape
    kept = key.shape[1]
    asked = query.view(slots, kept, heads // kept, width)
    groups = [(slice(n * GROUP, (n + 1) * GROUP), count) for n, count in enumerate(used)]
    scores = [
        torch.matmul(asked[which], key[which, :, :count].transpose(2, 3)) * scale + mask[which, ..., :count]
        for which, count in groups
    ]
    values = [value[which, :, :count] for which, count in groups]
    if shared is None:
        found = torch.cat([torch.matmul(_softmax(one), of) for one, of in zip(scores, values, strict=True)])
        return found.view(slots, 1, heads, -1)
    keys, before = shared[0][0], shared[1][0]  # (kept heads, tokens, width)
    by_head = asked.transpose(0, 1).reshape(kept, -1, width)
    first = (torch.matmul(by_head, keys.transpose(1, 2)) * scale).view(kept, slots, heads // kept, -1).transpose(0, 1)
    shares = [
        _softmax(torch.cat([first[which], one], -1)).split([keys.shape[1], count], -1)
        for one, (which, count) in zip(scores, groups, strict=True)
    ]
    ahead = torch.cat([one for one, _ in shares]).transpose(0, 1).reshape(kept, -1, keys.shape[1])
    found = torch.matmul(ahead, before).view(kept, slots, heads // kept, -1).transpose(0, 1)
    found = found + torch.cat([torch.matmul(one, of) for (_, one), of in zip(shares, values, strict=True)])
    return found.reshape(slots, 1, heads, -1)


def _softmax(scores: Any) -> Any:
    return torch.softmax(scores, -1, dtype=torch.float32).to(scores.dtype)
