"""Which rows say nearly the same, and which of them stays.

The rows are held by number: the words of their questions, and what decides who stays. A row goes only where a row that stays
asks nearly the same and answers the same; so a row that lies between two others takes neither away, and rows that come later
move none that came before.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.data.answers import Relation
from pipeline.data.likeness.near import Pair, Texts, identical, near_pairs
from pipeline.data.likeness.template import Template
from pipeline.data.records import Record

FROZEN = 0  # the rank of the test set
ANSWERS = 16  # different answers to a question of the same words that a row is held against
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

    def order(self, number: int) -> tuple[int, int]:
        """Who stays comes first."""
        return self.ranks[number], number


@dataclass(frozen=True)
class Near:
    """Pairs of nearly the same question, by what their answers are to each other, and who goes for whom."""

    pairs: list[tuple[Pair, Relation]]
    gone: dict[int, Pair]
    template: Template


def near_duplicates(rows: Rows, similarity: float, relate: Relate, is_dropping: bool) -> Near:
    """Find the pairs; where `is_dropping`, a row of a pair that answers the same goes, if the other one stays."""
    template = rows.texts.template()
    same = _same_words(rows, relate)
    left_out = rows.exact.keys() | (same.gone.keys() if is_dropping else set())
    found = near_pairs(rows.texts, similarity, template, left_out)
    related = same.pairs + [
        (pair, kind) for pair in found if pair not in same.seen and (kind := relate(pair.first, pair.second))
    ]
    related.sort(key=lambda one: (one[0].second, one[0].first))
    return Near(related, _gone(related, rows, relate) if is_dropping else {}, template)


@dataclass(frozen=True)
class _Same:
    """Rows of the same words: pairs that say so or contradict each other, and the rows that go for another."""

    pairs: list[tuple[Pair, Relation]] = field(default_factory=list)
    gone: dict[int, Pair] = field(default_factory=dict)
    seen: set[Pair] = field(default_factory=set)


def _same_words(rows: Rows, relate: Relate) -> _Same:
    """Of rows of the same words each is held against the first few that answer something else: a crowd is no matter then."""
    found = _Same()
    for group in identical(rows.texts):
        firsts: list[int] = []
        for number in sorted((one for one in group if one not in rows.exact), key=rows.order):
            related = [(_pair(first, number), relate(first, number)) for first in firsts]
            found.seen.update(pair for pair, _ in related)
            may_go = rows.ranks[number] > FROZEN
            same = next((pair for pair, kind in related if kind == "same" and may_go), None)
            if same is not None:
                found.gone[number] = same
                found.pairs.append((same, "same"))
            elif len(firsts) < ANSWERS:
                firsts.append(number)
            found.pairs.extend([(pair, kind) for pair, kind in related if kind == "other"][:1])
    return found


def _pair(one: int, other: int) -> Pair:
    return Pair(min(one, other), max(one, other), 1.0)


def _gone(related: list[tuple[Pair, Relation]], rows: Rows, relate: Relate) -> dict[int, Pair]:
    """Who goes for whom. A row of the test set never goes for another one of it."""
    order = rows.order
    rivals: dict[int, list[tuple[int, Pair]]] = {}
    for pair, relation in related:
        winner, loser = sorted((pair.first, pair.second), key=order)
        if relation == "same" and pair.is_sure and rows.ranks[loser] > FROZEN:
            rivals.setdefault(loser, []).append((winner, pair))
    gone: dict[int, Pair] = {}
    for loser in sorted(rivals, key=order):
        standing = [(pair.similarity, -winner, pair) for winner, pair in rivals[loser] if winner not in gone]
        standing += [] if standing else _of_the_same_words(loser, rivals[loser], gone, relate)
        if standing:
            gone[loser] = max(standing, key=lambda rival: rival[:2])[2]
    return gone


def _of_the_same_words(
    loser: int, rivals: list[tuple[int, Pair]], gone: dict[int, Pair], relate: Relate
) -> list[tuple[float, int, Pair]]:
    """Who stays in place of a row of the same words that went itself: such rows were held against no other."""
    found = []
    for rival, pair in rivals:
        if pair.similarity == 1 and rival in gone:
            last = gone[rival]
            winner = last.first if last.second == rival else last.second
            if relate(winner, loser) == "same":
                found.append((last.similarity, -winner, Pair(min(winner, loser), max(winner, loser), last.similarity)))
    return found
