"""The command `make ask`, run in this process: what the tests of a teacher and of a judge share."""

import sys
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
