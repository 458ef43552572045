"""Rows with a key for each field of the answer: what the schema and the column map make of them."""

import pytest

from tests.examples import turns
from tests.rows import example, reason, said, user

TEXT = {"type": "string"}
CHOICE = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes")


@pytest.mark.parametrize(
    ("schema", "row", "found"),
    [
        (TEXT, {"text": "a", "label": "b"}, "b"),
        (CHOICE, {"text": "a", "label": "b"}, '{"colour": "b"}'),
        (CHOICE, {"text": "a", "colour": "b", "label": "c"}, '{"colour": "b"}'),
        (CHOICE, {"question": "a", "colour": '{"colour": "b"}'}, '{"colour": "b"}'),
        (CHOICE, {"question": "a", "answer": "x", "label": "y"}, "x"),
        (
            {**CHOICE, "properties": {"response": {}}, "required": []},
            {"prompt": "a", "response": "b"},
            '{"response": "b"}',
        ),
        ({**CHOICE, "properties": {"label": {}, "why": {}}, "required": []}, {"text": "a", "label": 3}, '{"label": 3}'),
    ],
)
def test_what_is_the_answer_hangs_on_the_schema(schema, row, found, folder):
    record = example(folder, row, schema=schema)
    assert record.question.startswith("a")
    assert record.answer == found


def test_values_that_are_no_texts_are_taken_as_they_are(folder):
    row = {"text": "a", "reply": "b", "colour": "red", "urgent": True, "stars": 4.0}
    whole = '{"reply": "b", "colour": "red", "urgent": true, "stars": 4}'
    assert example(folder, row).answer == whole
    columns = {
        "input": "q",
        "answer": {"reply": "r", "colour": "c", "urgent": "u", "stars": "s"},
        "group": "who",
        "tags": "t",
    }
    row = {"q": "a", "r": "b", "c": "red", "u": "yes", "s": "4", "who": 17, "t": ["y", "x"]}
    record = example(folder, row, columns=columns)
    assert (record.answer, record.group, record.tags) == (whole, "17", ("x", "y"))
    record = example(folder, {**row, "t": "y; x", "who": None}, columns=columns)
    assert (record.group, record.tags) == (record.id, ("x", "y"))
    assert reason(folder, {**row, "r": None}, columns=columns) == "column r is missing in this row"
    assert reason(folder, {key: row[key] for key in row if key != "who"}, columns=columns) == "no column who"


def test_a_column_may_hold_the_whole_answer_or_the_turns_before_it(folder):
    row = {"before": [user("a"), said("b"), user("c")], "out": {"reply": "d"}}
    record = example(folder, row, columns={"input": "before", "answer": "out"})
    assert record.messages == turns("a", "b", "c", '{"reply": "d"}')


def test_null_is_nothing_where_the_schema_refuses_it_and_itself_where_it_does_not(folder):
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"type": "string"}, "c": {"type": "string"}},
    }
    schema |= {"required": ["c"], "$defs": {"x": {"type": ["string", "null"]}}}
    assert (
        example(folder, {"text": "q", "a": None, "b": None, "c": "x"}, schema=schema).answer == '{"a": null, "c": "x"}'
    )
    assert (
        reason(folder, {"text": "q", "a": None, "b": None, "c": None}, schema=schema)
        == "column c is missing in this row"
    )
