"""Raters and votes: Krippendorff's published tables, and a win rate on both sides of a half."""

import numpy as np
import pytest

from pipeline.scoring.agreement import krippendorff_alpha, win_rate

BOOK = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def units(*raters):
    """Units of a table with a row a rater; a point is a value that is missing."""
    return [[int(row[at]) for row in raters if row[at] != "."] for at in range(len(raters[0]))]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_alpha_of_four_observers_and_twelve_units(level, alpha):
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C and D."""
    assert krippendorff_alpha(units(*BOOK), level) == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_three_coders_with_gaps():
    """The worked example of Krippendorff's alpha in Wikipedia."""
    rows = (".....34121133.3", "1.213343.......", "..21344.21133.4")
    assert krippendorff_alpha(units(*rows), "nominal") == pytest.approx(0.691, abs=5e-4)


def test_alpha_of_two_observers_and_two_values():
    """Section A of the same paper: ten units."""
    assert krippendorff_alpha(units("0100000010", "1110010000"), "nominal") == pytest.approx(0.095, abs=5e-4)


@pytest.mark.parametrize("given", [[], [[1.0], [2.0]], [[1.0, 1.0], [1.0, 1.0, 1.0]]])
def test_no_alpha_where_nothing_could_differ(given):
    assert krippendorff_alpha(given, "nominal") is None


def test_alpha_is_one_for_agreement_and_about_zero_for_chance():
    assert krippendorff_alpha([[1, 1], [2, 2], [3, 3]], "ordinal") == 1
    random = np.random.default_rng(0)
    assert abs(krippendorff_alpha(random.integers(0, 3, (2000, 3)).tolist(), "nominal")) < 0.05


def test_win_rate_counts_a_tie_as_half():
    found = win_rate(["win"] * 30 + ["tie"] * 10 + ["loss"] * 15, [str(at) for at in range(55)])
    assert (found.wins, found.ties, found.losses, found.n) == (30, 10, 15, 55)
    assert found.rate == pytest.approx(35 / 55)
    assert 0.5 < found.low < found.rate < found.high
    assert found.p == pytest.approx(0.0357, abs=1e-4)  # 30 of 45 by the sign test


def test_win_rate_is_even_where_nobody_votes_or_all_tie():
    assert (win_rate([], []).low, win_rate([], []).high) == (0, 1)
    ties = win_rate(["tie"] * 50, [str(at) for at in range(50)])
    assert (ties.rate, ties.p) == (0.5, 1)
    assert ties.low < 0.5 < ties.high


def test_votes_on_one_example_are_not_independent():
    votes = ["win", "win", "win", "loss"] * 10
    alone = win_rate(votes, [str(at) for at in range(40)])
    together = win_rate(sorted(votes), [str(at // 4) for at in range(40)])
    assert alone.low > 0.5 > together.low
