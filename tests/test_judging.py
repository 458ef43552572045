"""What an answer of production failed: each fault by its name, and nothing where there is none."""

import json

import pytest

from pipeline.data.answers import Contract
from pipeline.production.judging import Judge

SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["a", "b"]}, "reply": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["label", "reply"],
    "additionalProperties": False,
}
GOOD = json.dumps({"label": "a", "reply": "Your parcel left this morning."})


def judge(tmp_path, schema=SCHEMA, **rules):
    place = tmp_path / "schema.json"
    place.write_text(json.dumps(schema))
    return Judge(Contract.load(place), rules)


def said(reply, **more):
    return json.dumps({"label": "a", "reply": reply, **more})


@pytest.mark.parametrize(
    ("answer", "finish", "failed"),
    [
        (GOOD, "stop", ()),
        ("Sure! " + GOOD, "stop", ("not_json",)),
        (None, "stop", ("empty",)),
        ("  \n", "stop", ("empty",)),
        ("", "length", ("cut", "empty")),
        (GOOD[:-5], "length", ("cut", "not_json")),
        (GOOD, "length", ("cut",)),
        (said("x", label="c"), "stop", ("schema:label",)),
        (said("x", count="2"), "stop", ("schema:count",)),
        ('{"label": "a"}', "stop", ("schema:reply",)),
        ("{}", "stop", ("schema:label", "schema:reply")),
        (said("x", label="c", count="2"), "stop", ("schema:count", "schema:label")),
        (said("x", extra=1), "stop", ("schema:whole",)),
        ("[1]", "stop", ("schema:whole",)),
        (None, "tool_calls", ()),
        (GOOD[:-5], "hung_up", ()),
        (None, "engine_failed", ()),
    ],
)
def test_a_fault_has_its_name(tmp_path, answer, finish, failed):
    assert judge(tmp_path).failed(answer, finish) == failed


@pytest.mark.parametrize(
    "words",
    [
        "I'm sorry, but I can't help with that.",
        "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, I can\N{RIGHT SINGLE QUOTATION MARK}t assist with this request.",
        "Unfortunately I am unable to answer this.",
        "As an AI language model, I have no opinion.",
        "I must decline.",
        "That goes against my guidelines.",
        "मैं इसमें आपकी मदद नहीं कर सकता।",
        "Main aapki madad nahi kar sakta.",
    ],
)
def test_a_refusal_in_words_is_told(tmp_path, words):
    assert judge(tmp_path).failed(said(words), "stop") == ("refusal",)
    assert judge(tmp_path, {"type": "string"}).failed(words, "stop") == ("refusal",)
    assert judge(tmp_path).failed(words, "stop") == ("not_json", "refusal")


@pytest.mark.parametrize(
    "words",
    [
        "I'm sorry that your parcel is late. It arrives tomorrow.",
        "We cannot refund an order after 30 days.",
        "Our colleagues can help you with that.",
        "You can't answer this mail; please write to us instead.",
        "I will help you with that.",
    ],
)
def test_an_answer_that_says_no_to_something_else_is_no_refusal(tmp_path, words):
    assert judge(tmp_path).failed(said(words), "stop") == ()


def test_a_rule_that_matches_flags_the_answer_by_its_name(tmp_path):
    judged = judge(tmp_path, promise="(?i)guarantee", shouting="!!")
    assert judged.failed(said("We GUARANTEE it!!"), "stop") == ("rule:promise", "rule:shouting")
    assert judged.failed(said("We hope so."), "stop") == ()


def test_a_pattern_that_never_comes_to_an_end_counts_as_a_match(tmp_path):
    assert judge(tmp_path, slow=r"(a|a)+$|(x+x+)+y").failed(said("x" * 5000), "stop") == ("rule:slow",)


def test_a_rule_that_is_no_pattern_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="the rule broken is no pattern"):
        judge(tmp_path, broken="(")


def test_what_is_no_whole_answer_is_neither_valid_nor_failed(tmp_path):
    assert judge(tmp_path).verdict(GOOD[:9], "hung_up") == (None, ())
    assert judge(tmp_path).verdict(GOOD, "stop") == (True, ())
    assert judge(tmp_path).verdict("x", "stop") == (False, ("not_json",))
