"""Training and loading: on a random model, in process."""

from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from pipeline.data.prompts import Prompt
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import Fault, load_params
from pipeline.train import check_records, examples
from tests.lessons import params, preference
from tests.project import ROOT, record

PLACE = Path("train.jsonl")


def test_an_example_is_the_question_as_it_will_be_asked_and_its_answer():
    one, shown = record(1), record(2)
    [example] = examples([one], [shown], Prompt(system="Be brief.", few_shot=[]), "last")
    assert [turn["role"] for turn in example.turns] == ["system", "user", "assistant", "user", "assistant"]
    assert (example.turns[-1], example.first, example.other) == (one.messages[-1], 4, [])
    [example] = examples([preference(2)], [shown], Prompt(system="", few_shot=[]), "all")
    assert (example.first, [turn["content"] for turn in example.other]) == (2, ['{"label": "none"}'])


def test_a_record_is_frozen():
    with pytest.raises(AttributeError, match="immutable"):
        record(1).id = "x"


def test_examples_that_call_tools_are_refused_with_their_place():
    plain, call = record(1), {"type": "function", "function": {"name": "look_up", "arguments": {}}}
    check_records([plain], params("lora"), PLACE)
    calling = {"role": "assistant", "content": "", "tool_calls": [call]}
    for one in (
        msgspec.structs.replace(plain, tools=({"name": "look_up"},)),
        msgspec.structs.replace(plain, messages=(*plain.asked, calling)),
    ):
        with pytest.raises(Fault, match=r"train\.jsonl: 1 examples call tools \(f:1 first\)"):
            check_records([plain, one], params("lora"), PLACE)


def test_a_file_without_an_example_is_named():
    with pytest.raises(Fault, match=r"^train\.jsonl: holds no example; "):
        check_records([], params("lora"), PLACE)


def test_preferences_need_a_phase_that_learns_them_and_the_other_way_round():
    check_records([record(1), preference(2)], params("lora", "dpo"), PLACE)
    check_records([preference(2)], params("dpo"), PLACE)
    with pytest.raises(Fault, match=r"train\.jsonl: 1 examples are preferences \(f:2 first\).*add dpo"):
        check_records([record(1), preference(2)], params("lora"), PLACE)
    with pytest.raises(Fault, match=r"holds no preference, and train\.phases lists dpo"):
        check_records([record(1)], params("lora", "dpo"), PLACE)
    talk = msgspec.structs.replace(preference(2), rejected=(*record(1).messages,))
    with pytest.raises(Fault, match="f:2: the worse answer is more than one turn"):
        check_records([talk], params("dpo"), PLACE)


@pytest.mark.parametrize(
    "phases", [[], ["dpo", "lora"], ["lora", "qlora"], ["lora", "lora"], ["lora", "full", "dpo"], ["ppo"]]
)
def test_phases_in_no_order_that_makes_sense_are_refused(phases):
    with pytest.raises(ValidationError):
        params(*phases, phases=phases)


@pytest.mark.parametrize(
    "change", [{"r": 0}, {"targets": ["lm_head"]}, {"targets": ["model.lm_head"]}, {"targets": []}]
)
def test_an_adapter_that_trains_nothing_is_refused(change):
    with pytest.raises(ValidationError):
        params(adapter=change)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"seed": 2**32},
        *({"device": device} for device in ("gpu", "cuda:", "cuda:x", "tpu", "", "cpu\n")),
        *({phase: {"epochs": 0.5}} for phase in ("lora", "qlora", "full", "dpo", "reward", "grpo", "rloo")),
    ],
)
def test_a_seed_a_device_or_epochs_that_make_no_run_are_refused(change):
    with pytest.raises(ValidationError):
        params(**change)


def test_the_widest_seeds_and_every_device_are_taken():
    for change in (
        {"seed": 0},
        {"seed": 2**32 - 1},
        {"device": "cuda:12"},
        {"device": "mps"},
        {"lora": {"epochs": 1.5}},
    ):
        params(**change)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_each_example_has_the_keys_of_today_and_is_listed(path):
    load_params(TrainParams, path)
    assert f"`{path.name}`" in (ROOT / "examples/README.md").read_text()
