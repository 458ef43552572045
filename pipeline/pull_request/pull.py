"""Fetch what the remote has of this commit, and the run cache, so that make run restores instead of running.

    python -m pipeline.pull_request.pull

What the remote has not got is said with its stage, and exit 0: make run builds it. Exits 1 where the remote cannot be reached, or an
object of it is not what its name says.
"""

import sys
from pathlib import Path

from pipeline.desk.run import dvc
from pipeline.pull_request.locking.transfer import absent_here, ready
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault

SHOWN = 20


def pull(root: Path) -> None:
    """Pull, and say what could not be had. Raises Fault where the remote fails."""
    setting = ready(root, "make run builds everything from what git holds")
    say(f"from {setting.shown}")
    status = dvc("pull", "--run-cache", "--allow-missing")
    absent = list(absent_here(root))
    for path, stage in absent[:SHOWN]:
        say(f"{path} ({stage}): was not had from {setting.shown}")
    if len(absent) > SHOWN:
        say(f"{len(absent) - SHOWN:,} more")
    if status:
        remedy = "an object that is refused is rotten on the remote: delete it there, and make push where it was made; or make run"
        raise Fault(setting.shown, "dvc pull failed, its reason stands above", remedy)
    say(
        f"{len(absent)} files are not on the remote: make run builds them"
        if absent
        else "all that dvc.lock names is here"
    )


def say(line: str) -> None:
    print(f"pull: {in_terminal(line)}", flush=True)


def main() -> None:
    try:
        pull(Path.cwd())
    except Fault as fault:
        sys.exit(f"pull: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("pull: stopped; run it again, it goes on")


if __name__ == "__main__":
    main()
