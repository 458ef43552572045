"""What a run made goes back to the branch: on top of the commit that was trained, and nothing else with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path.cwd()
IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b.example"]


def git(folder, *arguments):
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """A clone of a bare repository with a branch `change`, as a runner takes it out: at a commit and on no branch."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "forge.git")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "forge.git"), "author")
    author = tmp_path / "author"
    (author / "reports").mkdir()
    for name, text in {"dvc.lock": "old", "reports/a.json": "{}", "params.yaml": "a: 1"}.items():
        (author / name).write_text(text, encoding="utf-8")
    git(author, "checkout", "--quiet", "-b", "change")
    git(author, "add", ".")
    git(author, "commit", "--quiet", "-m", "A change")
    git(author, "push", "--quiet", "origin", "change")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "forge.git"), "runner")
    git(tmp_path / "runner", "checkout", "--quiet", "--detach", "origin/change")
    return tmp_path / "runner"


def run(folder, branch="change"):
    environment = {"PATH": os.environ["PATH"], "HEAD_BRANCH": branch, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "tools.commit_results"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def forge(clone, *arguments):
    return git(clone.parent / "forge.git", *arguments)


def test_lock_and_reports_are_pushed_and_nothing_else(clone):
    ignored = "data/predictions/.gitignore"  # DVC writes an arm into it that ran for the first time
    (clone / ignored).parent.mkdir(parents=True)
    for name in ("dvc.lock", "reports/a.json", "reports/new.json", "params.yaml", "left-over", ignored):
        (clone / name).write_text("new", encoding="utf-8")
    trained = git(clone, "rev-parse", "HEAD")
    done = run(clone)
    assert done.returncode == 0, done.stderr
    changed = forge(clone, "diff", "--name-only", trained, "change").splitlines()
    assert changed == [ignored, "dvc.lock", "reports/a.json", "reports/new.json"]
    assert forge(clone, "rev-parse", "change~1") == trained
    assert trained[:12] in forge(clone, "log", "-1", "--format=%s", "change")


def test_a_run_that_changed_nothing_makes_no_commit(clone):
    before = forge(clone, "rev-parse", "change")
    done = run(clone)
    assert (done.returncode, forge(clone, "rev-parse", "change")) == (0, before)
    assert "changed nothing" in done.stdout


def test_a_branch_that_has_moved_on_keeps_its_commit(clone):
    author = clone.parent / "author"
    (author / "params.yaml").write_text("a: 2", encoding="utf-8")
    git(author, "commit", "--quiet", "-am", "Later")
    git(author, "push", "--quiet", "origin", "change")
    (clone / "dvc.lock").write_text("new", encoding="utf-8")
    done = run(clone)
    assert done.returncode == 1
    assert "change has moved on" in done.stderr
    assert forge(clone, "show", "change:params.yaml") == "a: 2"


@pytest.mark.parametrize("branch", ["", "-x", "a..b", "$(touch x)", "a b"])
def test_what_is_no_branch_is_refused(clone, branch):
    (clone / "dvc.lock").write_text("new", encoding="utf-8")
    assert run(clone, branch).returncode == 1
    assert not (clone / "x").exists()


def test_tags_of_the_clone_are_pushed_and_pushing_them_again_changes_nothing(clone):
    git(clone, "tag", "-a", "model@v0.0.1", "-m", "first")
    environment = {"PATH": os.environ["PATH"], "HOME": str(clone), "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        command = [sys.executable, "-m", "tools.push_tags"]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert forge(clone, "tag") == "model@v0.0.1"
