"""Promotion: what it writes, that nothing reruns, and each thing that it refuses."""

import shutil

import pytest
import yaml

from tests.project import git
from tests.promoted_project import Promoted, build, environment, params
from tests.verified_project import dvc

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project before its first promotion."""
    with environment():
        yield build(tmp_path_factory.mktemp("promoted"))


@pytest.fixture
def project(first, tmp_path):
    """A copy of its own."""
    return Promoted(shutil.copytree(first.folder, tmp_path / "copy", symlinks=True))


def test_a_promotion_writes_pointer_record_arm_and_predictions_and_nothing_reruns(project):
    revision = git(project.folder, "rev-parse", "HEAD").strip()
    before, objects = project.lock(), len(list((project.folder / ".dvc/cache").rglob("*")))
    done = project.make("promote", WHY='it says "yes"\n$(touch x) @all')
    assert done.returncode == 0, done.stderr
    assert "no DVC remote is configured: this machine alone has the model" in done.stdout
    out = before["train"]["outs"][0]
    pointer = yaml.safe_load(project.read("models/accepted.dvc"))
    assert pointer["outs"] == [
        {**{key: out[key] for key in ("md5", "size", "nfiles")}, "hash": "md5", "path": "accepted"}
    ]
    record = project.record()
    assert (record["revision"], record["model"], record["data"]) == (
        revision,
        out["md5"],
        before["split"]["outs"][0]["md5"],
    )
    assert (record["who"], record["why"]) == ("Asha", 'it says "yes" $(touch x) @all')
    assert record["metrics"]["exact"]["n"] == 100
    assert record["metrics"]["exact"]["low"] < record["metrics"]["exact"]["mean"] == 0.6
    assert [rule["status"] for rule in record["gate"]] == ["pass", "warn"]
    assert "no accepted model yet" in record["gate"][1]["said"]
    assert record["base"] == {"model": "models/toy", "revision": "", "licence": "own"}
    assert record["rolled_back_from"] is None
    after = yaml.safe_load(project.read("params.yaml"))
    assert after["arms"].pop("accepted") == {"model": "models/accepted", "prompt": "own"}
    assert after == yaml.safe_load(params())
    assert set(params().splitlines()) <= set(project.read("params.yaml").splitlines())
    assert project.stale() == set()
    assert git(project.folder, "status", "--porcelain", "--ignored", "models", "data/predictions").count("!!") == 5
    assert {name: stage for name, stage in project.lock().items() if name in ("split", "train", "predict@tuned")} == {
        name: before[name] for name in ("split", "train", "predict@tuned")
    }
    assert len(list((project.folder / ".dvc/cache").rglob("*"))) - objects < 30  # of the model, none


@pytest.mark.rehearsal
def test_what_is_taken_over_is_what_the_stage_would_write(project):
    project.promoted()
    taken, locked = project.lock()["predict@accepted"], project.read("dvc.lock")
    with dvc(project.folder) as repo:
        repo.reproduce("predict@accepted", force=True, single_item=True, run_cache=False)
    assert project.lock()["predict@accepted"] == taken
    assert project.read("dvc.lock") == locked


@pytest.mark.rehearsal
def test_the_accepted_model_is_asked_with_the_prompt_that_it_was_trained_with(project):
    project.promoted()
    taken = project.lock()["predict@accepted"]
    project.write("task/prompts/plain.yaml", "system: Answer otherwise.\nfew_shot: []\n")
    project.repro()
    assert project.lock()["predict@accepted"] == taken
    assert "Answer.True" in project.read("data/predictions/accepted/answers.jsonl")
    assert "Answer otherwise.True" in project.read("data/predictions/tuned/answers.jsonl")


@pytest.mark.rehearsal
def test_the_next_change_is_held_against_what_is_in_production(project):
    project.promoted()
    project.rows(30)
    done = project.make("gate")
    assert done.returncode == 1
    assert "fail   exact, tuned against accepted, no worse within 10 points: -30.0 points" in done.stdout
    refused = project.make("promote", WHY="worse")
    assert refused.returncode == 1
    assert "promote: gate: exact, tuned against accepted" in refused.stderr
    project.rows(80)
    project.promoted("better")
    assert [rule["status"] for rule in project.record()["gate"]] == ["pass", "pass"]
    assert project.stale() == set()
    assert project.record()["metrics"]["exact"]["mean"] == 0.8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.write("data/raw/rows.txt", "row\n"), "data/raw/rows.txt: is not committed; commit it"),
        (lambda one: one.write("task/new.txt", "x"), "task/new.txt: is not committed; commit it"),
        (
            lambda one: (one.write("data/raw/rows.txt", "row\n"), one.commit("x")),
            "data/raw/rows.txt (split): has changed since it was read: dvc.lock names other bytes; "
            "make run, and commit dvc.lock and reports",
        ),
        (
            lambda one: one.write("data/predictions/tuned/arm.json", "{}"),
            "data/predictions/tuned/arm.json: is not what dvc.lock names",
        ),
        (
            lambda one: (
                one.write("params.yaml", one.read("params.yaml").replace("shutdown: {} ", "shutdown: {m: x} ")),
                one.commit("x"),
            ),
            "params.yaml: lifecycle.shutdown.m: is 'x'",
        ),
    ],
)
def test_a_promotion_is_refused_and_writes_nothing(project, change, said):
    change(project)
    before = git(project.folder, "status", "--porcelain")
    done = project.make("promote", WHY="x")
    assert done.returncode == 1
    assert said in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert git(project.folder, "status", "--porcelain") == before


@pytest.mark.rehearsal
def test_a_reason_is_asked_for_and_the_same_model_is_not_promoted_twice(project):
    assert "promote: WHY: is missing; write make promote WHY=" in project.make("promote", WHY=" \n").stderr
    project.promoted()
    assert "already, the tuned model of this commit" in project.make("promote", WHY="again").stderr


@pytest.mark.rehearsal
def test_what_is_not_pushed_is_named_and_what_is_pushed_is_let_pass(project, tmp_path):
    (tmp_path / "remote").mkdir()
    project.add_remote(tmp_path / "remote")
    before = git(project.folder, "status", "--porcelain")
    done = project.make("promote", WHY="x")
    assert "promote: data/split (split): its object " in done.stderr
    assert "more of this kind" in done.stderr
    project.push()
    digest = project.listed("models/adapter")["weights.json"]
    (tmp_path / "remote/files/md5" / digest[:2] / digest[2:]).unlink()  # one file of a folder, whose list is there
    done = project.make("promote", WHY="x")
    assert done.returncode == 1
    assert (
        f"promote: models/adapter/weights.json (train): its object {digest[:2]}/{digest[2:]} is not on shared"
        in done.stderr
    )
    assert "promote: refused, 1 line above; nothing was written" in done.stderr
    assert git(project.folder, "status", "--porcelain") == before


@pytest.mark.rehearsal
def test_a_remote_that_cannot_be_asked_stops_a_promotion_and_is_named(project, tmp_path):
    project.add_remote(tmp_path / "remote")
    project.push()
    shutil.rmtree(tmp_path / "remote")
    (tmp_path / "remote").write_text("no folder")
    done = project.make("promote", WHY="x")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "shared" in done.stderr
    (tmp_path / "remote").unlink()
    project.push()
    project.promoted()


@pytest.mark.rehearsal
def test_a_promotion_that_fails_half_way_leaves_nothing(project):
    arms = "    arms = [one.name"
    fails = '    if len(list(Path("data/predictions").glob("*/arm.json"))) > 2:\n        sys.exit("no")\n'
    text = project.read("code/step.py").replace(arms, fails + arms)
    project.write("code/step.py", text)
    project.repro()
    project.commit("a stage that fails with another arm")
    before = project.read("dvc.lock")
    done = project.make("promote", WHY="x")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert git(project.folder, "status", "--porcelain") == ""
    assert project.read("dvc.lock") == before
    assert not (project.folder / "data/predictions/accepted").exists()
    assert not (project.folder / "models/accepted").exists()
    assert project.stale() == set()
