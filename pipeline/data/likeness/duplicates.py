"""Which rows say nearly the same, and which of them stays.

The rows are held by number: the words of their questions, and what decides who stays. A row goes only where a row that stays
asks nearly the same and answers the same; so a row that lies between two others takes neither away, and rows that come later
move none that came before.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.data.answers import Relation
from pipeline.data.likeness.near import Pair, Texts, near_pairs
from pipeline.data.likeness.template import Template
from pipeline.data.records import Record

Relate = Callable[[int, int], Relation | None]  # None: not nearly the same, seen closely


@dataclass
class Rows:
    """All rows read so far, by number. `ranks` says who stays: the lowest, then the first."""

    texts: Texts = field(default_factory=Texts)
    ranks: "array[int]" = field(default_factory=lambda: array("B"))
    by_id: dict[int, int] = field(default_factory=dict)
    exact: dict[int, int] = field(default_factory=dict)  # a row that goes: the row of the same id that stays

    def add(self, record: Record, rank: int) -> bool:
        """Take in a row. False where one of the same id is there and stays, and the row got no number."""
        number, identity = len(self.ranks), int(record.id, 16)
        earlier = self.by_id.get(identity)
        if earlier is not None and self.ranks[earlier] <= rank:
            return False
        if earlier is not None:
            self.exact[earlier] = number
        self.by_id[identity] = number
        self.ranks.append(rank)
        self.texts.add(record.question)
        return True


@dataclass(frozen=True)
class Near:
    """Pairs of nearly the same question, by what their answers are to each other, and who goes for whom."""

    pairs: list[tuple[Pair, Relation]]
    gone: dict[int, Pair]
    template: Template


def near_duplicates(rows: Rows, similarity: float, relate: Relate, is_dropping: bool) -> Near:
    """Find the pairs; where `is_dropping`, a row of a pair that answers the same goes, if the other one stays."""
    template = rows.texts.template()
    found = [
        pair
        for pair in near_pairs(rows.texts, similarity, template)
        if not {pair.first, pair.second} & rows.exact.keys()
    ]
    related = [(pair, kind) for pair in found if (kind := relate(pair.first, pair.second))]
    return Near(related, _gone(related, rows) if is_dropping else {}, template)


def _gone(related: list[tuple[Pair, Relation]], rows: Rows) -> dict[int, Pair]:
    def order(number: int) -> tuple[int, int]:
        return rows.ranks[number], number

    rivals: dict[int, list[tuple[int, Pair]]] = {}
    for pair, relation in related:
        if relation == "same":
            winner, loser = sorted((pair.first, pair.second), key=order)
            rivals.setdefault(loser, []).append((winner, pair))
    gone: dict[int, Pair] = {}
    for loser in sorted(rivals, key=order):
        standing = [(pair.similarity, -winner, pair) for winner, pair in rivals[loser] if winner not in gone]
        if standing:
            gone[loser] = max(standing, key=lambda rival: rival[:2])[2]
    return gone
