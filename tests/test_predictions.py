"""Predictions read back: whose they are, of which set, and what is refused."""

import pytest

from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.stage import Fault
from tests.evaluated import (
    write_arm,
)


@pytest.mark.parametrize("ids", [["a"], ["a", "b", "c"], ["a", "x"], []])
def test_predictions_of_another_test_set_are_refused(ids, tmp_path):
    given = Predictions({}, {("test", name): "" for name in ids} | {("probe", "b"): ""})
    with pytest.raises(Fault, match="dvc repro predict@tuned"):
        check_complete({"tuned": given}, "test", ["a", "b"], tmp_path)


def test_predictions_of_this_test_set_are_taken(tmp_path):
    check_complete({"tuned": Predictions({}, {("test", "b"): "", ("test", "a"): ""})}, "test", ["a", "b"], tmp_path)


def test_a_preference_is_read_from_its_likelihoods(tmp_path):
    rows = [
        {"set": "test", "id": "a", "answer": "x", "chosen": -1.5, "rejected": -2.0},
        {"set": "test", "id": "b", "answer": "x", "chosen": -2.0, "rejected": -2.0},
        {"set": "test", "id": "c", "answer": "x"},
    ]
    write_arm(tmp_path / "tuned", rows)
    assert read_arms(tmp_path)["tuned"].preferred == {("test", "a"): True, ("test", "b"): False}


def test_id_that_comes_twice_is_refused_and_in_another_set_is_not(tmp_path):
    rows = [{"set": "test", "id": "a", "answer": "x"}, {"set": "probe", "id": "a", "answer": "y"}]
    write_arm(tmp_path / "tuned", rows)
    assert read_arms(tmp_path)["tuned"].texts("probe", ["a"]) == ["y"]
    write_arm(tmp_path / "tuned", [*rows, rows[0]])
    with pytest.raises(Fault, match=r"answers\.jsonl:3: answers a twice"):
        read_arms(tmp_path)
