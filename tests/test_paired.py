"""Paired comparisons: verdicts on both sides of each bound, groups, values that say nothing, and error rates by simulation."""

import numpy as np
import pytest

from pipeline.scoring import flips
from pipeline.scoring.exact import Counts, p_value
from pipeline.scoring.flips import flip
from pipeline.scoring.paired import FEW_CHANGED, compare, verdict

MARGIN = 0.05


def single(n):
    """A group of its own for each example."""
    return [f"g{number}" for number in range(n)]


def pairs(fixed, broken, n):
    """Candidate and baseline with that many examples fixed and broken; the rest agree."""
    candidate = [1.0] * fixed + [0.0] * broken + [1.0] * (n - fixed - broken)
    baseline = [0.0] * fixed + [1.0] * broken + [1.0] * (n - fixed - broken)
    return candidate, baseline


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
    [
        (20, 2, 100, "better"),
        (2, 20, 100, "worse"),
        (10, 10, 100, "cannot tell"),
        (10, 10, 1000, "no worse"),
        (6, 0, 6, "better"),
        (5, 0, 5, "no worse"),
        (4, 0, 4, "cannot tell"),
    ],
)
def test_verdict_of_a_comparison(fixed, broken, n, word):
    found = compare(*pairs(fixed, broken, n), single(n), MARGIN)
    assert (found.verdict, found.fixed, found.broken, found.n, found.groups) == (word, fixed, broken, n, n)
    assert found.difference == pytest.approx((fixed - broken) / n)
    assert found.p == p_value(Counts(fixed, broken, n))


def graded(fixed, broken, n, step):
    """The same with steps between the ends."""
    differences = np.array([step] * fixed + [-step] * broken + [0.0] * (n - fixed - broken))
    return 0.5 + differences, np.full(n, 0.5)


@pytest.mark.parametrize(("fixed", "broken"), [(40, 20), (35, 30), (20, 38)])
def test_flips_of_equal_steps_say_what_the_exact_test_says(fixed, broken):
    found = compare(*graded(fixed, broken, 100, 0.25), single(100), MARGIN)
    assert found.p == pytest.approx(p_value(Counts(fixed, broken, 100)), abs=0.01)


@pytest.mark.parametrize("groups", [6, 7, 10, 13])
def test_flips_of_few_groups_are_gone_through(groups):
    """Fisher's exact test by signs: all of one sign comes twice in 2**n."""
    sums = np.arange(1.0, groups + 1) / 50
    assert flip(sums, np.ones(groups)).p == 2 / 2**groups
    assert flip(np.append(sums[1:], -sums[0]), np.ones(groups)).p == 4 / 2**groups


def test_p_and_interval_never_contradict_each_other():
    random = np.random.default_rng(4)
    told = 0
    for trial in range(120):
        n, size = int(random.integers(1, 60)), int(random.integers(1, 4))
        shift = random.choice([0.0, 0.15, -0.15])
        candidate = np.clip(random.normal(0.5 + shift, 0.2, n), 0, 1)
        baseline = np.where(random.random(n) < 0.5, candidate, np.clip(random.normal(0.5, 0.2, n), 0, 1))
        if trial % 2:
            candidate, baseline = candidate.round(), baseline.round()
        found = compare(candidate, baseline, [f"g{at // size}" for at in range(n)], MARGIN)
        assert (found.low > 0 or found.high < 0) == (found.p < 0.05), found
        assert -1 <= found.low <= found.difference + 1e-9 <= found.high + 2e-9 <= 1 + 2e-9
        told += found.p < 0.05
    assert 12 < told < 108


def test_repeated_groups_widen_the_interval():
    random = np.random.default_rng(0)
    candidate, baseline = (np.repeat(random.integers(0, 2, 100), 5) for _ in "ab")
    groups = [f"g{number // 5}" for number in range(500)]
    together, alone = (compare(candidate, baseline, names, MARGIN) for names in (groups, single(500)))
    for wide in ("detectable", "least_margin"):
        assert getattr(together, wide) > 1.8 * getattr(alone, wide)  # sqrt(5) = 2.2
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


