"""Intervals and paired comparisons, clustered by group.

Wilson (1927) for a rate of independent examples, a bootstrap over groups (Efron & Tibshirani, 1993) for the rest, the exact
McNemar test (1947) for paired yes/no values. A difference is called better, worse, no worse, or cannot tell by its 95 %
interval alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from scipy.stats import t as student

DRAWS = 10_000
SEED = 0
POWER = 0.8
Verdict = Literal["better", "worse", "no worse", "cannot tell"]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Comparison:
    """A paired difference (candidate minus baseline) with its 95 % interval.

    `fixed` and `broken` count the examples that went up and down, `p` is exact McNemar where values are yes/no, else none,
    `detectable` is the smallest drop that this test set would have shown with 80 % power.
    """

    difference: float
    low: float
    high: float
    n: int
    fixed: int
    broken: int
    p: float | None
    detectable: float
    verdict: Verdict


def estimate(values: Sequence[float], groups: Sequence[str]) -> Estimate:
    """Mean and interval of values in [0, 1]: Wilson where they are yes/no and groups single (or all alike), else over groups."""
    n, clusters = len(values), len(set(groups))
    if not n:
        return Estimate(0.0, 0.0, 1.0, 0)
    mean = sum(values) / n
    if _is_binary(values) and (clusters == n or len(set(values)) == 1):
        interval = binomtest(round(mean * clusters), clusters).proportion_ci(method="wilson")
        return Estimate(mean, float(interval.low), float(interval.high), n)
    low, high = _interval(np.asarray(values, dtype=float), groups)
    return Estimate(mean, max(low, 0.0), min(high, 1.0), n)


def compare(candidate: Sequence[float], baseline: Sequence[float], groups: Sequence[str], margin: float) -> Comparison:
    """Compare paired values of the same examples. `margin` is the drop that is still called no worse."""
    differences = np.asarray(candidate, dtype=float) - np.asarray(baseline, dtype=float)
    n = len(differences)
    if n < 2:
        return Comparison(float(differences.sum()), -1.0, 1.0, n, 0, 0, None, 1.0, "cannot tell")
    fixed, broken = int((differences > 0).sum()), int((differences < 0).sum())
    is_binary = _is_binary(candidate) and _is_binary(baseline)
    p = None
    if is_binary:
        p = float(binomtest(broken, fixed + broken).pvalue) if fixed + broken else 1.0
    low, high = _difference_interval(differences, groups, is_binary)
    detectable = detectable_drop(differences, groups)
    return Comparison(float(differences.mean()), low, high, n, fixed, broken, p, detectable, verdict(low, high, margin))


def verdict(low: float, high: float, margin: float) -> Verdict:
    """The word for an interval: better, worse, no worse within `margin`, or cannot tell."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no worse" if low >= -margin else "cannot tell"


def detectable_drop(differences: NDArray[np.float64], groups: Sequence[str]) -> float:
    """The smallest drop seen with 80 % power at two-sided 5 %: (1.96 + 0.84) standard errors, and at least 3/n."""
    clusters = len(set(groups))
    if clusters < 2:
        return 1.0
    reach = float((norm.ppf(0.975) + norm.ppf(POWER)) * _standard_error(differences, groups))
    return min(1.0, max(reach, 3 / clusters))


def _difference_interval(
    differences: NDArray[np.float64], groups: Sequence[str], is_binary: bool
) -> tuple[float, float]:
    """Interval of a mean difference, never narrower than few groups allow.

    Where values are yes/no, it covers the exact interval of the share of groups that rose among those that changed (Clopper and Pearson,
    1934), so that it excludes zero only where the exact McNemar test does.
    """
    clusters = len(set(groups))
    if clusters < 2:
        return -1.0, 1.0
    low, high = _interval(differences, groups)
    if is_binary:
        sums = _group_sums(differences, groups)
        rose, fell = int((sums > 0).sum()), int((sums < 0).sum())
        if rose + fell:
            share = binomtest(rose, rose + fell).proportion_ci(method="exact")
            scale = float(np.abs(sums).sum()) / len(differences)
            low, high = min(low, (2 * share.low - 1) * scale), max(high, (2 * share.high - 1) * scale)
    return max(-1.0, float(low)), min(1.0, float(high))


def _interval(values: NDArray[np.float64], groups: Sequence[str]) -> tuple[float, float]:
    """The wider of a bootstrap over groups and Student's t on their standard error: the former is too narrow for few groups.

    Where no group differs from another, the rule of three holds on both sides: no exception in n says at most 3/n.
    """
    clusters = len(set(groups))
    if clusters < 2:
        return -1.0, 1.0
    mean, error = float(values.mean()), _standard_error(values, groups)
    if error < 1e-12:
        return mean - 3 / clusters, mean + 3 / clusters
    low, high = _bootstrap(values, groups)
    reach = float(student.ppf(0.975, clusters - 1)) * error
    return min(low, mean - reach), max(high, mean + reach)


def _standard_error(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """Standard error of the mean with whole groups as observations (Miller, 2024)."""
    sums = _group_sums(values - values.mean(), groups)
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values))


def _bootstrap(values: NDArray[np.float64], groups: Sequence[str]) -> tuple[float, float]:
    """Percentile interval of the mean over draws of whole groups."""
    sums, sizes = _group_sums(values, groups), _group_sums(np.ones(len(values)), groups)
    random = np.random.default_rng(SEED)
    means = np.empty(DRAWS)
    step = max(1, 5_000_000 // len(sums))
    for at in range(0, DRAWS, step):
        drawn = random.integers(0, len(sums), size=(min(step, DRAWS - at), len(sums)))
        means[at : at + step] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _group_sums(values: NDArray[np.float64], groups: Sequence[str]) -> NDArray[np.float64]:
    index = {name: position for position, name in enumerate(dict.fromkeys(groups))}
    sums = np.zeros(len(index))
    np.add.at(sums, [index[name] for name in groups], values)
    return sums


def _is_binary(values: Sequence[float]) -> bool:
    return all(value in (0.0, 1.0) for value in values)
