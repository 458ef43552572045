"""Means of values between 0 and 1, each with a 95 % interval that stays in between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from pipeline.scoring.exact import ALPHA, POWER, REACH, Floats

LIKELY = float(norm.ppf(POWER))


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval. `effective_n`: how many independent yes/no examples would tell as much."""

    mean: float
    low: float
    high: float
    n: int
    effective_n: float


def estimate(values: Sequence[float], groups: Sequence[str]) -> Estimate:
    """Mean and interval of values in [0, 1]; of no value all that a mean can be. Raises ValueError for a value that is none."""
    given = checked(values)
    n = len(given)
    if not n:
        return Estimate(0.0, 0.0, 1.0, 0, 0.0)
    mean = float(given.mean())
    effective = _effective_n(given, sums_of(given - mean, groups))
    low, high = wilson(mean, effective)
    return Estimate(mean, low, high, n, effective)


def wilson(mean: float, n: float) -> tuple[float, float]:
    """Wilson's interval (1927) of a mean of n yes/no examples; n need not be whole."""
    square = REACH**2 / n
    centre = (mean + square / 2) / (1 + square)
    half = float(np.sqrt(square * (mean * (1 - mean) + square / 4))) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)


def least_margin(level: float, n: float) -> float:
    """The smallest margin below a level within which a mean of exactly that level lies, unless its interval misses the level."""
    if n <= 0:
        return 1.0
    lowest = max(0.0, level - REACH * float(np.sqrt(level * (1 - level) / n)))
    return level - wilson(lowest, n)[0]


def detectable(level: float, n: float) -> float:
    """How far below a level a mean must be for its interval to miss the level in 80 % of samples of n; at least the rule of three."""
    if n <= 0:
        return 1.0
    return min(1.0, max((REACH + LIKELY) * float(np.sqrt(level * (1 - level) / n)), REACH**2 / (n + REACH**2)))


def checked(values: Sequence[float]) -> Floats:
    """The values as an array. Raises ValueError where one is no number between 0 and 1."""
    given = np.asarray(values, dtype=np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("a value is no number between 0 and 1")
    return given


def sums_of(values: Floats, groups: Sequence[str]) -> Floats:
    """The sum of each group, in the order in which groups come first."""
    index = {name: position for position, name in enumerate(dict.fromkeys(groups))}
    sums = np.zeros(len(index))
    np.add.at(sums, [index[name] for name in groups], values)
    return sums


def is_binary(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _effective_n(values: Floats, sums: Floats) -> float:
    """mean (1 - mean) / error², with whole groups as observations (Korn & Graubard, Survey Methodology 24, 1998).

    Yes/no values that stand alone count as they are. Where no group differs from another, each tells no more than one example; and
    few groups tell their own error badly, so that it is widened as Student's t is.
    """
    clusters, mean = len(sums), float(values.mean())
    if is_binary(values) and clusters == len(values):
        return float(clusters)
    error = float(np.sqrt((sums**2).sum() * clusters / max(clusters - 1, 1))) / len(values)
    if clusters < 2 or error < 1e-9:
        return float(clusters)
    effective = mean * (1 - mean) / error**2 * float(REACH / student.ppf(1 - ALPHA / 2, clusters - 1)) ** 2
    return float(min(effective, len(values))) if is_binary(values) else float(effective)
