"""Statistics: published intervals, verdicts on both sides of each bound, and error rates by simulation."""

import math
from itertools import pairwise

import numpy as np
import pytest

from pipeline.scoring import statistics
from pipeline.scoring.statistics import compare, estimate, verdict

MARGIN = 0.05


def single(n):
    """A group of its own for each example."""
    return [f"g{number}" for number in range(n)]


def paired(fixed, broken, n):
    """Candidate and baseline with that many examples fixed and broken; the rest agree."""
    candidate = [1.0] * fixed + [0.0] * broken + [1.0] * (n - fixed - broken)
    baseline = [0.0] * fixed + [1.0] * broken + [1.0] * (n - fixed - broken)
    return candidate, baseline


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(80, 100, 0.711, 0.867), (40, 50, 0.670, 0.888), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (1, 1, 0.207, 1.0)],
)
def test_wilson_interval(right, n, low, high):
    found = estimate([1.0] * right + [0.0] * (n - right), single(n))
    assert (found.mean, found.n) == (right / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 112 / 1024), (3, 3, 1.0)],
)
def test_exact_mcnemar(fixed, broken, p):
    found = compare(*paired(fixed, broken, 40), single(40), MARGIN)
    mirrored = compare(*paired(broken, fixed, 40), single(40), MARGIN)
    assert (found.fixed, found.broken) == (fixed, broken)
    assert found.p == pytest.approx(p)
    assert mirrored.p == pytest.approx(p)


def test_p_is_of_yes_and_no_only():
    assert compare([0.5, 0.7, 1.0], [0.4, 0.9, 1.0], single(3), MARGIN).p is None


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1e-9, 0.2, "better"),
        (0.0, 0.2, "no worse"),
        (-0.2, -1e-9, "worse"),
        (-0.02, -0.01, "worse"),
        (-0.02, 0.0, "no worse"),
        (-MARGIN, 0.2, "no worse"),
        (-MARGIN - 1e-9, 0.2, "cannot tell"),
        (-0.2, 0.0, "cannot tell"),
    ],
)
def test_verdict_on_each_side_of_its_bounds(low, high, word):
    assert verdict(low, high, MARGIN) == word


@pytest.mark.parametrize(
    ("fixed", "broken", "n", "word"),
    [(20, 2, 100, "better"), (2, 20, 100, "worse"), (10, 10, 100, "cannot tell"), (10, 10, 1000, "no worse")],
)
def test_verdict_of_a_comparison(fixed, broken, n, word):
    assert compare(*paired(fixed, broken, n), single(n), MARGIN).verdict == word


def test_repeated_groups_widen_the_interval():
    values = [1.0, 0.0] * 10
    clustered = [value for value in values for _ in range(5)]
    groups = [f"g{number // 5}" for number in range(100)]
    alone, together = estimate(clustered, single(100)), estimate(clustered, groups)
    assert together.high - together.low > 1.8 * (alone.high - alone.low)  # sqrt(5) = 2.2
    baseline = [0.5] * 100
    loose, tight = compare(clustered, baseline, groups, MARGIN), compare(clustered, baseline, single(100), MARGIN)
    assert loose.high - loose.low > 1.8 * (tight.high - tight.low)
    assert loose.detectable > 1.8 * tight.detectable


