"""make rate as a process: in a terminal, without one, and killed in the middle."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests import rating_desk
from tests.rating_desk import LEDGER, ROWS, TUNED, preferred, votes, write_arm
from tests.terminal import ENVIRONMENT, screens

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "pipeline.desk.rate", "asha", "tuned base"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    return rating_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def screen(project):
    assert project.is_dir()
    with screens(COMMAND) as start:
        yield start


def test_in_a_terminal_a_key_is_a_vote_and_what_was_pressed_before_a_pair_is_none(screen):
    write_arm("tuned", [*TUNED[:2], "\x1b[2J\u202ered", TUNED[3]])
    at = screen()
    at.press("1\n")  # before anything is shown
    shown = at.until("? help >")
    time.sleep(0.3)  # in which it would be read
    assert votes() == []
    at.press("\x1b[A")  # an arrow key
    at.until("There is no such key here")
    at.until("? help >")
    at.press("1")
    at.until("helpful")
    at.until("? help >")
    assert [dimension for _, dimension, _ in preferred()] == ["correct"]
    at.press("t")
    shown += at.until("? help >")
    at.press("b")
    at.until("Your vote on helpful was: tie.")
    at.until("? help >")
    at.press("2")
    shown += at.until("? help >")
    for _ in range(2):
        at.press("s")
        shown += at.until("? help >")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert all(row.question in plain for row in ROWS[:3])
    assert "<U+001B>[2J<U+202E>red" in plain
    assert not re.search("\x1b|\u202e", plain)
    at.press("\x03")
    assert "asha gave 2 votes; 4 of 6 questions are open" in at.until("then make run", again="\x03")
    assert at.process.wait() == 0
    assert [vote.vote for vote in votes()] == ["first", "tie", "second"]


def test_a_sitting_that_is_killed_has_lost_nothing_and_goes_on(screen):
    at = screen()
    for key in "12":
        at.until("? help >")
        at.press(key)
    at.until("pair 2 of 3")
    os.kill(at.process.pid, signal.SIGKILL)
    at.process.wait()
    assert [vote.vote for vote in votes()] == ["first", "second"]
    at = screen(NO_COLOR="1")
    assert "pair 2 of 3" in at.until("? help >")
    at.press("q")
    assert "gave 0 votes; 4 of 6 questions are open" in at.until("open")
    assert at.process.wait() == 0


def test_faults_are_one_line_and_without_a_terminal_nothing_is_voted(project):
    def run(*arguments, keys="1\n"):
        command = [*COMMAND[:3], *arguments]
        return subprocess.run(command, input=keys, capture_output=True, text=True, env=ENVIRONMENT, check=False)

    assert project.is_dir()
    for arguments, said in (
        (["asha"], "rate: make rate: has no terminal"),
        (["../asha"], "rate: RATER='../asha': has letters that are no part of a name"),
    ):
        ended = run(*arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(said)
        assert len(ended.stderr.splitlines()) == 1
    assert not [*LEDGER.iterdir()]
