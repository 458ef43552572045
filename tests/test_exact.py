"""Counts: published tables, that p and interval never contradict each other, and the power that is claimed, reckoned again."""

import re

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.scoring import exact
from pipeline.scoring.exact import Counts, detectable, interval, least_margin, needed, next_time, p_value
from tests.project import ROOT


def tango(rose, fell, n):
    """The score interval alone, which the interval covers."""
    low = exact._tango_lower(np.array([rose]), np.array([fell]), n)[0]
    return low, -exact._tango_lower(np.array([fell]), np.array([rose]), n)[0]


@pytest.mark.parametrize(
    ("rose", "fell", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 0.0625),
        (6, 0, 0.03125),
        (8, 2, 112 / 1024),
        (3, 3, 1.0),
        (1, 7, 0.0703125),
        (6, 16, 0.052479),
    ],
)
def test_exact_mcnemar(rose, fell, p):
    """The last two are Bentur et al. (2009) and Cavo et al. (2012) in Fagerland, Lydersen & Laake's tables."""
    for counts in (Counts(rose, fell, 161), Counts(fell, rose, 161)):
        assert p_value(counts) == pytest.approx(p, abs=5e-7)


@pytest.mark.parametrize(
    ("rose", "fell", "n", "low", "high"), [(6, 16, 161, -0.1240, -0.0054), (1, 7, 21, -0.5172, -0.0260)]
)
def test_score_interval_is_the_published_one(rose, fell, n, low, high):
    """The same two tables, in the R package contingencytables."""
    assert tango(rose, fell, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("n", [1, 10, 73, 1000])
def test_score_interval_without_a_change_is_wilsons_for_none(n):
    low, high = tango(0, 0, n)
    assert high == pytest.approx(binomtest(0, n).proportion_ci(method="wilson").high)
    assert low == -high


def test_interval_leaves_zero_out_exactly_where_p_is_below_five_percent():
    for n in (1, 6, 30):
        for changed in range(n + 1):
            for rose in range(changed + 1):
                counts = Counts(rose, changed - rose, n)
                low, high = interval(counts)
                assert (low > 0 or high < 0) == (p_value(counts) < 0.05), counts
                assert -1 <= low <= (2 * rose - changed) / n <= high <= 1
    for changed in (40, 101, 250):
        rose = np.arange(changed + 1)
        p = np.array([p_value(Counts(one, changed - one, 300)) for one in rose.tolist()])
        assert ((exact._lower(rose, changed - rose, 300) > 0) == ((p < 0.05) & (2 * rose > changed))).all()


def test_no_example_says_nothing():
    assert interval(Counts(0, 0, 0)) == (-1, 1)
    assert (least_margin(0, 0), detectable(0, 0)) == (1, 1)


@pytest.mark.parametrize(("changed", "n"), [(0, 40), (4, 100), (10, 100), (31, 100), (50, 500)])
def test_least_margin_takes_every_outcome_of_equal_models_that_is_not_called_worse(changed, n):
    """Where a standard error more change than did; a margin just below it does not."""
    lows, more = [], next_time(changed)
    assert more >= changed + np.sqrt(changed)
    for rose in range(more + 1):
        low, high = interval(Counts(rose, more - rose, n))
        lows += [low] if high >= 0 else []
    assert min(lows) == pytest.approx(-least_margin(changed, n))


@pytest.mark.parametrize(("share", "n"), [(0.0, 100), (0.1, 100), (0.3, 100), (0.2, 500)])
def test_detectable_drop_is_caught_four_times_in_five(share, n):
    drop = detectable(round(share * n), n)
    random = np.random.default_rng(1)
    chances = [(max(share, drop) - drop) / 2, (max(share, drop) + drop) / 2]
    rose, fell, _ = random.multinomial(n, [*chances, 1 - sum(chances)], size=4000).T
    caught = np.mean([p_value(Counts(*pair, n)) < 0.05 and pair[0] < pair[1] for pair in zip(rose, fell, strict=True)])
    assert 0.78 <= caught <= 0.83  # three standard errors


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_detect_nothing(n):
    assert detectable(0, n) == 1


@pytest.mark.parametrize(("share", "margin"), [(0.0, 0.05), (0.1, 0.05), (0.2, 0.1), (0.3, 0.02)])
def test_needed_examples_make_the_margin_the_least_and_a_tenth_fewer_do_not(share, margin):
    n = needed(share, margin)
    assert least_margin(int(np.ceil(share * n)), n) <= margin
    fewer = int(n * 0.9)
    assert least_margin(int(np.ceil(share * fewer)), fewer) > margin


def test_the_tables_of_the_document_are_those_of_the_code():
    shares, text = (0.05, 0.1, 0.2, 0.3), (ROOT / "docs/evaluation.md").read_text()
    margins = re.findall(r"(?m)^\| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text)
    assert len(margins) == 6
    for n, *cells in margins:
        count = int(n.replace(",", ""))
        assert [float(cell) for cell in cells] == [
            round(least_margin(round(share * count), count) * 100, 1) for share in shares
        ]
    counts = re.findall(r"(?m)^\| (\d+) points \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", text)
    assert len(counts) == 4
    for points, *cells in counts:
        assert [int(cell.replace(",", "")) for cell in cells] == [needed(share, int(points) / 100) for share in shares]


def test_the_example_of_the_document():
    """Four fixed and eight broken of a hundred."""
    low, high = interval(Counts(4, 8, 100))
    assert (round(low * 100, 1), round(high * 100, 1)) == (-11.7, 3.6)
    assert p_value(Counts(4, 8, 100)) == pytest.approx(0.39, abs=0.005)
