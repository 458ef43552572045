"""Training and loading: on a random model, in process."""

from pathlib import Path

import msgspec
import pytest

from pipeline.data.prompts import Prompt
from pipeline.stage import Fault
from pipeline.train import check_plain, examples
from tests.project import record


def test_an_example_is_the_question_as_it_will_be_asked_and_its_answer():
    one, shown = record(1), record(2)
    [example] = examples([one], [shown], Prompt(system="Be brief.", few_shot=[]))
    assert [turn["role"] for turn in example["prompt"]] == ["system", "user", "assistant", "user"]
    assert example["completion"] == [one.messages[-1]]


def test_a_record_is_frozen():
    with pytest.raises(AttributeError, match="immutable"):
        record(1).id = "x"


def test_examples_that_call_tools_are_refused_with_their_place():
    plain, call = record(1), {"type": "function", "function": {"name": "look_up", "arguments": {}}}
    check_plain([plain], Path("train.jsonl"))
    calling = {"role": "assistant", "content": "", "tool_calls": [call]}
    for one in (
        msgspec.structs.replace(plain, tools=({"name": "look_up"},)),
        msgspec.structs.replace(plain, messages=(*plain.asked, calling)),
    ):
        with pytest.raises(Fault, match=r"train\.jsonl: 1 examples call tools \(f:1 first\)"):
            check_plain([plain, one], Path("train.jsonl"))
