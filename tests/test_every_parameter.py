"""Every key of section `train` is read: the run changes with it, in what it makes, proves, refuses, asks for or does at each step."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.training.reward import _headed
from pipeline.model.training.weights import Start, load_quantised
from pipeline.train import main
from tests.knobs import RECIPES, Seen, Shows, changed, keys_of, launched, look
from tests.lessons import params, paths, project
from tests.project import ROOT, record, run
from tests.train_stage import stage_project

pytestmark = pytest.mark.slow


def other_weights(one: Seen, other: Seen) -> bool:
    return not other.fault and one.weights.keys() == other.weights.keys() and one.weights != other.weights


def other_steps(one: Seen, other: Seen) -> bool:
    return other.proof("steps") != one.proof("steps") and one.weights != other.weights


def other_rates(one: Seen, other: Seen) -> bool:
    return [step.rate for step in one.steps] != [step.rate for step in other.steps]


def other_rewards(one: Seen, other: Seen) -> bool:
    return one.proof("rewards").keys() != other.proof("rewards").keys()


def all_steps(name: str, before: Any, after: Any) -> Shows:
    """At every step something is one thing, and another one once the key is changed."""
    return lambda one, other: (
        {getattr(step, name) for step in one.steps} == {before}
        and {getattr(step, name) for step in other.steps} == {after}
    )


@dataclass(frozen=True)
class Case:
    """To what a key is changed, how that shows, in which recipe, and what else both runs have."""

    value: Any
    shows: Shows = other_weights
    recipe: str = "lora"
    beside: dict[str, Any] = field(default_factory=dict)


FOUR_BITS = all_steps("is_quantised", False, True)
OWN_DEVICE = (
    all_steps("device", "cpu", "cuda") if torch.cuda.is_available() else lambda _, other: "is cuda" in other.fault
)
CASES = {
    "phases": Case(["full"], lambda one, other: (*one.proofs, *other.proofs) == ("1-lora", "1-full")),
    "seed": Case(2),
    "replay": Case(0.3, lambda one, other: other.proof("replayed") > one.proof("replayed") == 0),
    "turns": Case("all", lambda one, other: other.proof("supervised_tokens") > one.proof("supervised_tokens")),
    "max_length": Case(
        64,
        lambda one, other: (len(one.proof("dropped")), len(other.proof("dropped"))) == (0, 1),
        beside={"too_long": "drop"},
    ),
    "too_long": Case("drop", lambda one, other: bool(one.fault) and not other.fault, beside={"max_length": 64}),
    "packing": Case(True, lambda one, other: other.proof("packed_rows") < one.proof("rows_trained")),
    "keep": Case("best", lambda one, other: one.proof("kept_step") > other.proof("kept_step"), "overfitted"),
    "patience": Case(1, lambda one, other: one.proof("steps") > other.proof("steps"), "overfitted"),
    "schedule": Case("constant", other_rates),
    "warmup_share": Case(0.5, other_rates),
    "weight_decay": Case(0.5),
    "save_every": Case(3, lambda one, other: (one.saved[0], other.saved[0]) == (2, 3)),
    "dtype": Case("bfloat16", all_steps("dtype", "torch.float32", "torch.bfloat16")),
    "device": Case("cuda", OWN_DEVICE),
    "attention": Case("eager", all_steps("attention", "by_example", "eager")),
    "activation_checkpointing": Case(True, all_steps("is_recomputed", False, True)),
    "compile": Case(True, lambda one, other: one.compiled == 0 < other.compiled),
    "threads": Case(2, all_steps("threads", 1, 2)),
    "adapter.r": Case(
        2, lambda one, other: one.proof("trainable_parameters") == 2 * other.proof("trainable_parameters")
    ),
    "adapter.alpha": Case(20),
    "adapter.dropout": Case(0.5),
    "adapter.targets": Case(
        ["q_proj"], lambda one, other: one.proof("trainable_parameters") > other.proof("trainable_parameters")
    ),
    "adapter.rslora": Case(True),
    "adapter.dora": Case(
        True, lambda one, other: one.proof("trainable_parameters") < other.proof("trainable_parameters")
    ),
    "dpo.beta": Case(5.0, recipe="dpo"),
    "dpo.quantise": Case(True, FOUR_BITS, "dpo"),
}
for phase in ("lora", "qlora", "full", "dpo", "reward", "grpo", "rloo"):
    for key, value in {
        "epochs": 1 if phase not in ("grpo", "rloo", "reward") else 3,
        "batch_size": 2,
        "accumulate": 2,
    }.items():
        CASES[f"{phase}.{key}"] = Case(value, other_steps, phase)
    CASES[f"{phase}.learning_rate"] = Case(0.002, recipe=phase)
for key in ("epochs", "batch_size", "accumulate"):
    CASES[f"reward.{key}"] = Case(
        CASES[f"reward.{key}"].value,
        lambda one, other: one.proof("steps", "1-reward") != other.proof("steps", "1-reward"),
        "reward",
    )
CASES["reward.learning_rate"] = Case(0.002, lambda one, other: one.of("1-reward") != other.of("1-reward"), "reward")
for phase in ("grpo", "rloo"):
    for key, value in {"generations": 4, "max_new_tokens": 4, "temperature": 0.3, "beta": 5.0}.items():
        CASES[f"{phase}.{key}"] = Case(value, recipe=phase)
    CASES[f"{phase}.quantise"] = Case(
        True, lambda one, other: one.steps[-1].is_quantised < other.steps[-1].is_quantised, phase
    )
    for key in ("format", "exact", "model"):
        CASES[f"{phase}.rewards.{key}"] = Case(0.0, other_rewards, phase)
ALONE = {"start", "launch"}  # which DVC reads too
HOSTED = {key for key in keys_of() if key.startswith("api.")}
LONG = {key for key in CASES if key.startswith("rloo.")} | {"reward.batch_size", "reward.accumulate"}


@pytest.fixture(scope="module")
def lessons(base, settled, tmp_path_factory):  # noqa: ARG001  # it is there for what it does
    """Runs of recipes, each once."""
    folder, known = tmp_path_factory.mktemp("knobs"), {}

    def seen(recipe: str, changes: dict[str, Any]) -> Seen:
        name = json.dumps([recipe, changes], sort_keys=True)
        if name not in known:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                known[name] = look(folder, base, RECIPES[recipe], changes)
        return known[name]

    return seen


def test_each_key_has_a_case_and_is_one():
    file = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]

    def paths_of(values, before=""):
        for name, value in values.items():
            is_section = isinstance(value, dict) and name != "more"
            yield from paths_of(value, f"{before}{name}.") if is_section else [before + name]

    assert sorted(paths_of(file)) == sorted(keys_of())
    assert {*CASES, *ALONE, *HOSTED} == set(keys_of())


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=pytest.mark.rehearsal) if key in LONG else key for key in CASES]
)
def test_a_key_changes_the_run(lessons, key):
    case = CASES[key]
    one, other = (lessons(case.recipe, changes) for changes in (case.beside, changed(case.beside, key, case.value)))
    assert case.shows(one, other), (one.fault, one.proofs, one.steps[-1:], other.fault, other.proofs, other.steps[-1:])


def test_the_same_keys_make_the_same_bytes(lessons, base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = look(tmp_path, base, RECIPES["lora"], {})
    assert again.weights == lessons("lora", {}).weights
    assert again.proofs == lessons("lora", {}).proofs


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_a_run_warms_up_by_any_schedule(lessons, schedule):
    rates = [step.rate for step in lessons("lora", {"schedule": schedule, "warmup_share": 0.5}).steps]
    assert rates[0] == 0 < rates[1] < rates[2]


@pytest.mark.parametrize("threads", [0, 3])
def test_threads_are_those_of_the_parameters_or_of_torch(lessons, threads):
    assert {step.threads for step in lessons("lora", {"threads": threads}).steps} == {
        threads or torch.get_num_threads()
    }


@pytest.mark.parametrize("attention", ["eager", "sdpa", "flex_attention"])
def test_every_loader_loads_the_attention_that_is_named(base, attention):
    """Flex attention trains on a GPU only, and is refused before that on a CPU; loaded it can be anywhere."""
    recipe = params("reward", "grpo", attention=attention)
    for model in (
        load_model(base, "float32", "cpu", attention),
        load_quantised(base, "float32", "cpu", attention),
        _headed(Start(base), load_tokenizer(base), recipe),
    ):
        assert model.config._attn_implementation == attention


def test_a_start_is_begun_with(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = look(tmp_path, base, RECIPES["lora"], {})
    shutil.move("out", "accepted")
    assert other_weights(first, look(tmp_path, base, RECIPES["lora"], {"start": "accepted"}, start="accepted"))


def test_start_and_launch_are_in_the_command_that_dvc_runs(base, tmp_path):
    folder = stage_project(tmp_path, base, params(launch="ddp"), [record(1)])
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["train"]["start"] = "models/accepted"
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    (folder / "models/accepted").mkdir()
    said = run(folder, "-m", "dvc", "repro", "--dry", "train").stdout
    assert "--launch launch/ddp.yaml --start models/accepted " in said


def test_a_launch_file_is_launched_with(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path, base)
    shutil.copy(ROOT / "launch/ddp.yaml", "single.yaml")
    words = launched(tmp_path, monkeypatch, launch="ddp")
    assert words[words.index("--config_file") + 1] == "single.yaml"
    assert not Path("out").exists()
    with pytest.raises(AssertionError, match="trained"):
        launched_single()


def launched_single():
    """Without a launch file for several nothing is launched: this process trains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.Trainer.training_step", _trained)
        main(params("lora"), *paths())


def _trained(*_values, **_options):
    raise AssertionError("trained")
