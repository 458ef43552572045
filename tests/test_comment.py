"""The one comment of a pull request: created, brought up to date, never on another one, and harmless whatever the artifact says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forge_api import REPOSITORY, running_api

ROOT = Path.cwd()
MARKER = "<!-- gitune-report -->"
SHA = "a" * 40


@pytest.fixture
def forge():
    """A forge with one pull request, 7, whose branch stands at SHA, and 150 comments below it that no program wrote."""
    with running_api() as server:
        server.comments[7] = [{"id": at, "user": {"type": "User"}, "body": f"{MARKER}\n\nno bot"} for at in range(150)]
        server.heads["someone:change"] = [{"number": 7, "head": {"sha": SHA}}]
        yield server


@pytest.fixture
def comment(forge, tmp_path):
    """Run the tool on a report; what the bots have written since is returned."""

    def run(report, plan="", **changed):
        (tmp_path / "build/report").mkdir(parents=True, exist_ok=True)
        (tmp_path / "build/report/comment.md").write_text(report, encoding="utf-8")
        (tmp_path / "build/plan.md").write_text(plan, encoding="utf-8")
        given = {
            "GITHUB_API_URL": forge.address,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": "t0ken",
            "HEAD_OWNER": "someone",
            "HEAD_BRANCH": "change",
            "HEAD_SHA": SHA,
        }
        command = [sys.executable, "-m", "tools.comment"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given, **changed}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done, forge.by_bots(7)

    return run


def test_a_comment_is_written_once_and_then_brought_up_to_date(comment, forge):
    done, written = comment(f"{MARKER}\n\nfirst", "| stage |")
    assert (done.returncode, len(written)) == (0, 1), done.stderr
    assert written[0].startswith(f"{MARKER}\n\nfirst")
    assert "| stage |" in written[0]
    done, written = comment(f"{MARKER}\n\nsecond")
    assert (done.returncode, len(written)) == (0, 1), done.stderr
    assert "second" in written[0]
    assert "first" not in written[0]
    assert forge.tokens == {"Bearer t0ken"}


@pytest.mark.parametrize(("name", "value"), [("HEAD_SHA", "b" * 40), ("HEAD_BRANCH", "other"), ("HEAD_OWNER", "team")])
def test_a_branch_that_has_moved_on_or_is_another_gets_nothing(comment, name, value):
    done, written = comment(f"{MARKER}\n\ntext", **{name: value})
    assert (done.returncode, written) == (0, [])


def test_what_an_artifact_says_mentions_nobody_and_whose_words_they_are_is_said(comment):
    _, written = comment(f"{MARKER}\n\n@octocat {MARKER} @team/all", "@octocat")
    assert "@" not in written[0]
    assert written[0].count(MARKER) == 1
    assert SHA[:12] in written[0].splitlines()[-1]


def test_what_is_longer_than_a_comment_is_cut_where_a_line_ends_and_what_was_open_is_closed(comment):
    text = "<details><summary>all</summary>\n\n````text\n" + "\U0001f600 row\n" * 20_000 + "````\n\n</details>"
    done, written = comment(f"{MARKER}\n\n{text}")
    assert done.returncode == 0, done.stderr
    assert len(written[0].encode("utf-16-le")) // 2 <= 65_536
    assert (written[0].count("<details>"), written[0].count("</details>")) == (1, 1)
    assert written[0].count("````") == 2
    assert "_Cut" in written[0]


@pytest.mark.parametrize("report", ["", "no marker", f" {MARKER}"])
def test_what_is_no_report_is_refused(comment, report):
    done, written = comment(report)
    assert (done.returncode, written) == (1, [])
    assert done.stderr.startswith("comment: build/report/comment.md is no report; ")
    assert done.stderr.count("\n") == 1


def test_a_link_in_the_artifact_is_not_followed(comment, tmp_path):
    comment(f"{MARKER}\n\ntext")
    (tmp_path / "secret").write_text("s3cret", encoding="utf-8")
    (tmp_path / "build/plan.md").unlink()
    (tmp_path / "build/plan.md").symlink_to(tmp_path / "secret")
    command = [sys.executable, "-c", "from tools import comment; print(comment.read(comment.PLAN))"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
        == "\n"
    )


def test_a_right_that_is_missing_is_named(comment, forge):
    forge.refused = 403
    done, _ = comment(f"{MARKER}\n\ntext")
    assert done.returncode == 1
    assert "pull-requests: write" in done.stderr
    assert "t0ken" not in done.stdout + done.stderr


def test_a_setting_that_is_missing_is_named(comment):
    done, _ = comment(f"{MARKER}\n\ntext", HEAD_SHA="")
    assert (done.returncode, done.stderr.startswith("comment: HEAD_SHA is not set; ")) == (1, True)
