"""make plan: what would run and why, all the way down; held against what DVC then does."""

import shutil

import pytest

from pipeline.pull_request.plan import main, plan
from tests.planned_project import EPOCHS, PARAMS, ROWS, STAGES, TEST, built, causes, changed, fates, repro, write
from tests.project import git
from tests.verified_project import copied, dvc, state_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with built(tmp_path_factory.mktemp("whole")) as project:
        yield project


@pytest.fixture
def project(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    return copied(whole, tmp_path / "project")


def ran(folder):
    """What has run since the fixture."""
    notes = folder.parent / "ran"
    return notes.read_text().split() if notes.exists() else []


def test_where_nothing_changed_nothing_runs_and_nothing_is_touched(project):
    before = state_of(project)
    assert "**Nothing runs: every stage is as `dvc.lock` has it.**" in plan(project, "")
    assert state_of(project) == before


def test_a_parameter_names_the_stage_and_all_that_surely_follows(project):
    write(project, EPOCHS)
    assert fates(project) == {"train": "runs", "predict@tuned": "runs", "evaluate": "runs"}
    assert causes(project, "train") == "`params.yaml`: `train.lora.epochs` `5` → `6`"
    assert causes(project, "evaluate") == "`data/predictions` is another after `predict@tuned`"
    assert plan(project, "") == plan(project, "")
    assert repro(project) == ["train", "predict@tuned"]
    assert ran(project) == ["train", "predict"]


def test_a_parameter_of_a_phase_that_is_not_trained_may_change_nothing(project):
    write(project, changed(PARAMS, "train", "dpo", "epochs", to=2))
    assert fates(project) == {"train": "runs", "predict@tuned": "may run", "evaluate": "may run"}


def test_the_whole_chain_is_named_where_dvc_names_one_stage(project):
    with (project / ROWS).open("a") as file:
        file.write('{"a": 2}\n')
    assert repro(project, dry=True) == ["split"]
    assert fates(project) == {
        "split": "runs",
        "train": "may run",
        "predict@base": "may run",
        "predict@tuned": "may run",
        "evaluate": "may run",
    }
    assert causes(project, "split") == f"`{ROWS}` changed"
    assert causes(project, "train") == "`data/split/train.jsonl`, if `split` changes it"
    assert "`data/split/test.jsonl`" in plan(project, "").partition("## What cannot be known")[2]
    assert repro(project) == ["split", "train", "predict@tuned"]


def test_a_command_is_shown_as_it_was_and_is(project):
    write(project, PARAMS, changed(STAGES, "evaluate", "cmd", to="echo {} > reports/evaluation.json"))
    assert fates(project) == {"evaluate": "runs"}
    assert "cat data/predictions" in causes(project, "evaluate")
    assert causes(project, "evaluate").endswith("→ `echo {} > reports/evaluation.json`")


def test_an_output_that_is_gone_comes_from_the_cache(project):
    shutil.rmtree(project / "models/adapter")
    assert fates(project) == {"train": "from this machine's cache"}
    repro(project)
    assert ran(project) == []


def test_an_output_that_is_nowhere_is_made_again_and_nothing_follows(project):
    shutil.rmtree(project / "models/adapter")
    shutil.rmtree(project / ".dvc/cache")
    found = fates(project)
    assert found["train"] == "runs again"
    assert "runs" not in found.values()
    assert "may run" not in found.values()


def test_a_report_that_was_edited_by_hand_is_a_cause(project):
    (project / "reports/evaluation.json").write_text("{}")
    assert causes(project, "evaluate") == "`reports/evaluation.json` is not what `dvc.lock` names"


def test_a_change_that_is_taken_back_is_restored_all_the_way_down(project):
    write(project, EPOCHS)
    with (project / TEST).open("a") as file:
        file.write('{"t": 2}\n')
    repro(project)
    git(project, "checkout", "-q", "params.yaml", TEST)
    (project.parent / "ran").unlink()
    assert set(fates(project).values()) == {"from this machine's cache"}
    assert len(fates(project)) == 5
    repro(project)
    assert ran(project) == []


def test_a_remote_gives_what_is_not_here(project, tmp_path):
    write(project, EPOCHS)
    repro(project)
    with dvc(project) as repo, repo.config.edit() as config:
        config["remote"]["shelf"] = {"url": str(tmp_path / "shelf")}
        config["core"]["remote"] = "shelf"
    with dvc(project) as repo:
        repo.push(run_cache=True)
    shutil.rmtree(project / ".dvc/cache")
    for name in ("models/adapter", "data/predictions"):
        shutil.rmtree(project / name)
    found = fates(project)
    assert found.pop("split") == "from the remote"  # DVC wants it in the cache too
    assert found == {"train": "from the remote", "predict@base": "from the remote", "predict@tuned": "from the remote"}
    git(project, "checkout", "-q", "dvc.lock")
    found = fates(project)  # by the remote's records alone, since dvc.lock is of other parameters
    assert found["train"] == "from the remote"
    assert found["predict@tuned"] == "from the remote"
    assert "Remote `shelf`: asked" in plan(project, "")
    shutil.rmtree(tmp_path / "shelf/files")
    assert fates(project)["train"] == "runs"
    shutil.rmtree(tmp_path / "shelf")
    assert "Remote `shelf`: not looked up, there is nothing at its address yet." in plan(project, "")


def test_a_remote_that_cannot_be_asked_is_said(project):
    with dvc(project) as repo, repo.config.edit() as config:
        config["remote"]["far"] = {"url": "http://127.0.0.1:9/none?token=hidden"}
        config["core"]["remote"] = "far"
    write(project, EPOCHS)
    text = plan(project, "")
    assert "Remote `far`: not looked up, it cannot be reached (" in text
    assert "hidden" not in text
    assert fates(project)["train"] == "runs"


def test_a_first_run_reads_well(project):
    (project / "dvc.lock").unlink()
    assert set(fates(project).values()) <= {"runs", "from this machine's cache"}
    shutil.rmtree(project / ".dvc/cache")
    assert set(fates(project).values()) == {"runs"}
    assert causes(project, "train") == "`dvc.lock` has no entry: it never ran"


def test_a_frozen_stage_and_one_that_always_runs(project):
    frozen = changed(STAGES, "train", "frozen", to=True)
    write(project, EPOCHS, changed(frozen, "evaluate", "always_changed", to=True))
    assert fates(project) == {"train": "frozen", "evaluate": "runs"}
    assert causes(project, "evaluate") == "`dvc.yaml` lets it run every time"


def test_a_source_that_no_stage_makes_and_that_is_not_here_is_named(project):
    (project / ROWS).unlink()
    assert causes(project, "split") == f"`{ROWS}` is gone"
    assert f"`split` reads `{ROWS}`, which is not here" in plan(project, "")


def test_a_source_that_dvc_keeps_counts_as_it_is_named(project):
    git(project, "rm", "-q", "--cached", ROWS)
    with dvc(project) as repo:
        repo.add(ROWS)
    assert "Nothing runs" in plan(project, "")
    (project / ROWS).unlink()
    assert "Nothing runs" in plan(project, "")  # it can be pulled
    (project / ROWS).write_text("other\n")
    assert causes(project, "split") == f"`{ROWS}` changed"


def test_what_a_branch_brought_is_told_also_where_all_has_run(project):
    write(project, EPOCHS)
    (project / "models/base.json").write_text('{"other": 1}')
    repro(project)
    text = plan(project, "main")
    assert "**Nothing runs" in text
    brought = text.partition("## What this branch brought, beside `main`")[2]
    assert "- `params.yaml: train.lora.epochs` `5` → `6`: `train`" in brought
    assert "- `models/base.json` changed: `predict@base`" in brought
    assert "`dvc.lock` has other outputs of `train`." in brought
    git(project, "rm", "-q", "--cached", "dvc.lock")
    git(project, "commit", "-q", "-m", "no lock")
    assert "has no dvc.lock that can be read" in plan(project, "main")


def test_numbers_of_a_base_are_read_as_dvc_wrote_them(project):
    write(project, changed(PARAMS, "train", "seed", to=0.00001))
    repro(project)
    git(project, "commit", "-q", "-am", "a small number")
    assert "No input of a stage differs." in plan(project, "main")


def test_a_file_that_dvc_cannot_read_is_one_line(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["plan", ""])
    (project / "dvc.yaml").write_text("stages: [\n")
    with pytest.raises(SystemExit) as stopped:
        main()
    assert str(stopped.value).startswith("plan: dvc.yaml")
    assert "\n" not in str(stopped.value)
    assert not (project / "build").exists()
