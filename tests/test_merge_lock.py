"""make merge-lock: each stage from the side that fits, restored and not run; what neither side has is named, and nothing is lost."""

import json
import os
import subprocess
import sys

import pytest

from pipeline.pull_request.locking.check import check
from tests.locked_project import cloned, lines, param, push, remote_at, rerun
from tests.project import ROOT, git
from tests.verified_project import ROWS, copied, dvc, lock

pytestmark = pytest.mark.slow


@pytest.fixture
def ours(locked_project, tmp_path):
    """Main's desk, with a remote that has everything."""
    folder = copied(locked_project, tmp_path / "ours")
    git(folder, "branch", "-M", "main")
    (tmp_path / "storage").mkdir()
    remote_at(folder, str(tmp_path / "storage"))
    push(folder)
    return folder


@pytest.fixture
def theirs(ours, tmp_path):
    """A colleague's desk."""
    folder = cloned(ours, tmp_path / "theirs")
    git(folder, "checkout", "-q", "-b", "change")
    with dvc(folder) as repo:
        repo.pull(run_cache=True)
    return folder


def merge(ours, theirs):
    """Merge the colleague's branch; says whether git could do it alone."""
    git(ours, "fetch", "-q", str(theirs), "change")
    name = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    return subprocess.run(["git", *name, "merge", "-q", "FETCH_HEAD"], cwd=ours, capture_output=True).returncode == 0


def settle(folder):
    command = [sys.executable, "-m", "pipeline.pull_request.merge_lock"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_two_sides_that_changed_different_stages_are_joined_without_a_run(ours, theirs):
    """Theirs changed what counts as data, ours the scores' code path; both have their stages pushed."""
    (theirs / ROWS).write_text("quite other words than before\n")
    rerun(theirs, "other data")
    push(theirs)
    pipeline = ours / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("wc -c", "wc -l"))
    rerun(ours, "lines, not bytes")
    made = json.loads(json.dumps(lock(theirs)["stages"]["train"]["outs"]))
    is_alone = merge(ours, theirs)
    status, said = settle(ours)
    assert status == 0, said
    assert "taken from theirs: count, train, predict@other, predict@tuned" in said.replace("predict@accepted, ", "")
    assert lock(ours)["stages"]["train"]["outs"] == made
    assert (ours / "models/adapter/weights.bin").read_bytes() == (theirs / "models/adapter/weights.bin").read_bytes()
    assert "run again: sizes" in said  # it read data that neither side had read with this command
    assert "must run" not in said
    assert lines_without_objects(ours) == []
    assert "<<<<" not in (ours / "reports/score.json").read_text()
    kept = ours / ".git/merge-lock"
    assert (kept / "ours.dvc.lock").read_text() == git(
        ours, "show", "HEAD:dvc.lock" if not is_alone else "HEAD^1:dvc.lock"
    )
    assert (kept / "theirs.dvc.lock").read_text() == (theirs / "dvc.lock").read_text()


def train_reads_a_parameter(folder):
    pipeline = folder / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("  train:\n", "  train:\n    params: [count.least]\n"))


def lines_without_objects(folder):
    """What of the tree is not of its lock; what ours just made is not pushed yet."""
    return [str(found) for found in check(folder) if found.kind == "stale"]


@pytest.mark.rehearsal
def test_what_neither_side_has_is_named_and_not_trained(ours, theirs):
    (theirs / ROWS).write_text("quite other words than before\n")
    rerun(theirs, "other data")
    push(theirs)
    train_reads_a_parameter(ours)
    rerun(ours, "train reads a parameter")
    push(ours)
    assert not merge(ours, theirs)
    before = (ours / "dvc.lock").read_bytes()
    status, said = settle(ours)
    assert status == 0, said
    assert "must run: train has inputs that it never ran with, and may cost a GPU or money" in said
    assert "must run: predict@tuned reads what train writes" in said
    assert "make run finishes it" in said
    assert "train" not in lock(ours)["stages"]
    assert (ours / ".git/merge-lock/before/dvc.lock").read_bytes() == before
    for report in (ours / "reports").glob("*.json"):
        json.loads(report.read_text())
    again = (ours / "dvc.lock").read_bytes()
    assert settle(ours)[0] == 0  # once more, from what git has of both sides
    assert (ours / "dvc.lock").read_bytes() == again
    with dvc(ours) as repo:
        repo.reproduce()
    git(ours, "add", "-A")
    git(ours, "commit", "-q", "-m", "merged")
    push(ours)
    assert lines(ours) == []


def test_what_a_third_branch_ran_is_restored_from_the_run_cache(ours, theirs, tmp_path):
    (theirs / ROWS).write_text("quite other words than before\n")
    rerun(theirs, "other data")
    push(theirs)
    third = copied(theirs, tmp_path / "third")
    for folder in (third, ours):
        train_reads_a_parameter(folder)
        rerun(folder, "train reads a parameter")
        push(folder)
    assert not merge(ours, theirs)
    status, said = settle(ours)
    assert status == 0, said
    assert "restored: train" in said
    assert "must run" not in said
    assert lock(ours)["stages"]["train"] == lock(third)["stages"]["train"]
    assert lines(ours) == []


@pytest.mark.rehearsal
def test_other_conflicts_come_first_and_without_a_merge_there_is_nothing_to_settle(ours, theirs):
    status, said = settle(ours)
    assert (status, said.count("\n")) == (1, 1)
    assert "dvc.lock: is not being merged" in said
    for folder, value in ((ours, "0.2"), (theirs, "0.3")):
        param(folder, "least: 0.1", f"least: {value}")
        rerun(folder, "another threshold")
    assert not merge(ours, theirs)
    before = (ours / "dvc.lock").read_bytes()
    status, said = settle(ours)
    assert (status, said) == (
        1,
        "merge-lock: params.yaml: is in conflict too; settle that first, git add it, and run make merge-lock again\n",
    )
    assert (ours / "dvc.lock").read_bytes() == before
    (ours / "params.yaml").write_text((theirs / "params.yaml").read_text())
    git(ours, "add", "params.yaml")
    push(theirs)
    status, said = settle(ours)
    assert status == 0, said
    assert "count" in said.split("taken from theirs: ")[1]
    assert json.loads((ours / "reports/count.json").read_text())["least"] == 0.3
    assert lines_without_objects(ours) == []
