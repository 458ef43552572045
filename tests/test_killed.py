"""`dvc repro train` is killed with SIGKILL, with DVC and all that it started, and the next one ends with the same bytes."""

import time

import pytest

from tests.lessons import mixed, params
from tests.project import record
from tests.train_stage import after, begin, in_a_save, killed, made, repro, stage_project, whole

pytestmark = pytest.mark.slow


def test_a_repro_that_is_killed_in_a_save_and_anywhere_ends_with_the_same_bytes(base, tmp_path, rng):
    recipe, records = params("lora", lora={"epochs": 4}), [record(number) for number in range(16)]
    one, other = (stage_project(tmp_path / name, base, recipe, records) for name in ("one", "other"))
    undisturbed, began = begin(one), time.monotonic()
    assert killed(other, in_a_save(other))
    until_save_s = time.monotonic() - began
    killed(other, after(rng.uniform(0, until_save_s)))  # where it comes too late, the run has ended well
    said = repro(other)
    whole(undisturbed)
    assert "is passed over" in said or "goes on from step" in said or "didn't change" in said
    assert made(other) == made(one) != {}


@pytest.mark.rehearsal
def test_a_repro_of_two_phases_that_is_killed_at_random_moments_ends_with_the_same_bytes(base, tmp_path, rng):
    recipe = params("lora", "dpo", lora={"epochs": 4}, dpo={"epochs": 4})
    one, other = (stage_project(tmp_path / name, base, recipe, mixed()) for name in ("one", "other"))
    began = time.monotonic()
    repro(one)
    took_s, hits = time.monotonic() - began, 0
    for _ in range(6):
        hits += killed(other, after(rng.uniform(0, took_s)))
    said = repro(other)
    assert made(other) == made(one) != {}, (hits, said)
