"""Many comparisons: Holm's own numbers, and that slices of equal models do not cry wolf."""

import numpy as np
import pytest

from pipeline.scoring.many_comparisons import compare_family, holm

MARGIN = 0.05


@pytest.mark.parametrize(
    ("values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.05], [0.05]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([], []),
        # Wright (Biometrics 48, 1992) has these of the hormone trial of Klein & Ross
        ([0.000, 0.002, 0.013], [0.0, 0.004, 0.013]),
    ],
)
def test_holm(values, adjusted):
    assert holm(values) == pytest.approx(adjusted)


def test_slices_go_by_the_adjusted_p_and_the_whole_by_its_own():
    """Seven of seven rose in one slice of five, which is p = 0.016 by itself."""
    candidate, baseline = [1.0] * 35, [0.0] * 7 + [1.0] * 28
    groups = [str(at) for at in range(35)]
    slices = {f"part {at}": {"x": list(range(7 * at, 7 * at + 7))} for at in range(5)}
    overall, parts = compare_family({"x": candidate}, {"x": baseline}, {"x": groups}, slices, MARGIN)
    assert overall["x"]["verdict"] == "better"
    assert (parts["part 0"]["x"]["p"], parts["part 0"]["x"]["p_adjusted"]) == (0.0156, 0.0938)
    assert parts["part 0"]["x"]["verdict"] == "no worse"
    _, alone = compare_family({"x": candidate}, {"x": baseline}, {"x": groups}, {"part 0": slices["part 0"]}, MARGIN)
    assert alone["part 0"]["x"]["verdict"] == "better"


def test_a_slice_that_can_tell_nothing_is_left_out_and_costs_the_others_nothing():
    candidate, baseline, groups = [1.0] * 20, [0.0] * 20, [str(at) for at in range(20)]
    slices = {"five": {"x": list(range(5))}, "six": {"x": list(range(6))}}
    overall, parts = compare_family({"x": candidate}, {"x": baseline}, {"x": groups}, slices, MARGIN)
    assert list(parts) == ["six"]
    assert overall["x"]["p_adjusted"] == pytest.approx(2 * overall["x"]["p"], rel=0.01)


def test_a_metric_that_one_arm_lacks_is_not_compared():
    overall, parts = compare_family({"x": [1.0]}, {"x": [1.0], "y": [1.0]}, {"x": ["a"], "y": ["a"]}, {}, MARGIN)
    assert (list(overall), parts) == (["x"], {})


@pytest.mark.slow
def test_equal_models_seldom_have_a_slice_that_is_called():
    """Twenty slices of fifteen examples: by raw p one is called in a third of the runs or more, by the adjusted one in 5 % at most."""
    random, runs, raw, adjusted = np.random.default_rng(5), 100, 0, 0
    groups = {"x": [str(at) for at in range(300)]}
    slices = {f"{at}": {"x": list(range(15 * at, 15 * at + 15))} for at in range(20)}
    for _ in range(runs):
        candidate, baseline = ({"x": list(random.integers(0, 2, 300) * 1.0)} for _ in "ab")
        _, parts = compare_family(candidate, baseline, groups, slices, MARGIN)
        raw += any(part["x"]["p"] < 0.05 for part in parts.values())
        adjusted += any(part["x"]["verdict"] in ("better", "worse") for part in parts.values())
    assert raw / runs > 0.25
    assert adjusted / runs <= 0.05
