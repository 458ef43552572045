"""make why: one cause is named, what did not change is excluded, and two at once are unclear, with the runs that would settle it."""

import json
import shutil

import pytest

from tests.project import git
from tests.reproduced_project import PARAMS, build, command, commit, edit, run, write

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("why"))


@pytest.fixture
def project(built, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(built, folder, symlinks=True)
    return folder


def page(folder, base="HEAD~1"):
    status, said = command(folder, "why", base)
    assert status == 0, said
    assert said == command(folder, "why", base)[1]
    return said


def test_nothing_moved(project):
    commit(project, "words")
    said = page(project)
    assert "**No metric moved.**" in said
    assert "- did not change: data, test set, task, base model, parameters, code and environment" in said


@pytest.mark.parametrize(
    ("name", "old", "new", "cause", "kind", "way"),
    [
        (
            "params.yaml",
            "epochs: 5",
            "epochs: 3",
            "`train.epochs` `5 -> 3`",
            "parameters",
            "`train`, `predict＠tuned`, `evaluate`",
        ),
        (
            "data/raw/rows.txt",
            "red",
            "purple",
            "`data/raw/rows.txt`",
            "data",
            "`split`, `train`, `predict＠tuned`, `evaluate`",
        ),
        (
            "task/prompts/plain.yaml",
            "it",
            "its colour",
            "`task/prompts/plain.yaml`",
            "task",
            "`predict＠tuned`, `evaluate`",
        ),
    ],
)
def test_a_single_cause_is_the_whole_difference(project, name, old, new, cause, kind, way):
    edit(project, name, old, new)
    run(project, "one change")
    said = page(project)
    assert f"`tuned` in `evaluate`: **the whole difference is {cause}** ({kind})" in said
    assert f"{cause} ({kind}), through {way}" in said
    excluded = next(line for line in said.splitlines() if line.startswith("- did not change: "))
    assert kind not in excluded
    assert "code" in excluded
    assert "What would settle it" not in said


def test_code_requirements_and_base_are_kinds_of_their_own_and_what_moves_nothing_is_excluded(project):
    edit(project, "pipeline/step.py", "/ 1000", "/ 500")
    write(project, "requirements/data.txt", "pyyaml==6.0.3 # again\n")
    write(project, "models/base.json", json.dumps({"model": "models/other", "revision": ""}))
    run(project, "code, and what reaches nothing")
    said = page(project)
    assert "**the whole difference is `pipeline/step.py`** (code)" in said
    assert "- changed, and nothing that a metric which moved was made of: `models/base.json` (base model)" in said
    assert "made of: `requirements/data.txt` (environment)" in said


def test_a_change_of_an_arm_moves_that_arm_alone(project):
    write(project, "params.yaml", PARAMS.replace("base: {model: models/base.json}", "base: {model: models/adapter}"))
    run(project, "another model for an arm")
    said = page(project)
    assert "- `base` in `evaluate`: **the whole difference is " in said
    assert '`arms.base.model` `"models/base.json" -> "models/adapter"` (parameters), through `predict＠base`' in said
    assert "`tuned" not in said


def test_two_kinds_at_once_are_unclear_and_each_can_be_run_alone(project):
    edit(project, "params.yaml", "epochs: 5", "epochs: 3")
    edit(project, "data/raw/rows.txt", "red", "purple")
    first = git(project, "rev-parse", "HEAD").strip()
    run(project, "two changes")
    said = page(project)
    assert "**unclear**: data and parameters changed at once" in said
    assert f"| `make why BASE={first[:12]} RUN=data` | `data/raw/rows.txt` (data) | 4.2 min and `predict＠base`" in said
    assert f"| `make why BASE={first[:12]} RUN=parameters` | `train.epochs` `5 -> 3` (parameters) | 4.2 min |" in said
    status, alone = command(project, "why", first, "data")
    assert status == 0, alone
    assert "| `tuned.right` | `0.087` | `0.102` | `0.068` |" in alone
    assert "| `tuned.right` | `0.087` | `0.059` | `0.068` |" in command(project, "why", first, "parameters")[1]
    assert "RUN=code: changes nothing" in command(project, "why", first, "code")[1]
    assert "is no kind of change; take one of data, test-set" in command(project, "why", first, "luck")[1]
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert not git(project, "status", "--porcelain")


def test_where_nothing_changed_but_the_outputs_the_stage_is_named(project):
    edit(project, "params.yaml", "noise: false", "noise: true")
    run(project, "noise")
    shutil.rmtree(project / ".dvc/cache")
    for name in ("models/adapter", "data/predictions/tuned"):
        shutil.rmtree(project / name)
    run(project, "noise again")
    said = page(project)
    assert "**nothing that is recorded changed**: `train wrote something else from the same inputs`" in said


def test_what_seeds_do_as_well_may_be_luck(project):
    spread = {"least": 0.0, "most": 1.0}
    write(
        project, "reports/seeds.json", json.dumps({"metrics": {"right": spread, "odd": {"least": 0.17, "most": 0.17}}})
    )
    edit(project, "params.yaml", "seed: 17, epochs: 5", "seed: 18, epochs: 4")
    run(project, "another seed")
    said = page(project)
    luck = "; no farther than from seed to seed: luck alone could explain it |"
    assert [line for line in said.splitlines() if line.startswith("| `tuned.right` |") and line.endswith(luck)]
    assert "| `tuned.odd` | 0.17 | 0.18 | parameters |" in said
    assert (
        "**the whole difference is of one kind, parameters**: `train.seed` `17 -> 18`, `train.epochs` `5 -> 4`" in said
    )


def test_a_recorded_machine_is_not_excluded_and_what_changed_after_the_run_is_said(project):
    report = json.loads((project / "reports/run.json").read_text())
    report["machine"] |= {"python": "3.13.0", "cores": 64}
    write(project, "reports/run.json", json.dumps(report))
    edit(project, "params.yaml", "epochs: 5", "epochs: 3")
    run(project, "another machine")
    edit(project, "params.yaml", "epochs: 3", "epochs: 2")
    said = page(project)
    assert "- not excluded, since `dvc.lock` does not see it: `machine: python` `3.9.1 -> 3.13.0` (environment)" in said
    assert "**First run `make run`**: `params.yaml: train`" in said


def test_names_and_values_cannot_get_out_of_the_page(project):
    hostile = "x` @team <img src=x> | [a](b)"
    edit(project, "params.yaml", "phases: [lora]", f"phases: [{json.dumps(hostile)}]")
    edit(project, "params.yaml", "epochs: 5", "epochs: 4")
    run(project, "hostile")
    git(project, "branch", "a`@team", "HEAD~1")
    said = page(project, "a`@team")
    assert "@" not in said
    for line in said.splitlines():
        inside = line.split("`")[1::2]
        assert line.count("`") % 2 == 0
        assert all("<img" in part for part in inside if "img" in part)
    assert "<img" not in "".join(part for line in said.splitlines() for part in line.split("`")[::2])


def test_nothing_to_compare_with_is_said(project, tmp_path):
    (project / "dvc.lock").rename(tmp_path / "lock")
    status, said = command(project, "why", "HEAD")
    assert status == 1
    assert "dvc.lock: has no run to compare" in said
    git(project, "branch", "-q", "-m", "topic")
    assert "Nothing to compare with: there is no commit before this one." in command(project, "why", "")[1]
    assert "BASE=nowhere: is no revision of this repository" in command(project, "why", "nowhere")[1]
