"""Intervals from sums by group: the textbook's where all stands alone, wider where it does not, and right as often as they say."""

import numpy as np
import pytest

from pipeline.scoring.grouped_sums import UNKNOWN, Value, design_effect, difference, mean, percentile, share
from pipeline.scoring.rates import estimate, wilson


def sums(*values):
    return np.array(values, dtype=np.float64)


def test_the_exact_interval_of_requests_that_stand_alone():
    found = share(sums(3, 5), sums(4, 6), has_groups=False)  # 8 of 10
    assert (found.value, found.n) == (0.8, 10)
    assert (found.low, found.high) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    none = share(sums(0), sums(1), has_groups=False)  # 0 of 1
    assert (none.low, none.high) == pytest.approx((0, 0.975))


def test_nothing_is_known_of_nothing():
    assert share(sums(0), sums(0), has_groups=False) == UNKNOWN
    assert mean(sums(0), sums(0)) == UNKNOWN
    assert percentile(0.5, lambda share: share, 0, 0.0) == UNKNOWN
    assert difference(UNKNOWN, Value(0.5, 0.4, 0.6, 10, 10.0)) is None


def test_groups_count_as_in_the_scores_of_the_evaluation():
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 8)
    values = (random.random(320) < 0.2 + 0.6 * (groups % 2)).astype(float)
    hits, sizes = np.bincount(groups, weights=values), np.bincount(groups).astype(float)
    one, other = share(hits, sizes, has_groups=True), estimate(values.tolist(), [str(one) for one in groups])
    assert (one.value, one.effective_n) == pytest.approx((other.mean, other.effective_n))
    assert one.effective_n < 150


def test_one_group_with_most_of_the_requests_is_worth_next_to_nothing():
    hits, sizes = np.concatenate([[0], np.ones(200)]), np.concatenate([[600], np.ones(200)])
    found = share(hits, sizes, has_groups=True)
    assert found.value == 0.25
    assert found.effective_n < 1
    assert found.high > 0.97


def test_a_thousand_requests_of_one_user_tell_no_more_than_one():
    found = share(sums(900, 0), sums(1000, 0), has_groups=True)
    assert found.n == 1000
    assert found.effective_n == 1
    assert found.low < 0.2


def test_an_interval_for_a_slice_among_many_is_wider():
    one, among_ten = (share(sums(30), sums(100), has_groups=False, alpha=alpha) for alpha in (0.05, 0.005))
    assert among_ten.low < one.low < one.high < among_ten.high


def test_newcombe_s_interval_of_a_difference():
    """56 of 70 less 48 of 80, an example of Newcombe's paper: 0.2, 0.0524 to 0.3339 by his method 10."""
    one, other = (Value(hits / n, *wilson(hits / n, n), n, float(n)) for hits, n in ((56, 70), (48, 80)))
    found = difference(one, other)
    assert (found.difference, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_the_error_of_a_mean_is_that_of_groups():
    found = mean(sums(10, 20, 30), sums(1, 1, 1))
    assert found.value == 20
    assert found.high == pytest.approx(20 + 4.3027 * 10 / 3**0.5, abs=1e-3)  # Student's t with 2 degrees of freedom
    assert mean(sums(10), sums(2)).high is None


def test_a_percentile_lies_between_two_order_statistics():
    values = np.arange(1, 101) / 100  # of 100 the 40th and the 61st hold the median in 96 % of samples
    found = percentile(0.5, lambda share: float(np.quantile(values, share, method="inverted_cdf")), 100, 100.0)
    assert (found.value, found.low, found.high) == (0.5, 0.4, 0.61)


def test_few_requests_have_no_upper_end_of_a_high_percentile():
    assert percentile(0.95, lambda share: share, 71, 71.0).high is None
    assert percentile(0.95, lambda share: share, 72, 72.0).high is not None
    assert percentile(0.95, lambda share: share, 1, 1.0).low == 0.0


def test_a_design_effect_is_the_size_of_groups_whose_members_are_alike():
    times = np.repeat([1.0, 2.0, 3.0, 4.0], 25)
    by_group = times.reshape(4, 25).sum(axis=1)
    alike = design_effect(by_group, sums(25, 25, 25, 25), float((times**2).sum()))
    assert 25 < alike < 45  # 25, and what four groups know of their own error
    alone = design_effect(times, np.ones(100), float((times**2).sum()))
    assert alone == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("has_groups", [False, True])
def test_ninety_five_of_a_hundred_intervals_hold_the_truth(has_groups):
    random, held = np.random.default_rng(11), 0
    for _ in range(400):
        rates = random.beta(2, 6, 120) if has_groups else np.full(120, 0.25)
        sizes = random.integers(1, 8, 120).astype(float)
        found = share(random.binomial(sizes.astype(int), rates).astype(float), sizes, has_groups)
        held += found.low <= 0.25 <= found.high
    assert held >= 367  # of 400: 380, less three standard errors; an exact interval may hold it more often
