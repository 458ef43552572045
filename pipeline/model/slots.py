"""Greedy decoding in slots: a row that has come to its end makes room for the next one at once.

In a batch that ends together most rows wait for the longest of them. Here each slot has its own place in the cache, and all shapes are
fixed: a step always has as many rows and columns, and so many prompts are read at once, filled up. So what a row becomes does not
depend on what stands beside it. What many prompts begin with, such as a long instruction with examples, is read once.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from pipeline.model.asked import COLUMNS, STEP, Asked, padded

TOGETHER = 8  # prompts that are read at once
FULL = 512  # columns up to which there are as many slots as were asked for; with more there are fewer, for their memory
EXACT = {2: 0.1, 4: 1e-3}  # nats by which a log-probability may differ in the mean, by the bytes of a weight


class _Place:
    """Where the next keys and values go: what all share, the rest of rows into some slots, or one token into each slot."""

    shared: int = 0
    slots: Any = None
    columns: Any = None
    every: Any = None


class _Layer(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped
    """Keys and values of one layer, of shape (slots, heads, columns, width)."""

    is_sliding = False

    def __init__(self, place: _Place, slots: int, columns: int) -> None:
        super().__init__()
        self._place, self._slots, self._columns = place, slots, columns

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        self.keys, self.values = (
            like.new_zeros(self._slots, like.shape[1], self._columns, like.shape[3])
            for like in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        return self._put(self.keys, key_states), self._put(self.values, value_states)

    def _put(self, held: Any, new: Any) -> Any:
        """What the new tokens see."""
        place = self._place
        if place.columns is not None:
            held[place.every, :, place.columns] = new[:, :, 0]
            return held
        if place.slots is None:
            held[:, :, : new.shape[2]] = new
            return new
        start = place.shared
        held[place.slots, :, start : start + new.shape[2]] = new[: len(place.slots)]
        return torch.cat([held[:1, :, :start].expand(len(new), -1, -1, -1), new], 2) if start else new

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return self._columns

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0


class Slots:
    """A model with slots that all hold what the rows share, and nothing else yet."""

    def __init__(self, model: Any, pad: int, count: int, columns: int, shared: Sequence[int] = ()) -> None:
        self._model, self._pad, self._place = model, pad, _Place()
        layers = model.config.get_text_config().num_hidden_layers
        self._kept = Cache(layers=[_Layer(self._place, count, columns) for _ in range(layers)])
        self._place.every, self._order = self._tensor(range(count)), self._tensor(range(columns))
        self.tokens, self.columns = [pad] * count, [len(shared)] * count
        if shared:
            self._ask([list(shared)], self._order[None, : len(shared)], None)
            self._place.shared = len(shared)

    def read(self, slots: Sequence[int], rows: Sequence[Sequence[int]]) -> None:
        """Put rows into slots: at most TOGETHER of them, which have one padded length."""
        start = self._place.shared
        end = padded(len(rows[0]), STEP)
        filled = [[*row[start:], *[self._pad] * (end - len(row))] for row in rows]
        self._place.slots, self._place.columns = self._tensor(slots), None
        mask = self._hidden(self._order[None, :end] > self._order[start:end, None])[None] if start else None
        self._ask([*filled, *[filled[0]] * (TOGETHER - len(rows))], self._order[None, start:end], mask)
        for slot, row in zip(slots, rows, strict=True):
            self.tokens[slot], self.columns[slot] = row[-1], len(row) - 1

    def go_on(self, slot: int, token: int) -> None:
        """The token that comes next in a slot."""
        self.tokens[slot] = token
        self.columns[slot] += 1

    def leave(self, slot: int) -> None:
        """Nothing is asked of a slot any more; it is reckoned all the same."""
        self.columns[slot] = self._place.shared

    def step(self) -> Any:
        """Logits of the next token of each slot, of shape (slots, vocabulary). Each slot's token is read at its column."""
        columns = self._place.columns = self._tensor(self.columns)
        mask = self._hidden(self._order > columns[:, None])[:, None]
        return self._ask([[token] for token in self.tokens], columns[:, None], mask)[:, -1]

    def _ask(self, ids: list[list[int]], positions: Any, mask: Any) -> Any:
        options = {} if mask is None else {"attention_mask": mask[:, None] if mask.dim() == 3 else mask}
        return self._model(
            input_ids=self._tensor(ids),
            position_ids=positions,
            past_key_values=self._kept,
            use_cache=True,
            logits_to_keep=1,
            **options,
        ).logits

    def _tensor(self, values: Any) -> Any:
        return torch.tensor(list(values), device=self._model.device)

    def _hidden(self, where: Any) -> Any:
        """A mask that hides these places, of shape (..., 1 or tokens, columns)."""
        empty = torch.zeros(where.shape, dtype=self._model.dtype, device=where.device)
        return empty.masked_fill_(where, torch.finfo(self._model.dtype).min)


