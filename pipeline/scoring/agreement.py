"""What people say: how far raters agree, and which of two answers they prefer."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.scoring.exact import Floats
from pipeline.scoring.paired import compare

Level = Literal["nominal", "ordinal"]
Vote = Literal["win", "tie", "loss"]


@dataclass(frozen=True)
class WinRate:
    """Share of the votes won, a tie as half, with its 95 % interval; `p` of a rate of one half."""

    rate: float
    low: float
    high: float
    n: int
    wins: int
    ties: int
    losses: int
    p: float


def win_rate(votes: Sequence[Vote], groups: Sequence[str]) -> WinRate:
    """The rate of the votes on pairs of answers; votes on the same example are a group, since they are not independent.

    A win is a paired difference of 1, a loss of -1: the tests are those of pipeline.scoring.paired. Without a vote the interval is 0 to 1.
    """
    wins, losses = ([float(vote == word) for vote in votes] for word in ("win", "loss"))
    found = compare(wins, losses, groups, margin=0.0)
    rate, low, high = ((value + 1) / 2 for value in (found.difference, found.low, found.high))
    return WinRate(rate, low, high, found.n, found.fixed, votes.count("tie"), found.broken, found.p)


def krippendorff_alpha(units: Sequence[Sequence[float]], level: Level) -> float | None:
    """Krippendorff's alpha (Computing Krippendorff's Alpha-Reliability, 2011): 1 agreement, 0 chance.

    A unit holds the values that its raters gave, as many as there are; one that fewer than two rated tells nothing. None where no unit was
    rated twice, or all values are the same: then nothing could have differed.
    """
    pairable = [Counter(unit) for unit in units if len(unit) > 1]
    domain = sorted({value for unit in pairable for value in unit})
    if len(domain) < 2:
        return None
    seen: Floats = np.zeros((len(domain), len(domain)))
    for unit in pairable:
        counts = np.array([unit[value] for value in domain], dtype=np.float64)
        seen += (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)
    totals = seen.sum(axis=0)
    distance = _DISTANCES[level](totals)
    expected = float((np.outer(totals, totals) * distance).sum()) / (float(totals.sum()) - 1)
    observed = float((seen * distance).sum())
    return 1 - observed / expected


def _nominal(totals: Floats) -> Floats:
    return 1 - np.eye(len(totals))


def _ordinal(totals: Floats) -> Floats:
    """Squared count of the values that lie between two, half of each of these two among them."""
    middles = np.cumsum(totals) - totals / 2
    return np.asarray((middles[:, None] - middles[None, :]) ** 2)


_DISTANCES: dict[Level, Callable[[Floats], Floats]] = {"nominal": _nominal, "ordinal": _ordinal}
