"""Hand the objects of this commit to the remote, and the run cache with which other clones restore instead of running.

    python -m pipeline.pull_request.push

A lock that is not of this tree is pushed all the same, and said. Exits 1 where an object did not arrive.
"""

import sys
from pathlib import Path

from pipeline.desk.run import dvc
from pipeline.pull_request.locking.check import look
from pipeline.pull_request.locking.transfer import ready
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault

SHOWN = 20


def push(root: Path) -> None:
    """Push, and look whether all of it is there. Raises Fault where it is not."""
    setting = ready(root, "without one each clone builds everything itself")
    stale = [found for found in look(root, say, with_remote=False).findings if found.kind == "stale"]
    if stale:
        say(
            f"dvc.lock is not of this tree ({len(stale)} lines in make verify-lock); what it names is pushed all the same"
        )
    say(f"to {setting.shown}")
    status = dvc("push", "--run-cache")
    missing = [found for found in look(root, say).findings if found.kind == "missing"]
    for found in missing[:SHOWN]:
        say(str(found))
    if status or missing:
        fault = f"{len(missing)} objects are not there" if missing else "dvc push failed, its reason stands above"
        raise Fault(setting.shown, fault, "mend it, and run make push again: what has arrived is not sent twice")
    say("all that dvc.lock names is on the remote")


def say(line: str) -> None:
    print(f"push: {in_terminal(line)}", flush=True)


def main() -> None:
    try:
        push(Path.cwd())
    except Fault as fault:
        sys.exit(f"push: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("push: stopped; run it again, what has arrived is not sent twice")


if __name__ == "__main__":
    main()