def called(rates, size, monkeypatch):
    """How often `compare` calls better or worse where the arms are equal: 100 examples in groups of `size`."""
    monkeypatch.setattr(statistics, "DRAWS", 1000)
    random, runs, count = np.random.default_rng(7), 300, 0
    groups = [f"g{number // size}" for number in range(100)]
    for _ in range(runs):
        drawn = np.repeat(random.random(100 // size), size)
        candidate, baseline = drawn < rates / 2, (drawn >= rates / 2) & (drawn < rates)
        count += compare(candidate * 1.0, baseline * 1.0, groups, MARGIN).verdict in ("better", "worse")
    return count / runs


@pytest.mark.parametrize(("rates", "size"), [(0.04, 1), (0.1, 1), (0.3, 1), (0.3, 2)])
def test_equal_models_are_seldom_told_apart(rates, size, monkeypatch):
    assert called(rates, size, monkeypatch) <= 0.075


@pytest.mark.parametrize(("n", "discordant"), [(100, 0.2), (400, 0.1), (400, 0.5)])
def test_detectable_drop_is_that_of_the_normal_formula(n, discordant):
    half = int(n * discordant / 2)
    found = compare(*paired(half, half, n), single(n), MARGIN)
    assert found.detectable == pytest.approx(2.8 * math.sqrt(discordant / n), rel=0.02)


def test_detectable_drop_shrinks_as_the_test_set_grows():
    drops = [compare(*paired(n // 20, n // 20, n), single(n), MARGIN).detectable for n in (40, 100, 400, 1000)]
    assert all(later < earlier for earlier, later in pairwise(drops))


@pytest.mark.parametrize(
    ("n", "bound", "word"), [(2, 1.0, "cannot tell"), (59, 3 / 59, "cannot tell"), (60, 0.05, "no worse")]
)
def test_rule_of_three_where_nothing_differs(n, bound, word):
    found = compare([1.0] * n, [1.0] * n, single(n), MARGIN)
    assert (found.low, found.high) == (pytest.approx(-bound), pytest.approx(bound))
    assert (found.difference, found.p, found.verdict) == (0, 1.0, word)
    assert found.detectable == pytest.approx(bound)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_example_or_none_says_nothing(values):
    found = compare(values, [0.0] * len(values), single(len(values)), MARGIN)
    assert (found.verdict, found.low, found.high, found.n) == ("cannot tell", -1, 1, len(values))
    assert (estimate([], []).low, estimate([], []).high) == (0, 1)


def test_three_examples_are_too_few_to_call():
    """All three went up; exact McNemar gives p = 0.25."""
    found = compare(*paired(3, 0, 3), single(3), MARGIN)
    assert found.verdict not in ("better", "worse")
    assert found.low < found.high
    assert found.detectable > 0.3


def test_one_group_is_one_observation():
    found = compare([1.0, 1.0, 1.0, 0.0], [0.0] * 4, ["one customer"] * 4, MARGIN)
    assert found.verdict == "cannot tell"
    assert found.detectable > 0


def test_groups_that_balance_out_are_no_proof():
    """In each of two groups one example rose and one fell."""
    found = compare([1.0, 0.0] * 2, [0.0, 1.0] * 2, ["a", "a", "b", "b"], MARGIN)
    assert found.verdict == "cannot tell"
    assert found.detectable > 0.3


@pytest.mark.parametrize("pairs", [3, 30])
def test_groups_that_net_to_zero_cannot_tell(pairs):
    """Each group has one example that rose and one that fell: no group differs, and that proves nothing."""
    candidate, baseline = [1.0, 0.0] * pairs, [0.0, 1.0] * pairs
    found = compare(candidate, baseline, [f"g{number // 2}" for number in range(2 * pairs)], MARGIN)
    assert (found.fixed, found.broken, found.difference) == (pairs, pairs, 0)
    assert found.verdict == "cannot tell"


@pytest.mark.parametrize("step", [0.1, -0.1])
def test_three_equal_differences_are_too_few_to_call(step):
    """Values between 0 and 1 that all rose (or fell) by the same: no spread, and three examples all the same."""
    found = compare([0.5 + step] * 3, [0.5] * 3, single(3), MARGIN)
    assert found.difference == pytest.approx(step)
    assert found.verdict not in ("better", "worse")


@pytest.mark.parametrize("n", [3, 10, 100])
@pytest.mark.parametrize("change", [0.0, 0.001])
def test_detectable_drop_is_never_below_three_in_n(n, change):
    found = compare([0.5 + change * (number % 2) for number in range(n)], [0.5] * n, single(n), MARGIN)
    assert found.detectable >= min(1.0, 3 / n) - 1e-12


def test_interval_of_repeated_groups_is_not_a_point_where_all_are_right():
    assert estimate([1.0] * 6, ["a", "a", "b", "b", "c", "c"]).low < 1


def test_same_numbers_twice():
    random = np.random.default_rng(3)
    candidate, baseline = random.random(50), random.random(50)
    groups = [f"g{number // 2}" for number in range(50)]
    assert compare(candidate, baseline, groups, MARGIN) == compare(candidate, baseline, groups, MARGIN)
    assert estimate(candidate, groups) == estimate(candidate, groups)
