"""People's votes between two arms: who is preferred, how far raters agree, whether the place on the screen counts, which metric agrees."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from pipeline.scoring.agreement import Vote, krippendorff_alpha, win_rate
from pipeline.scoring.rates import estimate

WORDS: dict[int, Vote] = {1: "win", 0: "tie", -1: "loss"}
Row = dict[str, Any]
Scores = Mapping[str, Sequence[float]]


class Ballot(Protocol):
    """A vote: position of the example; 1 for the one arm, -1 for the other and 0 for a tie; and the side that was shown first, 1 or -1."""

    @property
    def at(self) -> int: ...

    @property
    def dimension(self) -> str: ...

    @property
    def rater(self) -> str: ...

    @property
    def side(self) -> int: ...

    @property
    def shown_first(self) -> int: ...


def by_dimension(ballots: Iterable[Ballot], one: Scores, other: Scores, groups: Sequence[str]) -> dict[str, Row]:
    """`told` of the votes on each dimension that has any."""
    found: dict[str, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        found[ballot.dimension].append(ballot)
    return {name: told(own, one, other, groups) for name, own in found.items()}


def told(ballots: Sequence[Ballot], one: Scores, other: Scores, groups: Sequence[str]) -> Row:
    """Votes on one dimension, as a report holds them.

    `one` and `other` are the metrics of both arms, a value an example; `groups` of the examples. All intervals are of 95 % and take
    a group as one observation, so all votes on an example, too. `alpha` is Krippendorff's, nominal, over the examples that two or
    more rated; None where there are none, or no vote differs from another.
    """
    own = [groups[ballot.at] for ballot in ballots]
    won = win_rate([WORDS[ballot.side] for ballot in ballots], own)
    by_example = _by_example(ballots)
    alpha = krippendorff_alpha([[float(side) for side in sides] for sides in by_example.values()], "nominal")
    return {
        "n": won.n,
        "examples": len(by_example),
        "raters": len({ballot.rater for ballot in ballots}),
        "win_rate": {key: round(getattr(won, key), 4) for key in ("rate", "low", "high")}
        | {"p": float(f"{won.p:.3g}")},
        "wins": won.wins,
        "ties": won.ties,
        "losses": won.losses,
        "shown_first": _shown_first(ballots, groups),
        "rated_twice": sum(len(sides) > 1 for sides in by_example.values()),
        "alpha": None if alpha is None else round(alpha, 4),
        "metrics": {
            name: _agreement(by_example, values, other[name], groups)
            for name, values in sorted(one.items())
            if name in other
        },
    }


def _by_example(ballots: Sequence[Ballot]) -> dict[int, list[int]]:
    """The sides that raters took of each example, in the order of the examples."""
    found: dict[int, list[int]] = defaultdict(list)
    for ballot in ballots:
        found[ballot.at].append(ballot.side)
    return dict(sorted(found.items()))


def _shown_first(ballots: Sequence[Ballot], groups: Sequence[str]) -> Row:
    """How often the answer won that was shown first, of the votes that are no ties: a half where the place does not count."""
    decided = [ballot for ballot in ballots if ballot.side]
    values = [float(ballot.side == ballot.shown_first) for ballot in decided]
    return share(values, [groups[ballot.at] for ballot in decided])


def _agreement(
    by_example: Mapping[int, Sequence[int]], one: Sequence[float], other: Sequence[float], groups: Sequence[str]
) -> Row:
    """How often a metric prefers the answer that most raters prefer, where both prefer one; `ties`: where the metric alone does not."""
    values, own, ties = [], [], 0
    for at, sides in by_example.items():
        people, metric = sum(sides), one[at] - other[at]
        if not people:
            continue
        if abs(metric) < 1e-12:
            ties += 1
            continue
        values.append(float((people > 0) == (metric > 0)))
        own.append(groups[at])
    return {**share(values, own), "ties": ties}


def share(values: Sequence[float], groups: Sequence[str]) -> Row:
    """A share with its interval; of nothing there is none, and it may be anything."""
    found = estimate(values, groups)
    mean = round(found.mean, 4) if found.n else None
    return {"share": mean, "low": round(found.low, 4), "high": round(found.high, 4), "n": found.n}
