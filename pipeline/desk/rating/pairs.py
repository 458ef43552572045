"""The pairs that a rater is shown: neither their order nor the place on the screen tells whose an answer is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.data.ledgers import Rating, person
from pipeline.data.ratings import Key
from pipeline.data.records import Record, digest


@dataclass(frozen=True)
class Pair:
    """Two answers to a record that differ, in the order in which they are shown."""

    record: Record
    first: str
    second: str


class Question(NamedTuple):
    """A pair, and what is asked of it."""

    pair: Pair
    dimension: str

    def key(self, rater: str) -> Key:
        answers = frozenset((digest(self.pair.first), digest(self.pair.second)))
        return Key(self.pair.record.id, answers, self.dimension, person(rater))

    def said(self, vote: Rating) -> str:
        """What a vote says, with the answers in the order in which they are shown now."""
        if vote.vote == "tie" or vote.first == digest(self.pair.first):
            return vote.vote
        return "second" if vote.vote == "first" else "first"


def pairs_of(records: Sequence[Record], one: Sequence[str], other: Sequence[str], seed: int, rater: str) -> list[Pair]:
    """The answers of two arms where they differ; `one` and `other` are in the order of the records.

    The order of the pairs is by hash of seed and record, the same for every rater, so that raters who stop early share examples. Which
    answer comes first is by hash of seed, rater, record and both answers, whichever arm is named first.
    """
    found = [
        Pair(record, *_in_order(record, mine, theirs, seed, rater))
        for record, mine, theirs in zip(records, one, other, strict=True)
        if mine != theirs
    ]
    return sorted(found, key=lambda pair: digest([seed, pair.record.id]))


def _in_order(record: Record, mine: str, theirs: str, seed: int, rater: str) -> tuple[str, str]:
    one, other = sorted((mine, theirs), key=digest)
    is_turned = int(digest([seed, person(rater), record.id, digest(one), digest(other)]), 16) % 2
    return (other, one) if is_turned else (one, other)


def questions_on(pairs: Iterable[Pair], dimensions: Iterable[str]) -> list[Question]:
    """Every dimension of a pair, before the next pair."""
    names = [*dimensions]
    return [Question(pair, name) for pair in pairs for name in names]
