"""The pull request of feedback: opened once, then brought up to date, from a branch that is pushed; harmless whatever the page says."""

import os
import subprocess
import sys

import pytest

from tests.feedback_desk import git
from tests.forge_api import REPOSITORY, running_api
from tests.project import ROOT


@pytest.fixture
def forge():
    with running_api() as server:
        yield server


@pytest.fixture
def clone(tmp_path):
    """A clone on a branch of feedback, and the bare repository that it pushes to."""
    bare, folder = tmp_path / "bare.git", tmp_path / "clone"
    git("init", "--quiet", "--bare", str(bare))
    git("init", "--quiet", "--initial-branch", "main", str(folder))
    for name, value in (("user.name", "Asha"), ("user.email", "asha@example.com")):
        git("config", name, value, at=folder)
    git("remote", "add", "origin", str(bare), at=folder)
    git("switch", "--quiet", "-c", "feedback/2031-01-02", at=folder)
    commit(folder, "Feedback of 2031-01-02: 1 case @team")
    return folder


def commit(folder, title):
    git("commit", "--quiet", "--allow-empty", "-m", title, at=folder)


@pytest.fixture
def tool(forge, clone):
    """Run the tool with a page; gives what it did."""

    def run(page="# Feedback", **changed):
        (clone / "build").mkdir(exist_ok=True)
        (clone / "build/feedback.md").write_text(page, encoding="utf-8")
        given = {"GITHUB_API_URL": forge.address, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": "t0ken"}
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given, **changed}
        command = [sys.executable, "-m", "tools.feedback_pull_request"]
        return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)

    return run


def test_it_is_opened_once_and_then_brought_up_to_date(tool, forge, clone):
    done = tool("# Feedback of today\n\n@octocat")
    assert (done.returncode, done.stdout) == (0, "feedback-pull-request: pull request 40 is open\n"), done.stderr
    first = dict(forge.opened[40])
    assert (first["head"], first["base"]) == ("feedback/2031-01-02", "main")
    assert first["title"] == "Feedback of 2031-01-02: 1 case \uff20team"
    assert "@" not in first["body"]
    commit(clone, "Feedback of 2031-01-03: 2 rows to learn")
    assert tool("# More").returncode == 0
    assert list(forge.opened) == [40]
    assert (forge.opened[40]["title"], forge.opened[40]["body"]) == (
        "Feedback of 2031-01-03: 2 rows to learn",
        "# More",
    )
    pushed = git("ls-remote", "origin", "refs/heads/feedback/2031-01-02", at=clone).split()[0]
    assert pushed == git("rev-parse", "HEAD", at=clone).strip()


def test_a_page_that_is_too_long_is_cut(tool, forge):
    assert tool("a line\n" * 20_000).returncode == 0
    body = forge.opened[40]["body"]
    assert len(body.encode("utf-16-le")) // 2 <= 65_536
    assert "_Cut" in body


def test_on_another_branch_there_is_nothing_to_open(tool, forge, clone):
    git("switch", "--quiet", "-c", "main", at=clone)
    done = tool()
    assert (done.returncode, forge.opened) == (0, {})
    assert "nothing to open" in done.stdout


def test_a_branch_that_somebody_else_has_pushed_to_is_not_overwritten(tool, clone):
    assert tool().returncode == 0
    git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another one", at=clone)
    done = tool()
    assert done.returncode == 1
    assert "the next run takes that in" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_right_that_is_missing_is_named(tool, forge):
    forge.refused = 403
    done = tool()
    assert done.returncode == 1
    assert "pull-requests: write" in done.stderr
    assert "t0ken" not in done.stdout + done.stderr
