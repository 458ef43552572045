"""Paired yes/no examples, counted: how many rose, how many fell, out of how many.

McNemar's exact test (1947): of the examples that changed, as many rise as fall where two models are equal. The interval covers
two: the score interval of Tango (Statistics in Medicine 17, 1998), which holds for few and for no changes, and the exact one of
the share that rose among those that changed (Clopper and Pearson, 1934). So it leaves zero out exactly where p is below 0.05.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, norm

Floats = NDArray[np.float64]
ALPHA = 0.05
POWER = 0.8
REACH = float(norm.ppf(1 - ALPHA / 2))
HALVINGS = 40


@dataclass(frozen=True)
class Counts:
    """Examples that rose and fell, of n."""

    rose: int
    fell: int
    n: int

    @property
    def changed(self) -> int:
        return self.rose + self.fell


@lru_cache(maxsize=65536)
def p_value(counts: Counts) -> float:
    """Two-sided exact McNemar test: the binomial test of the share that rose among those that changed against a half."""
    if not counts.changed:
        return 1.0
    return min(1.0, 2 * float(binom.cdf(min(counts.rose, counts.fell), counts.changed, 0.5)))


@lru_cache(maxsize=65536)
def interval(counts: Counts) -> tuple[float, float]:
    """95 % interval of (rose - fell) / n; of no example all that a difference can be."""
    if not counts.n:
        return -1.0, 1.0
    low = float(_lower(np.array([counts.rose]), np.array([counts.fell]), counts.n)[0])
    high = -float(_lower(np.array([counts.fell]), np.array([counts.rose]), counts.n)[0])
    return low, high


def next_time(changed: int) -> int:
    """How many may change in the next test set where these changed in this one: a standard error and one more."""
    return changed + math.ceil(math.sqrt(changed)) + 1


@lru_cache(maxsize=4096)
def least_margin(changed: int, n: int) -> float:
    """The smallest margin within which every equal model is no worse that the exact test does not call worse.

    It is the lower end of the interval where the test has just not called it worse, with as many changes as the next test set may have.
    """
    if not n:
        return 1.0
    changed = min(n, next_time(changed))
    rose = _least_rise(changed)
    return -float(_lower(np.array([rose]), np.array([changed - rose]), n)[0])


@lru_cache(maxsize=4096)
def detectable(changed: int, n: int) -> float:
    """The smallest drop that the exact test calls worse in 80 % of test sets of n, a share of changed / n or more changing.

    Power of the exact test (Miettinen, 1968): the number that change is binomial, and so is the number of these that fall.
    1 where no drop is found so often.
    """
    if n < 6 or _power(1.0, changed / n, n) < POWER:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, changed / n, n) >= POWER else (middle, high)
    return high


@lru_cache(maxsize=4096)
def needed(share: float, margin: float) -> int:
    """How many examples let equal models be called no worse within `margin`, where `share` of the answers change."""
    low, high = 1, 2
    while least_margin(_count(share, high), high) > margin:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if least_margin(_count(share, middle), middle) <= margin else (middle, high)
    return high


def _count(share: float, n: int) -> int:
    return min(n, round(share * n + 0.5 - 1e-9)) if share else 0  # rounded up


def _least_rise(changed: int) -> int:
    """The fewest of `changed` that may rise without the test calling it worse."""
    rose = int(binom.ppf(ALPHA / 2, changed, 0.5))
    while rose and 2 * binom.cdf(rose - 1, changed, 0.5) >= ALPHA:
        rose -= 1
    while 2 * binom.cdf(rose, changed, 0.5) < ALPHA:
        rose += 1
    return rose


def _power(drop: float, share: float, n: int) -> float:
    """Chance that the exact test calls this drop worse. Where fewer change than fall, as many change as fall."""
    share = max(share, drop)
    spread = 8 * np.sqrt(n * share * (1 - share)) + 1
    changed = np.arange(max(0, int(n * share - spread)), min(n, int(n * share + spread)) + 1)
    most = binom.ppf(ALPHA / 2, changed, 0.5)  # the most that may rise in what the test still calls worse
    most = np.where(2 * binom.cdf(most, changed, 0.5) < ALPHA, most, most - 1)
    called = binom.cdf(most, changed, (share - drop) / (2 * share)) * (most >= 0)
    return float((binom.pmf(changed, n, share) * called).sum())


def _lower(rose: NDArray[np.int64], fell: NDArray[np.int64], n: int) -> Floats:
    changed = rose + fell
    share = np.where(rose > 0, beta.ppf(ALPHA / 2, np.maximum(rose, 1), fell + 1), 0.0)
    by_share = np.where(changed > 0, (2 * share - 1) * changed / n, 0.0)
    return np.asarray(np.minimum(_tango_lower(rose, fell, n), by_share))


def _tango_lower(rose: NDArray[np.int64], fell: NDArray[np.int64], n: int) -> Floats:
    """Lower end of Tango's interval: where his score, which falls with the difference asked about, is at its bound."""
    low, high = np.full(rose.shape, -1.0), (rose - fell) / n
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_outside = _score(rose, fell, n, middle) > REACH
        low, high = np.where(is_outside, middle, low), np.where(is_outside, high, middle)
    return np.asarray(low, dtype=np.float64)


def _score(rose: NDArray[np.int64], fell: NDArray[np.int64], n: int, difference: Floats) -> Floats:
    """Tango's score for a true difference: what was seen beyond it, in standard errors under it."""
    linear = -(rose + fell) + (2 * n - rose + fell) * difference
    falling = (np.sqrt(linear**2 + 8 * n * fell * difference * (1 - difference)) - linear) / (4 * n)
    variance = n * (2 * falling + difference * (1 - difference))
    beyond = rose - fell - n * difference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            np.where(variance > 1e-12, beyond / np.sqrt(np.maximum(variance, 0)), np.inf), dtype=np.float64
        )
