"""DVC in the work tree of another commit: with the environment of a run, its progress told, ended with all that it started."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import ENVIRONMENT

STAGE = re.compile(r"Running stage '(.+)':")
NOISE = re.compile(
    r"> |Updating lock file|Generating lock file|Use `dvc |To track the changes|To enable auto|\tgit add|\s*$|"
    r"Stage '.*' (didn't change|is cached)|'.*' didn't change|Data and pipelines are up to date"
)
GRACE_S = 10.0
OF_THE_CALLER = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONHOME", "VIRTUAL_ENV")  # a stage runs the code beside it


@dataclass(frozen=True)
class Runner:
    """Runs DVC in `tree` with that Python; `secrets` are names of environment variables that nothing there gets to see.

    What stages print goes to `to`.
    """

    tree: Path
    python: Path
    secrets: frozenset[str]
    to: TextIO

    def dvc(self, *arguments: str, tell: Callable[[str], None] | None = None) -> int:
        """The exit status; `tell` is called with the name of each stage that starts, and then what stages print is shown."""
        command = [str(self.python), "-m", "dvc", *arguments]
        return run(command, self.tree, self._environment(), tell, self.to)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in {*OF_THE_CALLER, *self.secrets}}
        return {
            **kept,
            **ENVIRONMENT,
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.tree.parent / "dvc"),
            "PYTHONUNBUFFERED": "1",
        }


def run(
    command: list[str], at: Path, environment: Mapping[str, str], tell: Callable[[str], None] | None, to: TextIO
) -> int:
    """Run a command in a session of its own, so that all of it can be ended. Without `tell` what it prints is not shown."""
    with subprocess.Popen(
        command,
        cwd=at,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if tell is not None:
                    _show(line.rstrip("\n"), tell, to)
            return process.wait()
        except BaseException:
            _end(process)
            raise


def _show(line: str, tell: Callable[[str], None], to: TextIO) -> None:
    if found := STAGE.match(line):
        tell(found[1])
    elif not NOISE.match(line):
        print(f"  {in_terminal(line)}", file=to, flush=True)


def _end(process: "subprocess.Popen[str]") -> None:
    """Ask the whole session to end, then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
