"""Evaluate: the arms pair by pair, targets, and that the headline is plain numbers."""

import json

import pytest
from pydantic import ValidationError

from pipeline.data.predictions import Predictions
from pipeline.evaluate import check_targets, evaluate
from pipeline.stage import Fault
from tests.evaluated import (
    FULL,
    SHORT,
    arm,
    contract,
    params,
    preference,
    record,
    run_main,
)


def test_missing_answer_is_a_failure():
    records = [record(FULL, number) for number in range(4)]
    given = arm(records[:3], [json.dumps(FULL)] * 3)
    headline, *_ = evaluate({"tuned": given}, records, contract(), params({}))
    assert set(headline["tuned"].values()) == {0.75}


def test_arms_are_compared_pair_by_pair_and_targets_have_two_sides():
    records = [record(SHORT, number) for number in range(40)]
    right, wrong = json.dumps(SHORT), json.dumps({**SHORT, "label": "blue"})
    arms = {"base": arm(records, [wrong] * 40), "tuned": arm(records, [right] * 30 + [wrong] * 10)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({"exact_label": 0.75, "format_accuracy": 1.0}))
    pair = comparison["pairs"]["tuned against base"]["exact_label"]
    assert (pair["fixed"], pair["broken"], pair["verdict"]) == (30, 0, "better")
    assert comparison["targets"]["exact_label"] == {"wanted": 0.75, "base": False, "tuned": True}
    assert headline["tuned"]["exact_label"] == 0.75
    _, above, _ = evaluate(arms, records, contract(), params({"exact_label": 0.76}))
    assert above["targets"]["exact_label"]["tuned"] is False


def test_preference_accuracy_is_of_the_preferences_alone():
    records = [record(FULL, 0), *(preference(number) for number in range(1, 5))]
    answers = {("test", one.id): one.answer for one in records}
    held = {("test", one.id): number != 2 for number, one in enumerate(records) if one.rejected}
    arms = {"base": Predictions({}, answers, dict.fromkeys(held, False)), "tuned": Predictions({}, answers, held)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({"preference_accuracy": 0.75}))
    assert headline["tuned"]["preference_accuracy"] == 0.75
    assert comparison["arms"]["tuned"]["preference_accuracy"]["n"] == 4
    assert comparison["pairs"]["tuned against base"]["preference_accuracy"]["fixed"] == 3
    assert comparison["targets"]["preference_accuracy"] == {"wanted": 0.75, "base": False, "tuned": True}
    arms["hosted"] = Predictions({}, answers)  # a service that tells no likelihoods
    headline, comparison, _ = evaluate(arms, records, contract(), params({}))
    assert "preference_accuracy" not in headline["hosted"]
    assert "preference_accuracy" not in comparison["pairs"]["tuned against hosted"]
    headline, *_ = evaluate(arms, records[:1], contract(), params({}))
    assert "preference_accuracy" not in headline["tuned"]


def test_reports_hold_plain_numbers_and_are_the_same_twice(tmp_path):
    waiting = [record(SHORT, 9)]
    first = run_main(tmp_path, waiting, out="one")
    assert first == run_main(tmp_path, waiting, out="two")
    headline = json.loads(first[0])
    assert set(headline) == {"base", "tuned"}
    assert all(isinstance(value, int | float) for metrics in headline.values() for value in metrics.values())


def test_guesses_without_a_model_stand_beside_the_arms_and_are_compared(tmp_path):
    other = {**FULL, "label": "blue"}
    learnt = [record(FULL, n) for n in range(20, 24)] + [record(other, n) for n in range(24, 26)]
    headline, comparison = (json.loads(text) for text in run_main(tmp_path, learnt=learnt)[:2])
    assert set(headline) == {"base", "tuned", "majority", "bag_of_words"}
    assert headline["majority"] == {"exact_label": 1.0, "exact_urgent": 1.0, "exact_count": 1.0}
    assert set(comparison["pairs"]["tuned against majority"]) == set(headline["majority"])
    assert set(comparison["yardstick"]) == set(comparison["tokens"]) == {"base", "tuned"}
    assert "worth" not in comparison  # there is no arm prompted


def test_the_verdict_on_the_fine_tune_counts_targets_tokens_and_guesses():
    records = [record(FULL, number) for number in range(80)]
    good, bad = [one.answer for one in records], ["no"] * 80

    def told(prompted, tuned, targets):
        arms = {"prompted": arm(records, prompted), "tuned": arm(records, tuned)}
        for found, read in zip(arms.values(), (900, 100), strict=True):
            found.tokens.update(dict.fromkeys(found.answers, (read, 10)))
        return evaluate(arms, records, contract(), params(targets), records)[1]

    comparison = told(bad, good, {})
    assert comparison["tokens"] == {"prompted": {"read": 900, "written": 10}, "tuned": {"read": 100, "written": 10}}
    assert (comparison["worth"]["word"], comparison["worth"]["words_alone_are_better_on"]) == ("fine-tune", "")
    assert told(good, good, {"exact_label": 0.9})["worth"]["word"] == "prompt"
    lost = told(good, bad, {})["worth"]
    assert lost["word"] == "prompt"
    assert lost["words_alone_are_better_on"] == "exact_count, exact_label, exact_urgent"
    assert "800 of 910 tokens" in told(good, good, {})["worth"]["because"]


def test_the_parts_of_format_accuracy_are_told_alone_and_not_compared():
    records = [record(FULL, number) for number in range(4)]
    odd = {**FULL, "label": "green"}
    said = [FULL, odd, {**FULL, "reply": "As an AI I cannot."}]
    texts = [*(json.dumps(one) for one in said), "no JSON"]
    arms = {"base": arm(records, texts), "tuned": arm(records, texts)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({}, prohibited=["(?i)as an ai"]))
    found = {name: value for name, value in headline["tuned"].items() if name.startswith("format")}
    assert found == {"format_parses": 0.75, "format_schema": 0.5, "format_permitted": 0.75, "format_accuracy": 0.25}
    assert {name for name in comparison["pairs"]["tuned against base"] if name.startswith("format")} == {
        "format_accuracy"
    }
    check_targets(params({"format_parses": 0.5}), contract())


def test_a_target_of_preferences_without_one_is_refused(tmp_path):
    with pytest.raises(Fault, match=r"evaluate\.targets\.preference_accuracy: has nothing to be measured on"):
        run_main(tmp_path, targets={"preference_accuracy": 0.5})


def test_target_of_an_unknown_metric_names_the_choices():
    check_targets(params({"exact_label": 0.5, "rouge_l_reply": 0.1}), contract())
    with pytest.raises(Fault, match=r"evaluate\.targets\.exact_colour.*exact_label.*rouge_l_reply"):
        check_targets(params({"exact_colour": 0.5}), contract())


@pytest.mark.parametrize("wanted", [0.0, 1.0])
def test_a_target_on_a_bound_is_taken(wanted):
    assert params({"exact_label": wanted}).targets == {"exact_label": wanted}


@pytest.mark.parametrize("wanted", [-0.01, 1.01, 90.0, float("nan")])
def test_a_target_that_no_share_can_reach_is_refused(wanted):
    with pytest.raises(ValidationError):
        params({"exact_label": wanted})
