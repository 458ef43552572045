"""Shapes: every common way to write an example down is told by its keys and gives the same record."""

import csv
import io
import json
from collections import Counter
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.readers import Reject, read_source
from pipeline.data.records import Record
from pipeline.data.shapes import SHAPES
from pipeline.data.sources import Format
from pipeline.data.telling import FIELDS
from pipeline.stage import Fault
from tests.examples import SCHEMA, answer, contract, source, turns

ASKED, SAID, OTHER = "Which colour?", answer(), answer("blue")
ONE = turns(ASKED, SAID)
TEXT = {"type": "string"}
CHOICE = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes")


def read(folder, *rows, schema=SCHEMA, form=None, shapes=None, **changes):
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_source(path, source(form, **changes), contract(folder, schema), shapes))


def example(folder, row, **changes):
    (record,) = read(folder, row, **changes)
    assert isinstance(record, Record), record
    return record


def reason(folder, row, **changes):
    (reject,) = read(folder, row, **changes)
    assert isinstance(reject, Reject), reject
    return reject.reason


def user(text):
    return {"role": "user", "content": text}


def said(text, **more):
    return {"role": "assistant", "content": text, **more}


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


SAME = [  # shape, row; each is the example ONE
    ("chat", {"messages": [*ONE]}),
    ("chat", {"messages": [{"role": "system", "content": "Be kind."}, *ONE]}),
    ("chat", {"messages": [{"role": "developer", "content": "Be kind."}, *ONE], "id": 7}),
    ("chat", {"messages": [user([{"type": "text", "text": ASKED}]), said(SAID, weight=1, refusal=None)]}),
    ("chat", {"messages": json.dumps([*ONE])}),
    ("chat", {"messages": {"role": ["user", "assistant"], "content": [ASKED, SAID]}}),
    ("prompt_completion", {"prompt": ASKED, "completion": SAID}),
    ("prompt_completion", {"prompt": ASKED, "completion": json.loads(SAID)}),
    ("prompt_completion", {"prompt": [user(ASKED)], "completion": [said(SAID)]}),
    ("prompt_completion", {"prompt": ASKED, "completion": [said(SAID)]}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": True}),
    ("unpaired", {"prompt": [user(ASKED)], "completion": [said(SAID)], "label": 1}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": " TRUE "}),
    *(
        ("pair", {asked: ASKED, answered: SAID})
        for asked, answered in (
            ("prompt", "response"),
            ("question", "answer"),
            ("query", "response"),
            ("input", "output"),
        )
    ),
    ("pair", {"Question": ASKED, "Answer": SAID}),
    ("pair", {"question": ASKED, "answer": json.loads(SAID), "context": ""}),
    ("alpaca", {"instruction": ASKED, "input": "", "output": SAID}),
    ("alpaca", {"instruction": ASKED, "output": SAID, "input": None, "system": "x", "history": []}),
    ("alpaca", {"instruction": "", "input": ASKED, "output": SAID}),
    ("dolly", {"instruction": ASKED, "context": "", "response": SAID, "category": "open_qa"}),
    ("dolly", {"instruction": ASKED, "response": SAID}),
    ("sharegpt", {"conversations": [human(ASKED), gpt(SAID)], "system": "x"}),
    ("sharegpt", {"conversations": [{"from": "system", "value": "x"}, {"from": "user", "value": ASKED}, gpt(SAID)]}),
    *(
        ("sharegpt", {"conversation": [user(ASKED), {"role": name, "content": SAID}]})
        for name in ("assistant", "gpt", "chatgpt", "bard", "model")
    ),
    ("fields", {"text": ASKED, "reply": "noted", "colour": "red"}),
    ("fields", {"Message": ASKED, "reply": "noted", "colour": "red", "note": 3}),
    ("fields", {"instruction": ASKED, "reply": "noted", "colour": "red"}),
    ("fields", {"prompt": ASKED, "reply": "noted", "colour": "red", "urgent": None}),
]


@pytest.mark.parametrize(("shape", "row"), SAME)
def test_every_shape_of_an_example_is_the_same_record(shape, row, folder):
    shapes = Counter()
    record = example(folder, row, shapes=shapes)
    assert shapes == {shape: 1}
    assert (record.messages, record.rejected, record.tools) == (ONE, (), ())
    assert record.id == example(folder, {"messages": [*ONE]}).id


AGAINST = [  # shape, row; in each SAID is preferred to OTHER
    ("preference", {"prompt": ASKED, "chosen": SAID, "rejected": OTHER}),
    ("preference", {"question": ASKED, "chosen": SAID, "rejected": OTHER, "system": "x"}),
    ("preference", {"instruction": ASKED, "input": "", "chosen": SAID, "rejected": OTHER}),
    ("preference", {"prompt": ASKED, "chosen": json.loads(SAID), "rejected": json.loads(OTHER)}),
    ("preference", {"prompt": [user(ASKED)], "chosen": [said(SAID)], "rejected": [said(OTHER)]}),
    ("preference", {"prompt": ASKED, "chosen": [said(SAID)], "rejected": [said(OTHER)]}),
    ("preference", {"chosen": [*ONE], "rejected": [user(ASKED), said(OTHER)]}),
    ("preference", {"prompt": ASKED, "chosen": [*ONE], "rejected": [user(ASKED), said(OTHER)], "messages": [*ONE]}),
    (
        "preference",
        {"chosen": f"\n\nHuman: {ASKED}\n\nAssistant: {SAID}", "rejected": f"\n\nHuman: {ASKED}\n\nAssistant: {OTHER}"},
    ),
    ("preference", {"prompt": f"\n\nHuman: {ASKED}\n\nAssistant:", "chosen": SAID, "rejected": OTHER}),
    ("preference", {"conversations": [human(ASKED)], "chosen": gpt(SAID), "rejected": gpt(OTHER)}),
    (
        "openai_preference",
        {
            "input": {
                "messages": [{"role": "system", "content": "x"}, user(ASKED)],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [said(SAID)],
            "non_preferred_output": [said(OTHER)],
        },
    ),
]


@pytest.mark.parametrize(("shape", "row"), AGAINST)
def test_every_shape_of_a_preference_is_the_same_record(shape, row, folder):
    shapes = Counter()
    record = example(folder, row, shapes=shapes)
    assert shapes == {shape: 1}
    assert (record.messages, record.rejected) == (ONE, (said(OTHER),))
    assert record.id == example(folder, AGAINST[0][1]).id != example(folder, {"messages": [*ONE]}).id


def test_of_two_texts_the_beginning_that_they_share_is_the_prompt(folder):
    record = example(folder, {"chosen": "Name a colour. red", "rejected": "Name a colour. rust"})
    assert (record.messages, record.rejected) == (turns("Name a colour.", "red"), (said("rust"),))


def test_turns_that_both_answers_share_belong_to_what_was_asked(folder):
    shared = [user("a"), said("b"), user("c")]
    record = example(folder, {"chosen": [*shared, said("d")], "rejected": [*shared, said("e"), user("f"), said("g")]})
    assert record.messages == (*shared, said("d"))
    assert record.rejected == (said("e"), user("f"), said("g"))
    record = example(folder, {"prompt": "a", "chosen": [*shared[1:], said("d")], "rejected": [*shared[1:], said("e")]})
    assert record.messages == (*shared, said("d"))


CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": {"order": 7}}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
WITH_TOOLS = (
    user("Where is it?"),
    said("", tool_calls=[CALL]),
    {"role": "tool", "content": "on its way", "tool_call_id": "c1", "name": "find"},
    said("On its way."),
)


def called(arguments, **changes):
    call = {**CALL, "function": {"name": "find", "arguments": arguments}}
    messages = [WITH_TOOLS[0], {"role": "assistant", "content": None, "tool_calls": [call]}, *WITH_TOOLS[2:]]
    return {"messages": messages, "tools": [TOOL], **changes}


@pytest.mark.parametrize(
    "row",
    [
        called({"order": 7}),
        called('{"order": 7}'),
        called({"order": 7}, tools=[TOOL["function"]]),
        called({"order": 7}, tools=None, functions=[TOOL["function"]]),
        called({"order": 7}, tools=json.dumps([TOOL])),
        {"prompt": [WITH_TOOLS[0]], "completion": [*WITH_TOOLS[1:]], "tools": [TOOL]},
        {"conversations": [*WITH_TOOLS], "tools": json.dumps([TOOL["function"]])},
    ],
)
def test_calls_of_tools_and_their_definitions_come_in_one_form(row, folder):
    record = example(folder, row)
    assert (record.messages, record.tools) == (WITH_TOOLS, (TOOL,))
    assert record.id == example(folder, called({"order": 7})).id != example(folder, called({"order": 8})).id


@pytest.mark.parametrize(
    "row",
    [
        {
            "messages": [
                user("a"),
                {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"order": 7}'}},
                {"role": "function", "name": "find", "content": "b"},
                said("c"),
            ]
        },
        {
            "conversations": [
                human("a"),
                {"from": "function_call", "value": '{"name": "find", "arguments": {"order": 7}}'},
                {"from": "observation", "value": "b"},
                gpt("c"),
            ]
        },
    ],
)
def test_older_forms_of_a_call_are_calls(row, folder):
    record = example(folder, row)
    call = {"type": "function", "function": {"name": "find", "arguments": {"order": 7}}}
    assert record.messages[1] == said("", tool_calls=[call])
    assert [turn["role"] for turn in record.messages] == ["user", "assistant", "tool", "assistant"]
    assert [turn["content"] for turn in record.messages] == ["a", "", "b", "c"]


def test_a_tool_may_return_nothing_or_any_json(folder):
    for content, text in ((None, ""), ({"a": 1}, '{"a": 1}'), ([1], "[1]"), ([{"type": "text", "text": "x"}], "x")):
        messages = [*WITH_TOOLS[:2], {"role": "tool", "content": content}, WITH_TOOLS[3]]
        assert example(folder, {"messages": messages}).messages[2]["content"] == text


def test_parts_of_text_are_lines_of_one_text(folder):
    parts = [{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert example(folder, {"messages": [user(parts), said("c")]}).messages == turns("a\nb", "c")


def test_what_an_instruction_speaks_of_stands_below_it(folder):
    for row in (
        {"instruction": "Name it.", "input": "a rose", "output": "red"},
        {"instruction": "Name it.", "context": "a rose", "response": "red"},
        {"question": "Name it.", "context": "a rose", "answer": "red"},
    ):
        assert example(folder, row).messages == turns("Name it.\n\na rose", "red")
    row = {"instruction": "c", "output": "d", "history": [["a", "b"]]}
    assert example(folder, row).messages == turns("a", "b", "c", "d")


def test_turns_after_the_last_answer_stay_for_validate_to_judge(folder):
    assert example(folder, {"messages": [*ONE, user("thanks")]}).messages == (*ONE, user("thanks"))


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


IMAGE = {"type": "image_url", "image_url": {"url": "data:"}}
DEEP = json.loads("[" * 80 + "]" * 80)
REJECTS = [  # row, reason
    ({"messages": [user([{"type": "text", "text": "a"}, IMAGE]), said("b")]}, "the user turn holds an image"),
    ({"messages": [user([{"type": "input_audio"}]), said("b")]}, "the user turn holds sound"),
    ({"messages": [user([{"type": "text", "text": 3}]), said("b")]}, "the user turn holds a part that is no text"),
    ({"messages": [user("a"), said(None)]}, "the assistant turn has no text"),
    ({"messages": [user("a"), said("b"), user("c"), said("d", weight=0)]}, "weight 0"),
    ({"messages": [user("a"), said("b", weight=0), user("c")]}, "weight 0"),
    ({"messages": [{"role": "system", "content": "x"}]}, "no assistant turn"),
    ({"messages": "[oops"}, "messages is a text and no JSON"),
    ({"messages": {"role": ["user"], "content": []}}, "no list under messages"),
    ({"messages": None}, "no list under messages"),
    (called("{order: 7}"), "the arguments of a tool call are no JSON"),
    (called("[7]"), "the arguments of a tool call are no JSON object"),
    (called(7), "the arguments of a tool call are no JSON object"),
    (called({"a": DEEP}), "the arguments of a tool call is nested too deep"),
    (called({}, tools=[{"function": {"name": "f", "parameters": DEEP}}]), "a tool is nested too deep"),
    (called({}, tools=["find"]), "a tool without a name"),
    (called({}, tools="find"), "no list under tools"),
    ({"messages": [user("a"), said("", tool_calls=[{"id": "1"}])]}, "a tool call without a name"),
    ({"messages": [user("a"), said("", tool_calls="oops")]}, "a tool call is no JSON"),
    ({"conversations": [human("a"), {"from": "function_call", "value": "oops"}]}, "a tool call is no JSON"),
    ({"conversations": [human("a"), {"from": "narrator", "value": "x"}]}, "a turn without a role"),
    ({"prompt": "a", "completion": "b", "label": False}, "label is false: an answer that is not wanted"),
    ({"prompt": "a", "completion": "b", "label": "no idea"}, "label is neither true nor false"),
    ({"prompt": "a", "completion": "b", "label": None}, "label is neither true nor false"),
    ({"prompt": "a", "completion": None}, "completion is missing"),
    ({"prompt": None, "completion": "b"}, "prompt has no text"),
    ({"prompt": [], "completion": "b"}, "no list under prompt"),
    ({"prompt": "a", "completion": [user("b")]}, "no assistant turn"),
    ({"question": "a", "answer": None}, "answer is missing"),
    ({"question": "a", "answer": "b", "context": 3}, "what stands beside question has no text"),
    ({"instruction": "a", "output": "b", "history": ["a"]}, "history is no list of questions with answers"),
    ({"prompt": "a", "chosen": "b", "rejected": "b"}, "chosen and rejected are the same"),
    ({"chosen": [user("a"), said("b")], "rejected": [user("a"), said("b")]}, "chosen and rejected are the same"),
    ({"prompt": "a", "chosen": "b", "rejected": None}, "rejected is missing"),
    (
        {"chosen": [user("a"), said("b"), user("c"), said("d")], "rejected": [user("a"), said("x")]},
        "goes on for 3 turns",
    ),
    ({"chosen": [user("a")], "rejected": [user("a"), said("x")]}, "goes on for 0 turns"),
    ({"chosen": [user("a"), user("b")], "rejected": [user("a"), said("x")]}, "not for one answer"),
    ({"chosen": [user("a"), said("b")], "rejected": [user("a")]}, "rejected has no answer"),
    ({"chosen": [said("b")], "rejected": [said("c")]}, "nothing was asked"),
    ({"chosen": "yes", "rejected": "no"}, "chosen and rejected do not begin alike; add a prompt"),
    ({"chosen": "What is it? ", "rejected": "What is it? rust"}, "chosen has no answer"),
    ({"chosen": "What is it? red", "rejected": "What is it? "}, "rejected has no answer"),
    ({"input": "a", "preferred_output": [said("b")], "non_preferred_output": [said("c")]}, "input has no messages"),
    (
        {"input": {}, "preferred_output": [said("b")], "non_preferred_output": [said("c")]},
        "no list under input.messages",
    ),
    ({"body": "a", "reply": "b"}, "of no known shape; its keys: body, reply"),
    ({}, "of no known shape; its keys: none"),
    ({"text": "a", "colour": "red"}, "of no known shape"),
    ({"text": "a", "reply": "b", "colour": "red", "stars": "many"}, "stars is 'many', not integer"),
    ({"messages": [*ONE], "group": ["x"]}, "group must be a text"),
]


@pytest.mark.parametrize(("row", "words"), REJECTS)
def test_a_row_that_is_no_example_says_why(row, words, folder):
    found = reason(folder, row)
    assert words in found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    "row", [{"k" * 41: "a"}, {"text": "v" * 41, "reply": "b", "colour": "c", "stars": "v" * 41}, {"\x1b[31m": 1}]
)
def test_a_reason_quotes_no_more_than_40_characters(row, folder):
    found = reason(folder, row)
    assert not any(text in found for text in ("k" * 41, "v" * 5, "\x1b"))


@pytest.mark.parametrize("key", ["conversation_id", "id", "session", "user"])
def test_an_id_of_someone_else_is_no_group(key, folder):
    record = example(folder, {"messages": [*ONE], key: "c7"})
    assert record.group == record.id


@pytest.mark.parametrize("row", [*(row for _, row in SAME[::3]), {"Prompt": "a", "Response": "b"}])
def test_group_and_tags_come_along_in_every_shape(row, folder):
    record = example(folder, {**row, "group": " c7 ", "tags": ["b", "a", "b"]})
    assert (record.group, record.tags) == ("c7", ("a", "b"))


@pytest.mark.parametrize(("shape", "row"), SAME[::4] + AGAINST[:1] + AGAINST[-1:])
def test_a_format_that_is_given_is_the_only_one(shape, row, folder):
    assert isinstance(read(folder, row, form=shape)[0], Record)
    for other in {"chat", "alpaca", "dolly", "sharegpt", "openai_preference"} - {shape}:
        assert reason(folder, row, form=other).startswith(f"not of the shape {other}, which needs ")


def test_a_format_decides_where_keys_say_two_things(folder):
    row = {"prompt": "a", "completion": "b", "label": "billing"}
    assert reason(folder, row).startswith("label is neither")
    assert example(folder, row, form="prompt_completion").messages == turns("a", "b")
    row = {"messages": [*ONE], "chosen": "b", "rejected": "c"}
    assert example(folder, row, form="chat").messages == ONE
    row = {"question": "a", "answer": "b", "reply": "c", "colour": "red"}
    assert example(folder, row).answer == '{"reply": "c", "colour": "red"}'
    assert example(folder, row, form="pair").answer == "b"
    assert reason(folder, {"question": "a", "answer": "b"}, form="fields").startswith(
        "not of the shape fields, which needs a"
    )


def test_every_shape_can_be_named():
    assert sorted(get_args(Format)) == sorted([*(shape.name for shape in SHAPES), FIELDS])


def test_shapes_of_a_file_are_counted_row_by_row(folder):
    shapes = Counter()
    rows = read(
        folder,
        {"messages": [*ONE]},
        {"prompt": "a", "completion": "b"},
        {"prompt": "a", "completion": None},
        {},
        [1],
        shapes=shapes,
    )
    assert len(rows) == 5
    assert shapes == {"chat": 1, "prompt_completion": 2, "unknown": 1}


def test_many_sets_of_keys_are_told_each_for_itself(folder):
    rows = [{"messages": [*ONE], f"key {n}": n} for n in range(2500)]
    assert all(isinstance(row, Record) for row in read(folder, *rows))


TABLE = [  # shape, row of texts; each is the example ONE
    ("chat", {"messages": json.dumps([*ONE])}),
    ("prompt_completion", {"prompt": ASKED, "completion": SAID}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": "True"}),
    ("pair", {"Question": ASKED, "Answer": SAID}),
    ("alpaca", {"instruction": ASKED, "input": "", "output": SAID}),
    ("dolly", {"instruction": ASKED, "context": "", "response": SAID}),
    ("sharegpt", {"conversations": json.dumps([human(ASKED), gpt(SAID)])}),
    ("fields", {"text": ASKED, "reply": "noted", "colour": "red"}),
]


@pytest.mark.parametrize(("shape", "row"), TABLE)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_have_the_shapes_too_with_tags_as_text(shape, row, kind, folder):
    row = {**row, "group": "c7", "tags": "b; a;;b"}
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([list(row), list(row.values())])
        path.write_bytes(text.getvalue().encode())
    shapes = Counter()
    (record,) = read_source(path, source(None), contract(folder), shapes)
    assert shapes == {shape: 1}
    assert (record.messages, record.group, record.tags) == (ONE, "c7", ("a", "b"))


@pytest.mark.parametrize(("shape", "row"), [*SAME, *AGAINST])
def test_parquet_holds_every_shape(shape, row, folder):
    try:
        table = pa.Table.from_pylist([row, row])
    except pa.ArrowInvalid:
        pytest.skip("a column of Parquet has one type")
    path = folder / "rows.parquet"
    pq.write_table(table, path)
    shapes = Counter()
    first, second = read_source(path, source(None), contract(folder), shapes)
    assert shapes == {shape: 2}
    assert first.id == second.id == example(folder, row).id
    assert second.source == f"{path}:2"


def test_a_call_of_a_tool_comes_out_of_parquet_without_the_keys_of_other_calls(folder):
    other = {"id": "c2", "type": "function", "function": {"name": "price", "arguments": {"item": "x"}}}
    rows = [called({"order": 7}), {"messages": [user("a"), said("b", tool_calls=[other])]}]
    rows[0].pop("tools")
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    first, second = read_source(path, source(None), contract(folder))
    assert second.messages[1]["tool_calls"] == [other]
    assert first.messages[1]["tool_calls"] == [CALL]


def test_a_value_of_parquet_that_is_no_json_makes_a_reject_where_it_is_wanted(folder):
    path = folder / "rows.parquet"
    answers = pa.StructArray.from_arrays([pa.array([b"x", b"y"])], names=["colour"])
    pq.write_table(pa.table({"prompt": ["a", "b"], "completion": answers}), path)
    assert [row.reason for row in read_source(path, source(None), contract(folder))] == [
        "completion holds a value that is no JSON"
    ] * 2
    pq.write_table(pa.table({"prompt": ["a"], "completion": ["b"], "seen": [b"\xff"]}), path)
    (record,) = read_source(path, source(None), contract(folder))
    assert record.messages == turns("a", "b")


def test_an_empty_parquet_is_a_fault(folder):
    path = folder / "rows.parquet"
    pq.write_table(pa.table({"prompt": pa.array([], pa.string())}), path)
    with pytest.raises(Fault, match="is empty"):
        list(read_source(path, source(None), contract(folder)))
