"""The contract of an answer: what its fields are, and which texts meet it."""

import json

import pytest

from pipeline.data.answers import NOT_JSON, WHOLE, Contract
from pipeline.stage import Fault
from tests.examples import SCHEMA, answer, contract


def test_fields_part_into_exact_and_free_text(tmp_path):
    ours = contract(tmp_path)
    assert ours.exact_fields == ["colour", "urgent", "stars"]
    assert ours.text_fields == ["reply"]
    assert ours.label_field == "colour"


def test_an_answer_that_meets_the_schema_has_no_complaint(tmp_path):
    ours = contract(tmp_path)
    assert ours.complaint(answer("green")) is None
    assert ours.label(answer("green")) == "green"
    assert ours.field('{"reply": "क्यों", "colour": "red", "urgent": false}', "urgent") is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON"),
        ("colour: red", "JSON"),
        ('{"reply": "a", "colour": "red"} and more', "JSON"),
        ('{"reply": "a"}', "colour"),
        ('{"reply": "a", "colour": "pink"}', "pink"),
        ('{"reply": "", "colour": "red"}', "reply"),
        ('{"reply": "a", "colour": "red", "mood": 1}', "mood"),
        ('{"reply": "a", "colour": "red", "urgent": "yes"}', "urgent"),
        ('["red"]', "object"),
        ("[" * 100_000, "JSON"),
        ('{"a":' * 100_000, "JSON"),
        ('{"reply": "a", "colour": "red", "stars": ' + "1" * 5000 + "}", "JSON"),
        ('{"reply": "a", "colour": "red", "stars": NaN}', "JSON"),
        ('{"reply": "a", "colour": "red", "stars": -Infinity}', "JSON"),
        ('{"reply": "a", "colour": "red", "stars": 1e999}', "JSON"),
        ("NaN", "JSON"),
        ("Infinity", "JSON"),
    ],
)
def test_an_answer_off_the_schema_is_told_why(tmp_path, text, words):
    assert words in contract(tmp_path).complaint(text)


@pytest.mark.parametrize("text", ["no JSON", '["red"]', '"red"', "3", "null", '{"reply": "a"}'])
def test_a_field_that_is_not_there_is_none(tmp_path, text):
    ours = contract(tmp_path)
    assert ours.field(text, "colour") is None
    assert ours.label(text) is None


def test_a_contract_of_text_takes_any_text_as_it_is(tmp_path):
    ours = contract(tmp_path, {"type": "string", "maxLength": 5})
    assert ours.is_text
    assert ours.complaint('{"a"') is None
    assert ours.complaint(" 12345\n") is None
    assert "too long" in ours.complaint("123456")
    assert ours.fields == {WHOLE: {"type": "string", "maxLength": 5}}
    assert (ours.field(" yes ", WHOLE), ours.text_fields, ours.exact_fields) == ("yes", [WHOLE], [])
    assert (ours.label_field, ours.label("yes")) == (None, None)


def test_a_contract_of_one_closed_list_is_one_exact_field(tmp_path):
    ours = contract(tmp_path, {"type": "string", "enum": ["spam", "ham"]})
    assert (ours.exact_fields, ours.text_fields, ours.label_field) == ([WHOLE], [], WHOLE)
    assert ours.label("spam\n") == "spam"
    assert ours.complaint("spam") is None
    assert ours.complaint("spams")


def test_an_object_may_have_a_field_that_is_called_as_the_whole(tmp_path):
    ours = contract(tmp_path, {"type": "object", "properties": {WHOLE: {"type": "integer"}}})
    assert ours.field(json.dumps({WHOLE: 3}), WHOLE) == 3
    assert ours.field("3", WHOLE) is None


def test_null_is_an_answer_that_parses(tmp_path):
    ours = contract(tmp_path, {"type": ["integer", "null"]})
    assert ours.parse("null") is None
    assert ours.complaint("null") is None
    assert ours.is_readable("null")
    assert ours.parse("nil") is NOT_JSON
    assert ours.complaint("nil") == "is not JSON"
    assert not ours.is_readable("nil")


def test_a_reference_that_the_schema_holds_is_followed(tmp_path):
    schema = {"type": "object", "$defs": {"hue": {"enum": ["red"]}}, "properties": {"label": {"$ref": "#/$defs/hue"}}}
    ours = contract(tmp_path, schema)
    assert ours.complaint('{"label": "red"}') is None
    assert "blue" in ours.complaint('{"label": "blue"}')


def test_a_schema_of_a_list_is_one_field(tmp_path):
    ours = contract(tmp_path, {"type": "array", "items": {"type": "integer"}})
    assert ours.field("[1, 2]", WHOLE) == [1, 2]
    assert ours.complaint("[1, 2]") is None
    assert ours.complaint('[1, "2"]').startswith("1: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe{", "is not JSON"),
        (b'{"type": "objekt"}', "is not a JSON Schema"),
        (b'{"type": "string", "pattern": "("}', "is not a JSON Schema"),
        (b"[]", "is not a JSON Schema"),
        (b"true", "is not a JSON object"),
        (b'{"type": "object", "properties": {"label": true}}', "property that is no object"),
        (b'{"type": "object", "properties": {"label": false}}', "property that is no object"),
        (b'{"properties": {"label": {"$ref": "#/$defs/colour"}}}', "refers to #.*not in it"),
        (b'{"$ref": "#/$defs/colour"}', "refers to #.*not in it"),
        (b'{"allOf": [{"$ref": "#"}]}', "refers to itself without end"),
        (b'{"properties": {"a": {"$ref": "#/properties/b"}, "b": {"not": {"$ref": "#/properties/a"}}}}', "without end"),
    ],
)
def test_a_file_that_is_no_schema_is_a_fault(tmp_path, content, words):
    path = tmp_path / "schema.json"
    path.write_bytes(content)
    with pytest.raises(Fault, match=words) as caught:
        Contract.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_schema_may_refer_to_itself_within_a_property(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}')
    contract = Contract.load(path)
    assert contract.complaint('{"next": {"next": null}}') is None
    assert contract.complaint('{"next": {"next": 3}}')


def test_a_missing_schema_is_a_fault(tmp_path):
    with pytest.raises(Fault, match="no such file"):
        Contract.load(tmp_path / "schema.json")


def test_loading_takes_the_schema_as_it_is(tmp_path):
    assert contract(tmp_path).schema == SCHEMA
