"""Training is killed with SIGKILL, anywhere, and ends with the bytes of a run that was never killed."""

import json
import os
import subprocess
import sys

import pytest

from pipeline.stage import ENVIRONMENT
from tests.lessons import files_of, preference, project
from tests.project import ROOT, record

PARTS = ("optimizer", "state", "manifest")
KILLS = (1, 2, 3, 2, 2)  # of each run; in five parts fifty in all


@pytest.fixture
def folder(base, tmp_path):
    return project(tmp_path / "project", base)


@pytest.fixture
def pairs(base, tmp_path):
    records = [record(number) for number in range(16)] + [preference(number) for number in range(30, 38)]
    return project(tmp_path / "pairs", base, records)


def interrupted(folder, plan, *phases, changes=None):
    """Run the plan, a run without a kill first; asserts that all runs end alike, and returns how many kills hit."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.interrupted",
            str(folder),
            *map(json.dumps, ([[], *plan], phases, changes or {})),
        ],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole = files_of(folder / "out-0")
    assert whole
    for number in range(1, len(plan) + 1):
        assert files_of(folder / f"out-{number}") == whole, plan[number - 1]
    return json.loads(done.stdout.splitlines()[-1])["hits"], done.stdout


@pytest.mark.rehearsal
def test_a_run_that_is_killed_ends_with_the_same_bytes(folder):
    plan = [
        [["step", 5]],
        *([["save", part, 2]] for part in PARTS),
        [["step", 3], ["save", "state", 1], ["done", "result"]],
    ]
    hits, said = interrupted(folder, plan, "lora")
    assert hits == 7
    assert said.count("lora goes on from step") >= 5
    assert "was not finished, and is passed over" in said


@pytest.mark.slow
@pytest.mark.rehearsal
def test_what_a_phase_made_is_not_made_again_after_a_kill_in_the_next_one(pairs):
    hits, said = interrupted(pairs, [[["step", 14]], [["done", "copy"]]], "lora", "dpo")
    assert hits == 2
    assert "lora was done before" in said
    assert "dpo was done before" in said


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.parametrize(
    ("phases", "step", "save"), [(("reward", "grpo"), 9, 4), (("lora", "reward", "rloo"), 23, 11)], ids=str
)
def test_a_policy_that_is_killed_ends_with_the_same_bytes(pairs, phases, step, save):
    """With a reward model, of which a random policy gets more or less; by the schema it gets nothing, and would learn nothing."""
    policy = phases[-1]
    plan = [[["step", step]], [["step", step], ["step", 5]], [["save", "optimizer", save]]]
    hits, said = interrupted(pairs, plan, *phases, changes={policy: {"epochs": 2, "beta": 0.5}})
    assert hits == 4
    assert said.count(f"{policy} goes on from step") == 4
    assert json.loads((pairs / "out-0/proofs.json").read_text())[f"{len(phases)}-{policy}"]["has_signal"]


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.parametrize("part", range(5))
def test_fifty_kills_at_random_moments_change_no_byte(pairs, rng, part):
    plan = [[["within", rng.uniform(0, 1)] for _ in range(kills)] for kills in KILLS]
    print(part, plan)
    hits, _ = interrupted(pairs, plan, "lora", "dpo")
    assert hits == sum(KILLS)
