"""make review as a process: through a pipe, in a terminal, and killed in the middle."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from tests import review_desk
from tests.project import ROOT
from tests.review_desk import ONE, THREE, TWO, decided, verdicts

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    return review_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def editor(tmp_path, monkeypatch):
    return review_desk.editor(tmp_path, monkeypatch)


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"}
COMMAND = [sys.executable, "-m", "pipeline.desk.review", "asha"]
OF_ITS_OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
IN_TERMINAL = [sys.executable, "-c", OF_ITS_OWN, *COMMAND]


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


class Screen:
    """The command in a pseudo-terminal: what it shows, and keys for it."""

    def __init__(self, **environment):
        self.handle, inner = pty.openpty()
        self.process = subprocess.Popen(
            IN_TERMINAL,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**ENVIRONMENT, **environment},
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""

    def until(self, text, again=""):
        """Read until a text is shown; gives all up to its end since the last call.

        `again` is pressed again where nothing comes for long: Python notices no interrupt that comes in the instant before it
        waits for a key.
        """
        ends, quiet = time.monotonic() + 60, time.monotonic()
        while text not in self.shown:
            assert time.monotonic() < ends, self.shown
            if select.select([self.handle], [], [], 0.1)[0]:
                self.shown += os.read(self.handle, 65536).decode("utf-8", "replace")
                quiet = time.monotonic()
            elif again and time.monotonic() > quiet + 10:
                self.press(again)
                quiet = time.monotonic()
        before, self.shown = self.shown.split(text, 1)
        return before + text

    def press(self, keys):
        os.write(self.handle, keys.encode())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.handle)


@pytest.fixture
def screen(project):
    opened = []

    def start(**environment):
        opened.append(Screen(**environment))
        return opened[-1]

    assert project.is_dir()
    yield start
    for each in opened:
        each.close()


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