@pytest.mark.parametrize(("n", "word"), [(1, "cannot tell"), (2, "cannot tell"), (72, "cannot tell"), (73, "no worse")])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_where_nothing_differs_a_margin_of_five_points_takes_73_examples(n, word, value):
    found = compare([value] * n, [value] * n, single(n), MARGIN)
    assert (found.difference, found.p, found.verdict) == (0, 1.0, word)
    if n > 5 or value != 0.4:  # fewer graded ones say nothing at all
        assert found.high == pytest.approx(3.8415 / (n + 3.8415), abs=1e-4)


@pytest.mark.parametrize("values", [[], [1.0], [0.7]])
def test_one_example_or_none_says_nothing(values):
    found = compare(values, [0.0] * len(values), single(len(values)), MARGIN)
    assert (found.verdict, found.n, found.p, found.needed) == ("cannot tell", len(values), 1.0, None)
    assert (found.detectable, found.high) == (1, 1)
    assert found.low <= -0.9


def test_one_group_is_one_observation():
    found = compare([1.0] * 100, [0.0] * 100, ["one customer"] * 100, MARGIN)
    assert (found.verdict, found.low, found.high, found.detectable, found.needed) == ("cannot tell", -1, 1, 1, None)


@pytest.mark.parametrize("count", [3, 30])
def test_groups_that_net_to_zero_cannot_tell(count):
    """Each group has one example that rose and one that fell: no group differs, and that proves nothing."""
    candidate, baseline = [1.0, 0.0] * count, [0.0, 1.0] * count
    found = compare(candidate, baseline, [f"g{number // 2}" for number in range(2 * count)], MARGIN)
    assert (found.fixed, found.broken, found.difference, found.verdict) == (count, count, 0, "cannot tell")


@pytest.mark.parametrize("changed", [0, 1, 5, FEW_CHANGED - 1])
def test_few_small_changes_do_not_promise_that_no_large_one_comes(changed):
    """A hundred examples of which a few moved by a hundredth say as little of the rest as if they had moved from end to end."""
    found = compare(*graded(changed // 2, changed - changed // 2, 100, 0.01), single(100), MARGIN)
    whole = compare(*pairs(changed // 2, changed - changed // 2, 100), single(100), MARGIN)
    assert found.low <= whole.low
    assert (found.detectable, found.least_margin) == (whole.detectable, whole.least_margin)


def test_many_small_changes_say_how_far_the_next_one_goes():
    found = compare(*graded(20, 20, 100, 0.1), single(100), MARGIN)
    assert found.verdict == "no worse"
    assert found.least_margin < 0.03


@pytest.mark.parametrize("value", [float("nan"), 1.5])
def test_a_value_that_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match="no number between 0 and 1"):
        compare([1.0, value], [1.0, 1.0], single(2), MARGIN)
    with pytest.raises(ValueError, match="not of the same examples"):
        compare([1.0], [1.0, 1.0], single(2), MARGIN)


def test_needed_is_said_where_it_cannot_be_told_and_a_margin_is_given():
    alone = compare(*pairs(10, 10, 100), single(100), MARGIN)
    assert 1000 < alone.needed < 1500
    assert compare(*pairs(10, 10, 100), single(100), 0.0).needed is None
    assert compare(*pairs(20, 2, 100), single(100), MARGIN).needed is None
    grouped = compare(*pairs(30, 30, 100), [f"g{at // 2}" for at in range(100)], MARGIN)
    assert grouped.needed == pytest.approx(100 * (grouped.least_margin / MARGIN) ** 2, abs=1)


def test_same_numbers_twice():
    random = np.random.default_rng(3)
    candidate, baseline = random.random(50), random.random(50)
    groups = [f"g{number // 2}" for number in range(50)]
    first = compare(candidate, baseline, groups, MARGIN)
    flips._signs.cache_clear()
    assert compare(candidate, baseline, groups, MARGIN) == first
