"""What a trainer is told: each knob that all phases have reaches it, from the section of the phase that is trained."""

from pathlib import Path

import pytest

from pipeline.model.training.recipe import POLICY, SUPERVISED
from pipeline.model.training.trainer import Job, settings
from pipeline.model.training.weights import Start
from tests.lessons import params

pytestmark = pytest.mark.slow
PHASES = [*SUPERVISED, "dpo", "reward", *POLICY]
OWN = {"epochs": 7, "learning_rate": 0.5, "batch_size": 16, "accumulate": 3}
SHARED = {
    "seed": 3,
    "save_every": 9,
    "schedule": "constant",
    "warmup_share": 0.5,
    "weight_decay": 0.5,
    "dtype": "bfloat16",
    "compile": True,
}


def told(phase, is_recomputed=False, **changes):
    phases = ["reward", "grpo"] if phase == "reward" else [phase]
    return settings(Job(phase, Start(Path("x")), None, params(*phases, **changes), is_recomputed, Path("y"), None))


@pytest.mark.parametrize("phase", PHASES)
def test_a_knob_of_a_phase_is_told_of_that_phase_and_of_no_other(phase):
    plain = told(phase)
    for key, value in OWN.items():
        assert told(phase, **{phase: {key: value}}) != plain, key
        other = "dpo" if phase != "dpo" else "lora"
        assert told(phase, **{other: {key: value}}) == plain, key


def test_a_knob_of_all_phases_is_told():
    plain = told("lora")
    for key, value in SHARED.items():
        assert told("lora", **{key: value}) != plain, key
    assert told("lora", is_recomputed=True) != plain
