"""A real terminal for the tests of the desks."""

import os
import pty
import select
import subprocess
import sys
import time
from contextlib import contextmanager

from tests.project import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"}
OF_ITS_OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Screen:
    """A command in a pseudo-terminal: what it shows, and keys for it."""

    def __init__(self, command, **environment):
        self.handle, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OF_ITS_OWN, *command],
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


@contextmanager
def screens(command):
    """Starts a command in terminals, and closes them all."""
    opened = []

    def start(**environment):
        opened.append(Screen(command, **environment))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
