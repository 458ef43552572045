"""Predictions read back: whose they are, of which set, and what is refused."""

import pytest

from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.records import write_jsonl
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


@pytest.mark.parametrize(
    "row",
    [
        {"set": "test", "id": "a"},
        {"set": "test", "id": 1, "answer": "x"},
        {"set": "test", "id": "a", "answer": None},
        {"set": "test", "id": "a", "answer": "x", "chosen": "likely"},
    ],
)
def test_a_line_that_is_no_answer_is_named(row, tmp_path):
    write_arm(tmp_path / "tuned", [{"set": "test", "id": "b", "answer": "x"}, row])
    with pytest.raises(Fault, match=r"answers\.jsonl:2: is no line of an arm .*; run dvc repro -f -s predict@tuned"):
        read_arms(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_an_arm_that_does_not_say_what_shaped_it_is_refused(text, tmp_path):
    write_arm(tmp_path / "tuned", [])
    (tmp_path / "tuned/arm.json").write_text(text)
    with pytest.raises(Fault, match=r"tuned/arm\.json: is not (a )?JSON"):
        read_arms(tmp_path)


def test_answers_of_another_arm_are_refused(tmp_path):
    write_arm(tmp_path / "tuned", [])
    (tmp_path / "tuned/arm.json").write_text('{"arm": "tuned"}')
    (tmp_path / "tuned").rename(tmp_path / "base")
    with pytest.raises(Fault, match=r"base/arm\.json: is of the arm 'tuned'; run dvc repro -f -s predict@base"):
        read_arms(tmp_path)


def test_a_text_counts_once_and_is_never_surer_than_certain(tmp_path):
    write_arm(tmp_path / "tuned", [])
    one = {"id": "a", "log_likelihood": 1e-6, "tokens": 2}
    write_jsonl(tmp_path / "tuned/texts.jsonl", [one])
    assert read_arms(tmp_path)["tuned"].told == {"a": 1.0}
    write_jsonl(tmp_path / "tuned/texts.jsonl", [one, one])
    with pytest.raises(Fault, match=r"texts\.jsonl:2: tells of a twice"):
        read_arms(tmp_path)
    write_jsonl(tmp_path / "tuned/texts.jsonl", [{**one, "log_likelihood": 3.0}])
    with pytest.raises(Fault, match=r"texts\.jsonl:1: is no line of an arm"):
        read_arms(tmp_path)
