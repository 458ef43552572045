"""Training and loading: on a random model, in process."""

import dataclasses

import pytest

from pipeline.data.prompts import Prompt
from pipeline.train import examples
from tests.project import record


def test_an_example_is_the_question_as_it_will_be_asked_and_its_answer():
    one, shown = record(1), record(2)
    [example] = examples([one], [shown], Prompt(system="Be brief.", few_shot=[]))
    assert [turn["role"] for turn in example["prompt"]] == ["system", "user", "assistant", "user"]
    assert example["completion"] == [one.messages[-1]]


def test_a_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        record(1).id = "x"
