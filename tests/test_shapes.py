"""Shapes: every common way to write an example down is told by its keys and gives the same record."""

from collections import Counter
from typing import get_args

import pytest

from pipeline.data.reading.shapes import SHAPES
from pipeline.data.reading.sources import Format
from pipeline.data.reading.telling import FIELDS
from pipeline.data.records import Record
from tests.examples import turns
from tests.rows import AGAINST, ONE, OTHER, SAME, example, read, reason, said, user


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes")


@pytest.mark.parametrize(("shape", "row"), SAME)
def test_every_shape_of_an_example_is_the_same_record(shape, row, folder):
    shapes = Counter()
    record = example(folder, row, shapes=shapes)
    assert shapes == {shape: 1}
    assert (record.messages, record.rejected, record.tools) == (ONE, (), ())
    assert record.id == example(folder, {"messages": [*ONE]}).id


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
