"""Ratings: what the raters' ledger says of two answers to an example.

A vote holds for these two answers, by their digests, and not for the arms that gave them: an answer that changes loses its votes,
and two arms that give the same answer share them. Of a rater's votes on the same answers and dimension the latest one counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from pipeline.data.ledgers import Rating, person
from pipeline.data.records import digest
from pipeline.stage import Params

Question = Annotated[str, Field(pattern=r"\S")]


class RateParams(Params):
    """Section `rate`.

    `arms`: the two whose answers `make rate` shows. `dimensions`: name and question of what is asked of each pair of answers.
    `seed`: of the order of the pairs, and of which answer comes first.
    """

    section: ClassVar[str] = "rate"
    arms: list[str]
    dimensions: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Question], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]


class Key(NamedTuple):
    """What a vote is on, whichever answer was shown first, and whose it is."""

    example: str
    answers: frozenset[str]
    dimension: str
    rater: str


def key_of(vote: Rating) -> Key:
    return Key(vote.example, frozenset((vote.first, vote.second)), vote.dimension, person(vote.rater))


def last_words(votes: Iterable[Rating]) -> dict[Key, Rating]:
    """The votes that count: of each rater the latest one, in the order of time. The order of the lines, and lines twice, change nothing."""
    found: dict[Key, Rating] = {}
    for vote in sorted(votes, key=_moment):
        key = key_of(vote)
        found.pop(key, None)
        found[key] = vote
    return found


def _moment(vote: Rating) -> tuple[str, ...]:
    """By time; what is of the same microsecond by what it says, so that the result never depends on the order of lines."""
    return vote.date, vote.time, vote.example, vote.dimension, vote.first, vote.second, vote.vote, vote.rater


@dataclass(frozen=True)
class Ballot:
    """A vote as it stands between two arms.

    `at` is the position of the example; `side` is 1 for the one arm, -1 for the other and 0 for a tie; `shown_first` is the side
    whose answer was shown first, 1 or -1.
    """

    at: int
    dimension: str
    rater: str
    side: int
    shown_first: int


def between(
    votes: Mapping[Key, Rating], ids: Sequence[str], one: Sequence[str], other: Sequence[str]
) -> dict[Key, Ballot]:
    """The votes on what two arms answer to the examples of these ids; those on other answers are left out."""
    voted = {key.example for key in votes}
    digests = {name: (at, digest(one[at]), digest(other[at])) for at, name in enumerate(ids) if name in voted}
    found = {}
    for key, vote in votes.items():
        at, mine, theirs = digests.get(key.example, (-1, "", ""))
        if {mine, theirs} == key.answers:
            shown_first = 1 if vote.first == mine else -1
            side = {"first": shown_first, "second": -shown_first, "tie": 0}[vote.vote]
            found[key] = Ballot(at, key.dimension, key.rater, side, shown_first)
    return found
