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
    """Mean and interval: Wilson where values are yes/no and groups are single, else bootstrap over groups."""
    n = len(values)
    if not n:
        return Estimate(0.0, 0.0, 1.0, 0)
    mean = sum(values) / n
    if _is_binary(values) and len(set(groups)) == n:
        interval = binomtest(int(sum(values)), n).proportion_ci(method="wilson")
        return Estimate(mean, float(interval.low), float(interval.high), n)
    low, high = _bootstrap(np.asarray(values, dtype=float), groups)
    return Estimate(mean, low, high, n)


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
    low, high = _difference_interval(differences, groups)
    return Comparison(
        float(differences.mean()),
        low,
        high,
        n,
        fixed,
        broken,
        p,
        detectable_drop(differences, groups),
        verdict(low, high, margin),
    )


def verdict(low: float, high: float, margin: float) -> Verdict:
    """The word for an interval: better, worse, no worse within `margin`, or cannot tell."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no worse" if low >= -margin else "cannot tell"


def detectable_drop(differences: NDArray[np.float64], groups: Sequence[str]) -> float:
    """The smallest drop seen with 80 % power at two-sided 5 %: (1.96 + 0.84) standard errors, or 3/n where nothing differs."""
    sums = _group_sums(differences - differences.mean(), groups)
    n = len(differences)
    if not differences.any():
        return min(1.0, 3 / n)
    error = float(np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1)) / n)
    return float(min(1.0, (norm.ppf(0.975) + norm.ppf(POWER)) * error))


def _difference_interval(differences: NDArray[np.float64], groups: Sequence[str]) -> tuple[float, float]:
    """Bootstrap interval; where nothing differs, the rule of three on both sides (no difference in n says at most 3/n)."""
    if not differences.any():
        bound = min(1.0, 3 / len(differences))
        return -bound, bound
    return _bootstrap(differences, groups)


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
