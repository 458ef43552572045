"""How fast the task changes, as git tells it: on both sides, and where it cannot tell."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.desk.deciding.churn import Churn, churn
from tests.project import git

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def commit(folder, days_ago, **files):
    """A commit of so many days before NOW; names with __ for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_md", ".md").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    when = (NOW - timedelta(days=days_ago)).isoformat()
    name = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    environment = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    subprocess.run(["git", *name, "commit", "-qm", "x", "--allow-empty"], cwd=folder, env=environment, check=True)


@pytest.fixture
def repository(tmp_path):
    """A task of ten lines, written a hundred days ago."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, 100, task__README_md="a\nb\nc\nd\n", task__prompts__plain_yaml="a\nb\nc\nd\ne\nf\n")
    return folder


def test_lines_that_came_and_went_count_and_only_those_of_the_last_days(repository):
    assert churn(repository, 30, NOW) == Churn(30, 0, 0, 10)
    commit(repository, 31, task__README_md="a\nb\nc\nx\n")
    assert churn(repository, 30, NOW) == Churn(30, 0, 0, 10)
    commit(repository, 29, task__README_md="a\nb\ny\nx\n", task__prompts__plain_yaml="a\nb\nc\nd\ne\nf\ng\n")
    found = churn(repository, 30, NOW)
    assert (found, found.share) == (Churn(30, 1, 3, 11), 3 / 11)
    assert churn(repository, 40, NOW) == Churn(40, 2, 5, 11)


def test_what_says_nothing_of_the_behaviour_does_not_count(repository):
    commit(
        repository,
        1,
        task__test_set_txt="a\n",
        task__probes__a_md="b\n",
        pipeline__x_md="c\n",
        task__replay__b_md="d\n",
    )
    assert churn(repository, 30, NOW) == Churn(30, 0, 0, 10)
    commit(repository, 1, task__cases__a_md="a\n")
    assert churn(repository, 30, NOW) == Churn(30, 1, 1, 11)


def test_a_history_that_is_younger_tells_nothing(repository):
    assert isinstance(churn(repository, 100, NOW), Churn)
    assert churn(repository, 101, NOW) == "the history is 100 days old, and 101 are looked at"


def test_a_shallow_clone_tells_nothing(repository, tmp_path):
    commit(repository, 1, task__README_md="z\n")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    assert "no whole history" in churn(tmp_path / "shallow", 30, NOW)
    git(tmp_path, "clone", "-q", f"file://{repository}", "whole")
    assert isinstance(churn(tmp_path / "whole", 30, NOW), Churn)


def test_no_repository_no_commit_and_no_git_are_said(repository, tmp_path, monkeypatch):
    (tmp_path / "bare").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert "no git repository" in churn(tmp_path / "bare", 30, NOW)
    git(tmp_path / "bare", "init", "-q")
    assert churn(tmp_path / "bare", 30, NOW) == "there is no commit yet"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in churn(repository, 30, NOW)
