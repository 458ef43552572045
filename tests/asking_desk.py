"""The command `make ask`, run in this process: what the tests of a teacher and of a judge share."""

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.desk import ask
from tests.service import KEY


def asking(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[bool, str]]:
    """Run the command in a project; gives whether it failed and all that it said."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SAMPLE_KEY", KEY)

    def go(*arguments: str) -> tuple[bool, str]:
        monkeypatch.setattr(sys, "argv", ["ask", *arguments])
        status = ""
        try:
            ask.main()
        except SystemExit as stop:
            status = str(stop.code)
        said = capsys.readouterr().out + status
        assert KEY not in said
        return bool(status), said

    return go


def kill_while_it_asks(command, local, folder, requests, wait_s):
    """Kill the command a moment after so many requests. It gets two more answers, and so never comes to its end before."""
    target = len(local.asked) + requests
    local.last = target + 2
    running = command.start("10", at=folder)
    while len(local.asked) < target and not running.has_ended():
        time.sleep(0.0005)
    time.sleep(wait_s)
    running.kill()
    status, _, error = running.wait()
    local.last = math.inf
    assert (status, error) == (-9, "")