def decode(model: Any, pad: int, ends: set[int], count: int, rows: Iterable[Asked]) -> Iterator[Asked]:
    """Each row as its answer comes to its end, in no order; a token of `ends` stands last where there is one.

    `count` slots of up to FULL columns. A row that outgrows the columns of its pool is read again in the next one.
    """
    pools: dict[tuple[int, tuple[int, ...]], list[Asked]] = defaultdict(list)
    for row in rows:
        pools[row.columns, tuple(row.prompt[: row.shared])].append(row)
    while pools:
        columns, shared = chosen = min(pools)
        slots = Slots(model, pad, slots_of(count, columns), columns, shared)
        for row in _pool(slots, ends, columns, pools.pop(chosen)):
            if row.said[-1] in ends or len(row.said) == row.most:
                yield row
            else:
                pools[row.columns, shared].append(row)


def slots_of(count: int, columns: int) -> int:
    """How many slots of so many columns there are."""
    return max(1, count * FULL // max(FULL, columns))


def _pool(slots: Slots, ends: set[int], columns: int, rows: list[Asked]) -> Iterator[Asked]:
    """Each row when it has ended, or its slot is full. Rows that are read together have one length, and the longest come first."""
    queue, running = deque(sorted(rows, key=lambda row: -len(row.ids))), dict[int, Asked]()
    while queue or running:
        _fill(slots, queue, running)
        said = slots.step().argmax(-1).tolist()
        for slot, row in list(running.items()):
            row.said.append(said[slot])
            slots.go_on(slot, said[slot])
            if said[slot] in ends or len(row.said) == row.most or slots.columns[slot] == columns:
                slots.leave(slot)
                yield running.pop(slot)


def _fill(slots: Slots, queue: deque[Asked], running: dict[int, Asked]) -> None:
    """Read as many rows as there is room for; a few free slots wait until there are more."""
    free = [slot for slot in range(len(slots.tokens)) if slot not in running]
    while queue and (len(free) >= min(TOGETHER, len(slots.tokens)) or not running):
        length, chosen = padded(len(queue[0].ids), STEP), list[Asked]()
        while queue and len(chosen) < min(TOGETHER, len(free)) and padded(len(queue[0].ids), STEP) == length:
            chosen.append(queue.popleft())
        taken, free = free[: len(chosen)], free[len(chosen) :]
        slots.read(taken, [row.ids for row in chosen])
        running |= dict(zip(taken, chosen, strict=True))


def can_take(model: Any, columns: int) -> bool:
    """Whether the attention of a model sees the whole of a slot, by its config."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    return window is None or columns <= window


def answers_alike(model: Any) -> bool:
    """Whether slots give what the model gives itself: tried on a row of its vocabulary that is shared, read and continued.

    Models that attend otherwise, or move positions by the longest row of a batch, are not tried.
    """
    config = model.config.get_text_config()
    moves = any(name in str(getattr(config, "rope_parameters", "")) for name in ("'dynamic'", "'longrope'"))
    if moves or not model._can_compile_fullgraph or model.config._attn_implementation not in ("sdpa", "eager"):
        return False
    ids = [(7 + 13 * place) % config.vocab_size for place in range(2 * STEP)]
    with torch.inference_mode():
        plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0]
        gaps = [_gap(model, plain, ids, shared) for shared in (0, STEP)]
    return max(gaps) <= EXACT[min(4, model.dtype.itemsize)]


def _gap(model: Any, plain: Any, ids: list[int], shared: int) -> float:
    """By how many nats log-probabilities differ in the mean, over the last tokens of a row of which the first ones are shared."""
    start = len(ids) - STEP // 2
    slots, rows = Slots(model, 0, 2, COLUMNS, ids[:shared]), [ids[:start], ids[: start - 3]]
    slots.read([1, 0], rows)
    found = []
    for token in [*ids[start:], 0]:
        found.append(slots.step()[1])
        slots.go_on(0, token)
        slots.go_on(1, token)
    mine, own = (values.float().log_softmax(-1) for values in (torch.stack(found), plain[start - 1 :]))
    return float((mine - own).abs().mean())
