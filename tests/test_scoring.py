"""What an answer scores against the reference, and what a metric of one's own may say."""

import json

import pytest
from pydantic import ValidationError

from pipeline.evaluate import check_targets, evaluate
from pipeline.scoring.answers import exactness, score
from pipeline.scoring.own import OWN
from pipeline.stage import Fault
from tests.evaluated import (
    FULL,
    SHORT,
    arm,
    contract,
    params,
    record,
    scored,
)


@pytest.mark.parametrize("reference", [FULL, SHORT])
def test_reference_as_answer_scores_one_everywhere(reference):
    assert set(scored(reference, reference).values()) == {1.0}
    assert set(scored(dict(reversed(reference.items())), reference).values()) == {1.0}


@pytest.mark.parametrize("reference", [FULL, SHORT])
@pytest.mark.parametrize("answer", ["", "red", '{"label": "red"', "null", "[" * 5000])
def test_answer_that_does_not_parse_scores_zero_everywhere(answer, reference):
    found = scored(answer, reference)
    del found["format_permitted"]
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("answer", ["42", "[]", '"red"'])
def test_answer_that_is_no_object_earns_nothing_for_fields_left_out(answer):
    found = scored(answer, SHORT)
    del found["format_permitted"]
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("answer", ["1" * 5000, json.dumps({**SHORT, "reply": "\ud83d"})])
def test_odd_answer_is_scored_and_does_not_stop_the_run(answer):
    """An endless number; half of an emoji, where the answer was cut inside of an escape."""
    assert 0 <= scored(answer, FULL)["rouge_l_reply"] < 1


def test_one_wrong_field_costs_that_field_alone():
    found = scored({**FULL, "label": "blue", "reply": "It is on a way."}, FULL)
    assert (found["format_accuracy"], found["exact_label"], found["exact_urgent"]) == (1, 0, 1)
    assert 0 < found["rouge_l_reply"] < 1


def test_exactness_is_the_mean_of_the_exact_metrics():
    for answer in (FULL, {**FULL, "label": "blue"}, {**SHORT, "count": 4}, "no answer"):
        found = scored(answer, FULL)
        exact = [value for name, value in found.items() if name.startswith("exact_")]
        text = answer if isinstance(answer, str) else json.dumps(answer)
        assert exactness([text], [record(FULL).answer], contract()) == [pytest.approx(sum(exact) / len(exact))]


def test_field_too_many_costs_the_format():
    found = scored({**FULL, "mood": "good"}, FULL)
    assert (found["format_accuracy"], found["exact_label"]) == (0, 1)


@pytest.mark.parametrize(("key", "wrong"), [("urgent", "true"), ("urgent", 1), ("count", "3"), ("count", 4)])
def test_value_of_another_type_is_another_value(key, wrong):
    assert scored({**FULL, key: wrong}, FULL)[f"exact_{key}"] == 0


def test_same_number_written_otherwise_is_the_same_value():
    assert scored('{"label": "red", "count": 3.0, "reply": "x"}', FULL)["exact_count"] == 1


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [("red", (1, 1)), (" red\n", (1, 1)), ("blue", (1, 0)), ("green", (0, 0)), ("", (0, 0)), ('"red"', (0, 0))],
)
def test_label_in_plain_text(answer, wanted):
    found = scored(answer, "red", {"type": "string", "enum": ["red", "blue"]})
    assert (found["format_accuracy"], found["exact_answer"]) == wanted


def test_a_pattern_that_is_none_is_refused_and_one_that_takes_for_ever_counts_as_found():
    with pytest.raises(ValidationError, match="is no pattern"):
        params({}, prohibited=["("])
    slow = score(["a" * 60 + "!"], [record(FULL).answer], contract(), ["^(a|aa)+$"])
    assert slow["format_permitted"] == [0.0]


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1])
def test_a_metric_that_gives_no_share_is_named(value, monkeypatch):
    monkeypatch.setattr("pipeline.evaluate.score", lambda answers, *_: {"mine": [value] * len(answers)})
    records = [record(FULL, number) for number in range(4)]
    with pytest.raises(Fault, match="tuned: mine: scores an answer with no number between 0 and 1"):
        evaluate({"tuned": arm(records, ["x"] * 4)}, records, contract(), params({}))


def test_a_metric_of_the_team_s_own_stands_beside_the_others(monkeypatch):
    monkeypatch.setitem(OWN, "says_red", lambda answer, _reference: float("red" in answer))
    records = [record(FULL, number) for number in range(2)]
    headline, *_ = evaluate({"tuned": arm(records, [records[0].answer, "blue"])}, records, contract(), params({}))
    assert headline["tuned"]["says_red"] == 0.5
    check_targets(params({"says_red": 0.5}), contract())
    monkeypatch.setitem(OWN, "says_red", lambda *_: 2)
    with pytest.raises(Fault, match="tuned: says_red: scores an answer with no number between 0 and 1"):
        evaluate({"tuned": arm(records, ["x", "y"])}, records, contract(), params({}))
