"""Checks: each kind lets the right answer pass and no other, whatever a model writes."""

import json
import time

import pytest

from pipeline.scoring.checks import CHECKS, passes

RIGHT = [
    ("exact", "00987", "00987"),
    ("exact", "00987", " 00987\n"),
    ("exact", 7, "7"),
    ("choice", "Yes", "yes."),
    ("choice", "Yes", '"YES"'),
    ("choice", "straße", "STRASSE"),
    *(("choice", "yes", said) for said in ("yes.", "“yes”", "yes。", "'Yes'", '"yes."', " yes!\n")),
    ("choice", "ja.", "Ja"),
    ("regex", r"\bParis\b", "It is Paris, I think."),
    ("regex", r"^\p{Devanagari}", "नमस्ते"),
    ("json", {"a": 1, "b": [True, None]}, '{"b": [true, null], "a": 1}'),
    ("json", '{"a": 1}', '{ "a":1 }'),
    ("json", [1, 2], "[1, 2]\n"),
    ("json", 3, "3.0"),
    ("json", 3.0, "3"),
    ("json", {"a": [3]}, '{"a": [3.0]}'),
    ("fields", {"a": 3}, '{"a": 3.0}'),
    ("fields", {"label": "red"}, '{"label": "red", "more": 1}'),
    ("fields", {"label": None}, '{"label": null}'),
]
WRONG = [
    ("exact", "00987", "987"),
    ("exact", "Yes", "yes"),
    ("choice", "yes", "no"),
    ("choice", "yes", "yes or no"),
    ("choice", "yes", ""),
    ("choice", "yes", "yes, no"),
    ("choice", "yes", "“no”"),
    ("regex", r"\bParis\b", "Parisian"),
    ("json", {"a": 1}, '{"a": 1, "b": 2}'),
    ("json", {"a": 1}, '{"a": "1"}'),
    ("json", [1, 2], "[2, 1]"),
    ("json", 3, "3.5"),
    ("json", "3", '"3"'),
    ("fields", {"label": "red"}, '{"label": "blue"}'),
    ("fields", {"label": None}, "{}"),
    ("fields", {"label": "red"}, '[{"label": "red"}]'),
    ("fields", {"a": {"b": 1}}, '{"a": {"b": 1, "c": 2}}'),
]


@pytest.mark.parametrize(("kind", "value", "answer"), RIGHT)
def test_right_answer_passes(kind, value, answer):
    assert passes(answer, kind, value)


@pytest.mark.parametrize(("kind", "value", "answer"), WRONG)
def test_wrong_answer_fails(kind, value, answer):
    assert not passes(answer, kind, value)


def test_every_kind_has_a_case_on_each_side():
    assert {kind for kind, _, _ in RIGHT} == {kind for kind, _, _ in WRONG} == set(CHECKS)


@pytest.mark.parametrize(("wanted", "answer"), [(True, "1"), (1, "true"), (False, "0"), (0, "false"), (None, "false")])
def test_true_is_not_one(wanted, answer):
    assert not passes(answer, "json", wanted)
    assert not passes(f'{{"a": {answer}}}', "fields", {"a": wanted})


@pytest.mark.parametrize("kind", ["json", "fields"])
@pytest.mark.parametrize(
    "answer", ["", "no JSON", '{"a": 1', "{'a': 1}", "[" * 100_000, '{"a":' * 100_000, "null", "NaN", '{"a": NaN}']
)
def test_answer_that_is_no_json_fails(kind, answer):
    assert not passes(answer, kind, {"a": 1})


def test_answer_that_is_no_json_is_not_null():
    assert passes("null", "json", None)
    assert not passes("I do not know.", "json", None)


@pytest.mark.parametrize("kind", ["json", "fields"])
def test_endless_number_fails_and_does_not_stop_the_run(kind):
    """A small model that loops writes digits until it is cut off."""
    assert not passes("1" * 5000, kind, {"a": 1})
    assert not passes('{"a": ' + "1" * 5000 + "}", kind, {"a": 1})


@pytest.mark.parametrize("answer", ["NaN", "Infinity", "-Infinity"])
def test_what_python_alone_reads_as_json_fails(answer):
    """Python's NaN is not JSON, though Python would read it on both sides."""
    wanted = json.loads(answer)
    assert not passes(answer, "json", wanted)
    assert not passes(f'{{"a": {answer}}}', "fields", {"a": wanted})


def test_regex_that_backtracks_for_ever_fails_soon():
    began = time.monotonic()
    assert not passes("a" * 5000 + "b", "regex", "(a|aa)+$")
    assert time.monotonic() - began < 10
