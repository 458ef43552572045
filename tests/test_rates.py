"""Intervals of a mean: Wilson's published ones, and that they cover what they say where examples hang together or are few."""

import numpy as np
import pytest

from pipeline.scoring.rates import estimate


def single(n):
    """A group of its own for each example."""
    return [f"g{number}" for number in range(n)]


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (80, 100, 0.711, 0.867),
        (40, 50, 0.670, 0.888),
        (0, 10, 0.0, 0.278),
        (10, 10, 0.722, 1.0),
        (1, 1, 0.207, 1.0),
        (81, 263, 0.255, 0.366),
    ],
)
def test_wilson_interval(right, n, low, high):
    """The last one is of Newcombe (Statistics in Medicine 17, 1998)."""
    found = estimate([1.0] * right + [0.0] * (n - right), single(n))
    assert (found.mean, found.n, found.effective_n) == (right / n, n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


def test_no_example_says_nothing():
    found = estimate([], [])
    assert (found.low, found.high, found.n) == (0, 1, 0)


def test_copies_tell_no_more_than_one():
    values = [1.0, 0.0, 1.0, 1.0] * 10
    once, copied = estimate(values, single(40)), estimate(np.repeat(values, 5), np.repeat(single(40), 5))
    assert copied.effective_n == pytest.approx(once.effective_n, rel=0.1)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.05)


@pytest.mark.parametrize("values", [[1.0] * 6, [0.0] * 6, [0.4] * 6])
def test_all_alike_is_no_point_and_counts_groups(values):
    found = estimate(values, ["a", "a", "b", "b", "c", "c"])
    assert found.effective_n == 3
    assert found.high - found.low > 0.5


def test_one_group_is_one_observation():
    found = estimate([1.0, 1.0, 1.0, 0.0], ["one customer"] * 4)
    assert (found.effective_n, found.mean) == (1, 0.75)
    assert found.low < 0.2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_value_that_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match="no number between 0 and 1"):
        estimate([1.0, value], single(2))


@pytest.mark.parametrize(("groups", "size", "rate"), [(20, 5, 0.9), (50, 1, 0.95), (50, 4, 0.5), (10, 10, 0.7)])
@pytest.mark.parametrize("kind", ["yes/no", "graded"])
def test_interval_covers_the_truth(groups, size, rate, kind):
    """Groups share half of what decides: 95 % within simulation error and what few groups cost."""
    random, runs, hits = np.random.default_rng(2), 400, 0
    names = np.repeat(single(groups), size)
    for _ in range(runs):
        chance = np.repeat(random.beta(rate, 1 - rate, groups), size) if size > 1 else rate
        values = (
            random.binomial(1, chance, groups * size)
            if kind == "yes/no"
            else random.beta(4 * rate, 4 - 4 * rate, groups * size)
        )
        found = estimate(values, names)
        hits += found.low <= rate <= found.high
    assert hits / runs >= 0.92
