"""A judge's verdicts between two arms: who is preferred, how far it agrees with people, and whether it may count."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from pipeline.scoring.agreement import krippendorff_alpha, win_rate
from pipeline.scoring.paired import compare
from pipeline.scoring.people import WORDS, Ballot, Row, share

NOT_TOLD = ("needed", "verdict")  # these are of a margin, and a gate has its own


class Verdict(Protocol):
    """Both replies on an example's answers: the side that each takes, or none and the reason why it cannot be read.

    The first of `sides` is of the reply that saw the one arm's answer first.
    """

    @property
    def at(self) -> int: ...

    @property
    def dimension(self) -> str: ...

    @property
    def sides(self) -> tuple[int | None, int | None]: ...

    @property
    def faults(self) -> tuple[str, ...]: ...


class Demands(Protocol):
    """What it takes before the verdicts count (pipeline.data.judging.rubric.Counts)."""

    @property
    def examples(self) -> int: ...

    @property
    def share(self) -> float: ...

    @property
    def alpha(self) -> float: ...

    @property
    def max_unreadable(self) -> float: ...


class Heard(Protocol):
    """What judge and people said of two arms, and how many examples these answer alike and otherwise."""

    @property
    def n_equal(self) -> int: ...

    @property
    def n_differ(self) -> int: ...

    @property
    def verdicts(self) -> Sequence[Verdict]: ...

    @property
    def ballots(self) -> Sequence[Ballot]: ...


class Replayed(Protocol):
    """All that was said, by the name of a pair of arms; `groups` are those of the examples."""

    @property
    def model(self) -> str: ...

    @property
    def replies(self) -> int: ...

    @property
    def stale(self) -> int: ...

    @property
    def dimensions(self) -> Sequence[str]: ...

    @property
    def groups(self) -> Sequence[str]: ...

    @property
    def pairs(self) -> Mapping[str, Heard]: ...


def heard(replayed: Replayed, demands: Demands) -> Row:
    """What a judge said, as a report holds it: of each pair of arms and dimension what is `told`."""
    pairs = {
        name: {
            "n_equal": pair.n_equal,
            "n_differ": pair.n_differ,
            "dimensions": {name: _on(name, pair, replayed.groups, demands) for name in replayed.dimensions},
        }
        for name, pair in replayed.pairs.items()
    }
    return {"model": replayed.model, "replies": replayed.replies, "stale": replayed.stale, "pairs": pairs}


def _on(dimension: str, pair: Heard, groups: Sequence[str], demands: Demands) -> Row:
    verdicts = [one for one in pair.verdicts if one.dimension == dimension]
    return told(verdicts, [one for one in pair.ballots if one.dimension == dimension], groups, demands)


def told(verdicts: Sequence[Verdict], ballots: Sequence[Ballot], groups: Sequence[str], demands: Demands) -> Row:
    """Verdicts on one dimension, as a report holds them.

    Two replies that do not take the same side are `inconsistent`, and a tie. `net` is the share that the one arm wins less the share that
    it loses, with the keys of a comparison; it and `win_rate` are None where too many replies cannot be read, or there is none. All
    intervals are of 95 % and take a group as one observation.
    """
    sides = {one.at: side_of(one.sides) for one in verdicts if not one.faults}
    own = [groups[at] for at in sides]
    unread = len(verdicts) - len(sides)
    is_silent = not sides or unread > demands.max_unreadable * len(verdicts)
    row: Row = {
        "n": len(sides),
        "wins": [*sides.values()].count(1),
        "ties": [*sides.values()].count(0),
        "losses": [*sides.values()].count(-1),
        "inconsistent": sum(len(set(one.sides)) > 1 for one in verdicts if not one.faults),
        "unreadable": unread,
        "unreadable_replies": dict(sorted(Counter(fault for one in verdicts for fault in one.faults).items())),
        "shown_first": _shown_first(verdicts, groups),
        "win_rate": None if is_silent else _win_rate(sides, own),
        "net": None if is_silent else _net(sides, own),
        "people": agreement(sides, _majorities(ballots), groups),
    }
    because = _doubt(row, len(verdicts), is_silent, demands)
    return {**row, "may_count": not because, "because": because or f"it {_agrees(row['people'])}"}


def side_of(both: tuple[int | None, int | None]) -> int:
    """The side that both replies take, else a tie."""
    one, other = both
    return one if one is not None and one == other else 0


def _win_rate(sides: Mapping[int, int], own: Sequence[str]) -> Row:
    won = win_rate([WORDS[side] for side in sides.values()], own)
    return {key: round(getattr(won, key), 4) for key in ("rate", "low", "high")} | {"p": float(f"{won.p:.3g}")}


def _net(sides: Mapping[int, int], own: Sequence[str]) -> Row:
    wins, losses = ([float(side == word) for side in sides.values()] for word in (1, -1))
    found = {key: value for key, value in asdict(compare(wins, losses, own, 0.0)).items() if key not in NOT_TOLD}
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}
    return {**rounded, "p": float(f"{found['p']:.3g}")}


def _shown_first(verdicts: Sequence[Verdict], groups: Sequence[str]) -> Row:
    """How often a reply takes the answer that stood first, ties left out: a half where that counts for nothing."""
    first = (1, -1)
    decided = [
        (float(side == stood), groups[one.at])
        for one in verdicts
        if not one.faults
        for side, stood in zip(one.sides, first, strict=True)
        if side
    ]
    return share([value for value, _ in decided], [group for _, group in decided])


def _majorities(ballots: Sequence[Ballot]) -> dict[int, int]:
    """The side that more raters took of each example, 0 where none did."""
    sums: dict[int, int] = defaultdict(int)
    for ballot in ballots:
        sums[ballot.at] += ballot.side
    return {at: (total > 0) - (total < 0) for at, total in sums.items()}


def agreement(judge: Mapping[int, int], people: Mapping[int, int], groups: Sequence[str]) -> dict[str, Any]:
    """How far a judge's sides agree with those of people, on the examples that both voted on.

    `share` is of the `n` examples of which people prefer an answer: 1 where the judge prefers the same, 0 where the other, a half for a
    tie, so that a coin and a judge of ties alone reach a half. `alpha` is Krippendorff's, nominal, with ties, between judge and people;
    None where nothing differs.
    """
    both = sorted(judge.keys() & people.keys())
    decided = [at for at in both if people[at]]
    values = [(1 + judge[at] * people[at]) / 2 for at in decided]
    alpha = krippendorff_alpha([[float(judge[at]), float(people[at])] for at in both], "nominal")
    found = share(values, [groups[at] for at in decided])
    return {"examples": len(both), **found, "alpha": None if alpha is None else round(alpha, 4)}


def _doubt(row: Row, asked: int, is_silent: bool, demands: Demands) -> str:
    """Why the verdicts may not count, or nothing."""
    people = row["people"]
    if not asked:
        return "both arms answer every example alike"
    if is_silent:
        reasons = ", ".join(f"{count} {fault}" for fault, count in row["unreadable_replies"].items())
        return f"it tells nothing: {row['unreadable']} of {asked} pairs have a reply that cannot be read ({reasons})"
    if people["examples"] < demands.examples:
        return f"people have voted on {people['examples']} of the {demands.examples} examples that judge.counts asks: make rate"
    if people["low"] <= demands.share:
        return f"it {_agrees(people)}, and not surely in more than {demands.share:.0%}"
    if people["alpha"] is None or people["alpha"] < demands.alpha:
        return f"it {_agrees(people)}, and beyond chance too little (below {demands.alpha:g})"
    return ""


def _agrees(people: Row) -> str:
    if people["share"] is None:
        return "cannot be held against people, who prefer no answer"
    interval = f"{people['share']:.1%} [{people['low'] * 100:.0f}-{people['high'] * 100:.0f}]"
    alpha = "none, since all votes are alike" if people["alpha"] is None else f"{people['alpha']:.2f}"
    return f"agrees with people in {interval} of {people['n']} examples, alpha {alpha}"
