"""Examples that a change fixed or broke."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring.changed import changed, counts, first, in_order, worst_first

BEFORE = {"format_accuracy": [1, 1, 0, 1, 1], "exact_a": [1, 0, 0, 1, 1], "rouge_l_b": [0.5, 0.5, 0.0, 0.5, 0.5]}
AFTER = {"format_accuracy": [1, 1, 1, 0, 1], "exact_a": [1, 1, 0, 0, 1], "rouge_l_b": [0.5, 0.5, 0.2, 0.0, 0.1]}


def test_right_and_wrong_decide_and_what_is_graded_only_weighs():
    found = changed(AFTER, BEFORE, 5)
    assert [one.change for one in found] == ["same", "fixed", "fixed", "broken", "same"]
    assert found[3].metrics == {"format_accuracy": (1, 0), "exact_a": (1, 0), "rouge_l_b": (0.5, 0.0)}
    assert found[3].size == 2.5
    assert found[0].metrics == {}
    assert found[0].kept == {"format_accuracy": 1, "exact_a": 1, "rouge_l_b": 0.5}
    assert found[3].kept == {}
    assert [one.at for one in in_order(found)] == [3, 2, 1, 0, 4]
    assert counts(found) == {"broken": 1, "fixed": 2, "same": 2}


def test_one_that_gains_in_one_metric_and_loses_in_another_is_broken():
    [one] = changed({"exact_a": [1], "exact_b": [0]}, {"exact_a": [0], "exact_b": [1]}, 1)
    assert one.change == "broken"


def test_a_metric_of_fewer_values_is_left_out():
    [one, other] = changed(
        {"exact_a": [1, 1], "preference_accuracy": [1]}, {"exact_a": [0, 1], "preference_accuracy": [0]}, 2
    )
    assert (one.metrics, other.metrics) == ({"exact_a": (0, 1)}, {})


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=40), st.integers(0, 12))
def test_the_worst_come_first_and_no_more_than_may_be_shown(pairs, shown):
    found = changed({"x": [after for _, after in pairs]}, {"x": [before for before, _ in pairs]}, len(pairs))
    few = worst_first(found, shown)
    kinds = [one.change for one in few]
    total = counts(found)
    assert len(few) == min(shown, total["broken"] + total["fixed"])
    assert kinds == sorted(kinds)
    assert kinds.count("broken") >= min(total["broken"], shown - shown // 2)
    assert kinds.count("fixed") >= min(total["fixed"], shown // 2)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=40), st.integers(0, 50))
def test_those_that_are_the_same_fill_the_room_that_is_left(pairs, most):
    found = changed({"x": [after for _, after in pairs]}, {"x": [before for before, _ in pairs]}, len(pairs))
    few = first(found, most)
    assert len(few) == min(most, len(found))
    assert few[: len(worst_first(found, most))] == worst_first(found, most)
    if most >= len(found):
        assert few == in_order(found)
