"""Turns, calls and tools in the forms that others give them, and the reason where there is none."""

import json

import pytest

from tests.examples import turns
from tests.rows import ONE, TOOL, WITH_TOOLS, called, example, gpt, human, reason, said, user


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes")


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
    (called({"a": DEEP}), "a tool call is nested too deep"),
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
