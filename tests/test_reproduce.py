"""make reproduce on real projects: what is the same, what is not and where it begins, what cannot be had, and what is left behind."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project import ROOT, git
from tests.reproduced_project import build, command, commit, dvc, edit, run, write

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("reproduced"))


@pytest.fixture
def project(built, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(built, folder, symlinks=True)
    return folder


def work_trees(folder):
    return git(folder, "worktree", "list").splitlines()


def is_clean(folder):
    left = [path.name for path in (folder / ".cache").iterdir() if path.name != "reproduce.lock"]
    return len(work_trees(folder)) == 1 and not left and not git(folder, "status", "--porcelain")


def test_a_run_comes_out_the_same_with_the_cache_and_without_also_after_later_commits(project):
    first = git(project, "rev-parse", "HEAD").strip()
    edit(project, "params.yaml", "epochs: 5", "epochs: 3")
    edit(project, "data/raw/rows.txt", "red", "purple")
    run(project, "later")
    status, said = command(project, "reproduce", first)
    assert status == 0, said
    assert "Reproduced: identical" in said
    assert "restored, and hashed: " in said
    assert "train.epochs 5 -> 3" in said
    assert "changed (data): data/raw/rows.txt" in said
    status, said = command(project, "reproduce", first, "no")
    assert status == 0, said
    assert "7 of 7 outputs byte for byte the same; 4 metrics: 4 identical" in said
    assert "it took 249 s then" in said
    assert "(230.0 s then)" in said
    assert is_clean(project)


def test_where_the_cache_is_lost_what_is_dear_is_run_again(project):
    shutil.rmtree(project / ".dvc/cache")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 0, said
    assert "train (230.0 s then)" in said


@pytest.mark.rehearsal
def test_what_the_cache_lost_comes_from_the_remote_whose_address_is_relative(project, tmp_path):
    dvc(project, "remote", "add", "--default", "far", "../far")
    dvc(project, "push", "--quiet")
    commit(project, "a remote")
    shutil.rmtree(project / ".dvc/cache")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 0, said
    assert "runs again split, evaluate:" in said
    assert (tmp_path / "far").is_dir()


@pytest.mark.rehearsal
def test_a_source_that_dvc_keeps_is_pulled_into_a_cache_of_its_own(project):
    git(project, "rm", "-q", "--cached", "data/raw/rows.txt")
    dvc(project, "add", "--quiet", "data/raw/rows.txt")
    run(project, "a kept source")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 0, said
    assert "restored, and hashed: data/raw/rows.txt" in said
    shutil.rmtree(project / ".dvc/cache")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 1
    assert "data/raw/rows.txt.dvc: not reproduced: is neither in the cache nor in a remote" in said
    assert "split: not reproduced: needs data/raw/rows.txt.dvc" in said


def test_a_stage_that_is_not_deterministic_is_named_with_the_metrics_that_it_moves(project):
    edit(project, "params.yaml", "noise: false", "noise: true")
    run(project, "noise")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 1
    assert "reproduce: train: models/adapter: dvc.lock names " in said
    assert "train: its inputs were the same, and its outputs are not: the difference begins there" in said
    assert "predict@tuned: its inputs were the same" not in said
    assert "reports/evaluation.json: tuned.right: " in said
    assert "outside: no band is recorded for it" in said
    assert "tuned.odd" not in said
    assert "NOT REPRODUCED" in said


@pytest.mark.rehearsal
def test_a_metric_that_moves_no_farther_than_seeds_do_is_within_the_band(project):
    edit(project, "params.yaml", "noise: false", "noise: true")
    spread = {"values": [0.0, 100.0], "mean": 50.0, "deviation": 1.0, "least": 0.0, "most": 100.0}
    write(project, "reports/seeds.json", json.dumps({"seeds": [1, 2], "metrics": {"right": spread}}))
    run(project, "noise with a band")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 0, said
    assert "within the band (seeds went from 0.0 to 100.0)" in said
    assert "Reproduced within the band" in said
    spread["most"] = 0.0001
    write(project, "reports/seeds.json", json.dumps({"seeds": [1, 2], "metrics": {"right": spread}}))
    commit(project, "a narrow band")
    assert command(project, "reproduce", "HEAD", "no")[0] == 1


@pytest.mark.rehearsal
def test_on_the_machine_of_then_even_a_difference_within_the_band_is_a_fault(project):
    from pipeline.desk.machine import machine

    edit(project, "params.yaml", "noise: false", "noise: true")
    spread = {"least": 0.0, "most": 100.0}
    write(project, "reports/seeds.json", json.dumps({"metrics": {"right": spread}}))
    write(project, "reports/run.json", json.dumps({"machine": machine() | {"model": "unknown"}}))
    run(project, "another machine")
    assert command(project, "reproduce", "HEAD", "no")[0] == 0
    write(project, "reports/run.json", json.dumps({"machine": machine()}))
    commit(project, "this machine")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert (status == 1) == (machine()["model"] != "unknown"), said


def test_a_report_that_was_edited_after_the_run_is_named(project):
    edit(project, "reports/evaluation.json", "0.087", "0.097")
    commit(project, "a better number")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 1
    assert "reports/evaluation.json: tuned.right: 0.097 then, 0.087 now" in said


def test_a_commit_that_was_not_run_as_it_stands_says_so_and_runs_nothing_dear(project):
    edit(project, "params.yaml", "epochs: 5", "epochs: 4")
    write(project, "pipeline/evaluate.py", "# judges otherwise\n")
    commit(project, "changed and not run")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 1
    assert "train was not run as the commit stands: params.yaml: train.epochs: is 4 and was 5" in said
    assert "evaluate was not run as the commit stands: pipeline/evaluate.py: is not what evaluate has read" in said
    assert " train (230.0 s then)" not in said
    assert "NOT REPRODUCED: the commit was not run as it stands (train, evaluate)" in said


def test_packages_that_differ_are_said_first_and_one_that_is_missing_stops(project):
    write(project, "requirements/data.txt", "pyyaml==5.0\nPydantic==1.0 ; python_version < '3'\n")
    run(project, "an older package")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 0, said
    assert "package pyyaml: 5.0 then, 6.0" in said
    assert "pydantic" not in said
    write(project, "requirements/data.txt", "no-such-thing==1.0\n")
    run(project, "a package that is not here")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 1
    assert "no-such-thing of that commit is not installed; run it with ENV=new" in said
    assert is_clean(project)


@pytest.mark.rehearsal
def test_the_environment_of_that_commit_runs_its_stages(project):
    make = "setup:\n\t$(PYTHON) -m venv --without-pip --system-site-packages .venv && touch ../made\n"
    write(project, "Makefile", make.replace("../made", "../../made"))
    git(project, "add", "-A")
    commit(project, "a Makefile")
    code, said = command(project, "reproduce", "HEAD", "", "new")
    assert (project / ".cache/made").is_file(), said
    assert "NOT REPRODUCED" in said or code == 0  # that environment has no DVC here


def test_nobody_is_paid(project):
    write(project, "models/hosted.json", json.dumps({"base_url": "http://127.0.0.1:9", "api_key_env": "TEST_KEY"}))
    edit(project, "params.yaml", "base: {model: models/base.json}", "base: {model: models/hosted.json}")
    run(project, "a hosted arm")
    edit(project, "params.yaml", "phases: [lora]", "phases: [api]")
    run(project, "a hosted job")
    status, said = command(project, "reproduce", "HEAD", "no")
    assert status == 0, said
    assert "train: a service trained it, for up to 5.0 US dollars; it is restored and never paid for again" in said
    assert "predict@base: a service answers, for up to 1.0 US dollars" in said
    assert "runs again split, evaluate:" in said
    shutil.rmtree(project / ".dvc/cache")
    status, said = command(project, "reproduce", "HEAD")
    assert status == 1
    assert "train: not reproduced: is neither in the cache nor in a remote" in said
    assert "evaluate: not reproduced: needs " in said


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.rehearsal)])
def test_after_an_interruption_neither_work_tree_nor_process_is_left(project, number):
    edit(project, "pipeline/step.py", 'Path("wait")', 'Path("../../../wait")')
    edit(project, "pipeline/step.py", 'Path("wait/started")', 'Path("../../../wait/started")')
    run(project, "waits where it is told")
    (project / "wait").mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.pull_request.reproduce", "HEAD", "no"],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        until = time.monotonic() + 120
        while not (project / "wait/started").is_file() and time.monotonic() < until:
            time.sleep(0.1)
        child = int((project / "wait/started").read_text())
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"stopped" in said
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()
    shutil.rmtree(project / "wait")
    assert is_clean(project)


def test_what_a_killed_command_left_is_cleared_and_two_at_once_are_refused(project):
    import fcntl

    left = project / ".cache/reproduce/tree"
    left.parent.mkdir(parents=True)
    git(project, "worktree", "add", "-q", "--detach", str(left), "HEAD")
    assert command(project, "reproduce", "HEAD")[0] == 0
    assert is_clean(project)
    with (project / ".cache/reproduce.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        status, said = command(project, "reproduce", "HEAD")
    assert status == 1
    assert "is in use by another such command" in said


def test_a_revision_that_cannot_be_had_is_one_line(project, tmp_path):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{project}", str(shallow))
    for folder, wanted, words in (
        (project, "", "REV='': is no revision"),
        (project, "--output=x", "is no revision"),
        (project, "HEAD~9", "REV=HEAD~9: is no revision of this repository; fetch it, or name another one with REV="),
        (shallow, "HEAD~1", "git fetch --unshallow"),
    ):
        status, said = command(folder, "reproduce", wanted)
        assert status == 1
        assert words in said
        assert len(said.splitlines()) == 1
    git(project, "rm", "-q", "dvc.lock")
    commit(project, "not run")
    assert "has no dvc.lock: nobody has run it" in command(project, "reproduce", "HEAD")[1]
    assert is_clean(project)
