"""make review as a process: through a pipe, in a terminal, and killed in the middle."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests import review_desk
from tests.review_desk import ONE, THREE, TWO, decided, verdicts
from tests.terminal import ENVIRONMENT, screens

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    return review_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def editor(tmp_path, monkeypatch):
    return review_desk.editor(tmp_path, monkeypatch)


COMMAND = [sys.executable, "-m", "pipeline.desk.review", "asha"]


def test_the_command_takes_keys_from_a_pipe_and_says_a_fault_in_a_line(project):
    def run(keys):
        return subprocess.run(COMMAND, input=keys, capture_output=True, text=True, env=ENVIRONMENT, check=False)

    ended = run("a\nr wrong\nq\n")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert verdicts(ONE, TWO, THREE) == ["accepted", "rejected", "waiting"]
    (project / "params.yaml").write_text("review: {}\n")
    ended = run("")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "review: params.yaml: review.origins: is missing; add it\n"


@pytest.fixture
def screen(project):
    assert project.is_dir()
    with screens(COMMAND) as start:
        yield start


def test_in_a_terminal_single_keys_do_and_colours_mark(screen, editor):
    editor("text = text.replace('blue', 'red')")
    at = screen(EDITOR=os.environ["EDITOR"])
    first = at.until("? help >")
    assert re.search(r"\x1b\[1;32mcrimson", first)
    assert "{+" not in first
    at.press("\x1b[A")  # an arrow key is no A
    at.until("There is no such key here")
    at.until("? help >")
    at.press("a")
    assert "the blue one never came" in re.sub(r"\x1b\[[0-9;]*m", "", at.until("? help >"))
    assert decided() == [(ONE.id, "approve", "")]
    at.press("r")
    at.until("reason >")
    at.press("noch nicht ü\n")
    at.until("? help >")
    at.press("b")
    at.until("? help >")
    at.press("e")
    at.until("? help >")
    assert [decision for _, decision, _ in decided()] == ["approve", "reject", "edit"]
    assert decided()[1][2] == "noch nicht ü"
    at.press("\x03")
    assert "approved 1, edited 1; 1 wait" in at.until("then make run", again="\x03")
    assert at.process.wait() == 0


def test_a_sitting_that_is_killed_has_lost_nothing_and_goes_on(screen):
    at = screen()
    at.until("? help >")
    at.press("a")
    at.until("2 of 3")
    os.kill(at.process.pid, signal.SIGKILL)
    at.process.wait()
    assert decided() == [(ONE.id, "approve", "")]
    at = screen(NO_COLOR="1")
    assert "{+blue+}" in at.until("? help >")
    at.press("r")
    at.until("reason >")
    os.kill(at.process.pid, signal.SIGKILL)
    at.process.wait()
    assert decided() == [(ONE.id, "approve", "")]
