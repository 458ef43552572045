"""Replay what a judge said of pairs of arms. Nobody is asked here: a reply that is missing is a Fault with its price."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.judging.asked import Asked, Judge, asked
from pipeline.data.judging.replies import Verdict, verdicts
from pipeline.data.judging.rubric import JudgeParams, load_rubric
from pipeline.data.ledgers import Opinion, Rating, read_opinions
from pipeline.data.predictions import Predictions
from pipeline.data.ratings import Ballot, Key, between, last_words
from pipeline.data.records import Record
from pipeline.remote.offers import offer
from pipeline.remote.service import Service, dollars, price
from pipeline.stage import Fault


@dataclass(frozen=True)
class Pair:
    """The answers of two arms, an example each, and what the judge is asked of those that differ."""

    one: Sequence[str]
    other: Sequence[str]
    asked: Sequence[Asked]


@dataclass(frozen=True)
class Bench:
    """What is to be judged, by the name of the pair of arms."""

    service: Service
    pairs: dict[str, Pair]

    @property
    def wanted(self) -> dict[str, Asked]:
        """Every request once, by name: arms that share answers share what is said of them."""
        return {one.request.name: one for pair in self.pairs.values() for one in pair.asked}

    def missing(self, opinions: Mapping[str, Opinion]) -> list[Asked]:
        """What is still to be asked, in order."""
        return [one for name, one in self.wanted.items() if name not in opinions]

    def check(self, opinions: Mapping[str, Opinion], place: Path) -> None:
        """Raises Fault where a reply is missing: how many, what they cost, and the command."""
        requests = [one.request for one in self.missing(opinions)]
        if requests:
            cost = dollars(price(self.service, requests))
            remedy = (
                f"run make ask MAX_COST={cost} ({offer(requests, self.service)}), then make run; or empty judge.pairs"
            )
            wanted = f"{len(requests)} of the {len(self.wanted)} replies that judge.pairs asks for"
            raise Fault(place, f"lacks {wanted}", remedy)


@dataclass(frozen=True)
class Heard:
    """What judge and people said of two arms, of which `n_differ` examples differ."""

    n_equal: int
    n_differ: int
    verdicts: Sequence[Verdict]
    ballots: Sequence[Ballot]


@dataclass(frozen=True)
class Replayed:
    """What was said of each pair of arms, by name; `stale` replies are on other answers, by another rubric, or of another model."""

    model: str
    replies: int
    stale: int
    dimensions: Sequence[str]
    groups: Sequence[str]
    pairs: dict[str, Heard]


def replay(
    params: JudgeParams,
    dimensions: Mapping[str, str],
    rubric: Path,
    ledger: Path,
    ratings: Iterable[Rating],
    arms: Mapping[str, Predictions],
    records: Sequence[Record],
) -> Replayed:
    """What `judge.pairs` asks for, out of the ledger. Raises Fault where a reply is missing, with the command that asks for it."""
    opinions, wanted = read_opinions(ledger), bench(params, rubric, dimensions, arms, records)
    wanted.check(opinions, ledger)
    votes, ids = last_words(ratings), [record.id for record in records]
    used = len(wanted.wanted)
    return Replayed(
        params.service.model,
        used,
        len(opinions) - used,
        [*dimensions],
        [record.group for record in records],
        {name: _heard(pair, opinions, votes, ids) for name, pair in wanted.pairs.items()},
    )


def _heard(pair: Pair, opinions: Mapping[str, Opinion], votes: Mapping[Key, Rating], ids: Sequence[str]) -> Heard:
    differ = sum(mine != theirs for mine, theirs in zip(pair.one, pair.other, strict=True))
    ballots = list(between(votes, ids, pair.one, pair.other).values())
    return Heard(len(ids) - differ, differ, verdicts(pair.asked, opinions), ballots)


def bench(
    params: JudgeParams,
    rubric: Path,
    dimensions: Mapping[str, str],
    arms: Mapping[str, Predictions],
    records: Sequence[Record],
) -> Bench:
    """What `judge.pairs` asks for; of none nothing is read. Raises Fault for an arm without answers, and for a wrong rubric."""
    if not params.pairs:
        return Bench(params.service, {})
    params.check_arms(arms)
    judge = Judge(params.service, load_rubric(rubric, dimensions), dimensions, params.shows_reference)
    ids = [record.id for record in records]
    answers = {name: arms[name].texts("test", ids) for pair in params.pairs for name in pair}
    return Bench(
        params.service,
        {
            f"{one} against {other}": Pair(
                answers[one], answers[other], asked(judge, records, answers[one], answers[other])
            )
            for one, other in params.pairs
        },
    )
