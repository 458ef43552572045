"""Paired values in groups: a bootstrap over whole groups, with p and interval from the same draws.

The wild bootstrap of Cameron, Gelbach & Miller (Review of Economics and Statistics 90, 2008), with the sign of each group's
difference drawn by a coin and the difference asked about imposed. Where two models are equal, a group's difference is as
likely as its opposite, so that the test is Fisher's exact one by signs; for few groups see Canay, Romano & Shaikh (Econometrica
85, 2017). The interval holds every difference that the test does not refuse: it leaves zero out exactly where p is below 0.05.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.exact import ALPHA, POWER, Floats

DRAWS = 9_999
SEED = 0
EXACT_GROUPS = 13  # up to here every pattern of signs is gone through
BLOCK = 4_000_000


@dataclass(frozen=True)
class Flipped:
    """What the flips say of a mean difference: p, interval, the reach of the test, and how far chance takes it in 80 % of draws."""

    p: float
    low: float
    high: float
    reach: float
    likely: float


def flip(sums: Floats, sizes: Floats) -> Flipped:
    """Test the mean difference `sums.sum() / sizes.sum()`; a sum and a size for each group."""
    total, count = float(sums.sum()), float(sizes.sum())
    if len(sums) < 2:
        return Flipped(1.0, -1.0, 1.0, 1.0, 1.0)
    moved, weight = _products(np.stack([sums, sizes], axis=1))
    low, high = _ends(total, count, moved, weight)
    size = len(low) + 1  # the pattern that was seen is one of them
    allowed = int(np.ceil(ALPHA * size - 1e-9)) - 1  # how many others may reach as far in what the test refuses
    mean = total / count
    p = 1.0
    if abs(mean) > 1e-12:
        p = (1 + int((low <= 0).sum() if mean > 0 else (high >= 0).sum())) / size
    return Flipped(
        p=p,
        low=max(-1.0, _nth(low, allowed)),
        high=min(1.0, -_nth(-high, allowed)),
        reach=-_nth(-np.abs(moved), allowed) / count,
        likely=float(np.quantile(np.abs(moved), 2 * POWER - 1)) / count,
    )


def _ends(total: float, count: float, moved: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Of each flip the differences at which it reaches as far as what was seen: an interval about the mean.

    With a difference d imposed, a flip gives |moved - d weight|, and |total - d count| was seen.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (total - moved) / (count - weight), (total + moved) / (count + weight)
    one = np.where(count - weight > 1e-9, one, -np.inf)
    other = np.where(count + weight > 1e-9, other, -np.inf)
    low, high = np.minimum(one, other), np.maximum(one, other)
    is_all = np.isneginf(low)
    low, high = np.where(is_all, -np.inf, low), np.where(is_all, np.inf, high)
    return _settled(low), _settled(high)


def _settled(values: Floats) -> Floats:
    """Rounding errors about zero would decide ties by luck."""
    return np.where(np.abs(values) < 1e-12, 0.0, values)


def _nth(values: Floats, position: int) -> float:
    return float(np.partition(values, position)[position]) if position >= 0 else -np.inf


def _products(columns: Floats) -> tuple[Floats, Floats]:
    """The flipped sums of both columns, a row of the signs at a time."""
    signs = _signs(len(columns))
    step = max(1, BLOCK // len(columns))
    flipped = np.concatenate([signs[at : at + step] @ columns for at in range(0, len(signs), step)])
    return flipped[:, 0], flipped[:, 1]


@lru_cache(maxsize=8)
def _signs(groups: int) -> NDArray[np.int8]:
    """The draws: a row of signs each, without the row of ones. The same for every metric, pair and slice of as many groups."""
    if groups <= EXACT_GROUPS:
        numbers = np.arange(1, 2**groups)[:, None]
        return (1 - 2 * ((numbers >> np.arange(groups)) & 1)).astype(np.int8)
    random = np.random.default_rng(SEED)
    return random.integers(0, 2, size=(DRAWS, groups), dtype=np.int8) * np.int8(2) - np.int8(1)
