"""Which examples a teacher is to vary, and along which axis: by hash, so that the choice stays as data grows.

No pair of axis and seed is taken twice, and each axis gets as many as any other, replies that are there counted. The axis
`short_label` takes seeds of the labels that have fewest examples. Records are read as a stream, as often as it takes.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.data.records import Record
from pipeline.data.splitting.sides import unit_hash

SHORT_LABEL = "short_label"
Pair = tuple[str, Record]  # an axis, and the seed to vary along it
Slot = tuple[str, str]  # an axis, and the label that its seed is to have, where that matters
Stream = Callable[[], Iterable[Record]]
Label = Callable[[Record], str]


def may_seed(record: Record) -> bool:
    """Whether a message and an answer can take the place of the last two turns, and the example is not made up itself."""
    asked, last = record.asked, record.messages[-1]
    return (
        record.origin != "synthetic"
        and bool(asked)
        and asked[-1]["role"] == "user"
        and not last.get("tool_calls")
        and not record.rejected
    )


def choose(
    records: Stream, axes: Sequence[str], asked: Collection[tuple[str, str]], label: Label, number: int
) -> list[Pair]:
    """`number` pairs, fewer where there are no more, in the order in which to ask.

    `records` are those of the train side, `asked` the pairs of axis and seed's id that are not to be taken again.
    """
    stock = _stock(records(), axes, asked, label)
    slots = _slots(stock, axes, Counter(axis for axis, _ in asked), number)
    lowest = {slot: _Lowest(size) for slot, size in Counter(slots).items()}
    for record in records() if lowest else ():
        if may_seed(record):
            for axis in axes:
                slot = (axis, label(record) if axis == SHORT_LABEL else "")
                if slot in lowest and (axis, record.id) not in asked:
                    lowest[slot].offer(unit_hash(axis, record.id), record)
    taken = {slot: iter(found) for slot, found in lowest.items()}
    return [(slot[0], next(taken[slot])) for slot in slots]


@dataclass
class _Stock:
    """What there is: seeds that can still be taken by axis and by label, and examples by label."""

    by_axis: Counter[str] = field(default_factory=Counter)
    by_label: Counter[str] = field(default_factory=Counter)
    examples: Counter[str] = field(default_factory=Counter)


def _stock(records: Iterable[Record], axes: Sequence[str], asked: Collection[tuple[str, str]], label: Label) -> _Stock:
    stock, is_short_label = _Stock(), SHORT_LABEL in axes
    for record in records:
        free = [axis for axis in axes if (axis, record.id) not in asked] if may_seed(record) else []
        stock.by_axis.update(free)
        if is_short_label:
            name = label(record)
            stock.by_label[name] += SHORT_LABEL in free
            # an example that was asked for along this axis counts as one that will be there
            stock.examples[name] += 1 + ((SHORT_LABEL, record.id) in asked)
    return stock


def _slots(stock: _Stock, axes: Sequence[str], asked: Mapping[str, int], number: int) -> list[Slot]:
    """An axis for each pair to come, with the label where it is `short_label`."""
    order = fill(asked, {axis: stock.by_axis[axis] for axis in axes}, number)
    available = {name: stock.by_label[name] for name in sorted(stock.by_label)}
    labels = iter(fill(stock.examples, available, order.count(SHORT_LABEL)))
    return [(axis, next(labels) if axis == SHORT_LABEL else "") for axis in order]


def fill(have: Mapping[str, int], available: Mapping[str, int], number: int) -> list[str]:
    """`number` times the name that has least by then, as long as it is available; of equals the first of `available`."""
    left = dict(available)
    heap = [(have.get(name, 0), place, name) for place, name in enumerate(available) if available[name]]
    heapq.heapify(heap)
    order: list[str] = []
    while heap and len(order) < number:
        count, place, name = heapq.heappop(heap)
        order.append(name)
        left[name] -= 1
        if left[name]:
            heapq.heappush(heap, (count + 1, place, name))
    return order


class _Lowest:
    """Of all records offered, the `size` of lowest rank."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, str, Record]] = []

    def offer(self, rank: float, record: Record) -> None:
        """Take the record in, where it is among the lowest so far."""
        entry = (-rank, record.id, record)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif entry[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, entry)

    def __iter__(self) -> Iterator[Record]:
        return (record for _, _, record in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))
