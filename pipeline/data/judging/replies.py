"""Out of a judge's two replies on a pair of answers a verdict, or why there is none. A reply is JSON as asked for, or it says nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.judging.asked import Asked
from pipeline.data.ledgers import Opinion

SIDES = {"first": 1, "second": -1, "tie": 0}
FINISHES = {"length": "cut off", "declined": "declined", "too_long": "question too long"}


@dataclass(frozen=True)
class Verdict:
    """What both replies on a pair of answers say.

    `at` is the position of the example. `sides` are 1 for the one arm, -1 for the other and 0 for a tie, first of the reply that saw
    the one arm's answer first; none of a reply that cannot be read. `faults` say why.
    """

    at: int
    dimension: str
    sides: tuple[int | None, int | None]
    faults: tuple[str, ...]


def verdicts(found: Sequence[Asked], opinions: Mapping[str, Opinion]) -> list[Verdict]:
    """The verdict on each pair of requests, in order; every reply must be there."""
    return [
        _verdict(one, (opinions[one.request.name], opinions[other.request.name]))
        for one, other in zip(found[::2], found[1::2], strict=True)
    ]


def _verdict(asked: Asked, both: tuple[Opinion, Opinion]) -> Verdict:
    words = [word_of(opinion) for opinion in both]
    one, other = (SIDES.get(word) for word in words)
    faults = tuple(word for word in words if word not in SIDES)
    return Verdict(asked.at, asked.dimension, (one, None if other is None else -other), faults)


def word_of(opinion: Opinion) -> str:
    """The winner that a reply names (first, second, tie), else why it cannot be read. Nothing is guessed out of prose."""
    try:
        value = json.loads(opinion.reply, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError):
        return FINISHES.get(opinion.finish, "not JSON")
    is_verdict = isinstance(value, dict) and set(value) == {"reason", "winner"} and isinstance(value["reason"], str)
    return str(value["winner"]) if is_verdict and value["winner"] in [*SIDES] else "JSON of another form"


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError where a key stands twice: who names two winners names none."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value
