"""Shares, means and percentiles of a stream that was summed up by groups, each with its interval, of 95 % where nothing else is asked.

A stream of requests is too long to keep. What is kept of it is a sum for each group: of what was hit, and of what could be. Groups are
people, or people thrown together by a hash, which tells their error as well: the method of random groups (Wolter, Introduction to
Variance Estimation, 2007, chapter 2). An interval of None has no such end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

from scipy.special import betaincinv, ndtri, stdtrit
from scipy.stats import binom

from pipeline.scoring.exact import ALPHA, Floats


@dataclass(frozen=True)
class Value:
    """A value with its interval, of n observations that tell as much as `effective_n` would that stand alone; no value of none."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    effective_n: float


UNKNOWN = Value(None, None, None, 0, 0.0)


def share(hits: Floats, sizes: Floats, has_groups: bool, alpha: float = ALPHA) -> Value:
    """Share of hits with the exact interval, in which n is what the groups leave of it. `hits` and `sizes` are sums of the same groups.

    Exact, so that a few requests never say more than they can (Clopper and Pearson, 1934), with an effective n as Korn and Graubard have
    it (Survey Methodology 24, 1998); where observations stand alone (`has_groups` false) that is n.
    """
    n = int(sizes.sum())
    if not n:
        return UNKNOWN
    mean = float(hits.sum()) / n
    effective = _effective_n(mean, hits, sizes) if has_groups else float(n)
    low, high = exact(mean * effective, effective, alpha)
    return Value(mean, low, high, n, effective)


def exact(hits: float, n: float, alpha: float) -> tuple[float, float]:
    """The interval of a share that misses the truth in a share `alpha` of samples at most; neither number need be whole."""
    low = float(betaincinv(hits, n - hits + 1, alpha / 2)) if hits > 0 else 0.0
    return low, float(betaincinv(hits + 1, n - hits, 1 - alpha / 2)) if hits < n else 1.0


def mean(sums: Floats, sizes: Floats, alpha: float = ALPHA) -> Value:
    """Mean of amounts of 0 or more, its error taken over groups and widened as Student's t is; of one group it has no interval."""
    n = int(sizes.sum())
    if not n:
        return UNKNOWN
    found, clusters = float(sums.sum()) / n, _clusters(sizes)
    if clusters < 2:
        return Value(found, 0.0, None, n, clusters)
    half = float(stdtrit(clusters - 1, 1 - alpha / 2)) * _error(found, sums, sizes)
    return Value(found, max(0.0, found - half), found + half, n, clusters)


def percentile(q: float, at: Callable[[float], float], n: int, effective_n: float, alpha: float = ALPHA) -> Value:
    """The q-th part's upper end, with the interval between two order statistics (Conover, Practical Nonparametric Statistics, 3.2).

    `at` gives the value below which a share of the observations lies. Few observations have no upper end: of 71 the largest one may well
    lie below the true 95th percentile.
    """
    if not n:
        return UNKNOWN
    whole = max(1, int(effective_n))
    first, last = int(binom.ppf(alpha / 2, whole, q)), int(binom.ppf(1 - alpha / 2, whole, q)) + 1
    low = at(first / whole) if first else 0.0
    return Value(at(q), low, at(last / whole) if last <= whole else None, n, effective_n)


def design_effect(sums: Floats, sizes: Floats, squares: float) -> float:
    """How much the error of a mean grows because observations come in groups; 1 where it does not. `squares` is the sum of squares."""
    n, clusters = float(sizes.sum()), int((sizes > 0).sum())
    if n < 2 or clusters < 2:
        return max(1.0, n)
    centre = float(sums.sum()) / n
    alone = (squares - n * centre**2) / (n - 1) / n
    return max(1.0, _error(centre, sums, sizes) ** 2 / alone) if alone > 1e-12 else max(1.0, n / clusters)


@dataclass(frozen=True)
class Difference:
    """One value minus another with its interval."""

    difference: float
    low: float
    high: float


def difference(one: Value, other: Value) -> Difference | None:
    """The interval of a difference out of the interval of each side (Newcombe, Statistics in Medicine 17, 1998, method 10).

    It holds for any two intervals (Zou and Donner, Statistics in Medicine 27, 2008). None where one side is not known.
    """
    if one.value is None or other.value is None:
        return None
    found = one.value - other.value
    below = sqrt(_reach(one.value, one.low) ** 2 + _reach(other.value, other.high) ** 2)
    above = sqrt(_reach(one.value, one.high) ** 2 + _reach(other.value, other.low) ** 2)
    return Difference(found, found - below, found + above)


def _reach(value: float, end: float | None) -> float:
    return inf if end is None else abs(value - end)


def _effective_n(mean: float, hits: Floats, sizes: Floats) -> float:
    """What n observations in groups are worth: mean (1 - mean) / error², less for what few groups know of their own error."""
    n, clusters = float(sizes.sum()), _clusters(sizes)
    error = _error(mean, hits, sizes) if clusters > 1 else 0.0
    if error < 1e-9:
        return clusters
    return min(n, mean * (1 - mean) / error**2 * float(ndtri(ALPHA / 2) / stdtrit(clusters - 1, ALPHA / 2)) ** 2)


def _clusters(sizes: Floats) -> float:
    """How many groups of equal size tell as much: one that has most of the observations counts for all (Kish, Survey Sampling, 1965)."""
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _error(centre: float, sums: Floats, sizes: Floats) -> float:
    """Standard error of a mean over two groups or more: of the sums of what each observation differs by."""
    clusters = int((sizes > 0).sum())
    return sqrt(float(((sums - centre * sizes) ** 2).sum()) * clusters / (clusters - 1)) / float(sizes.sum())
