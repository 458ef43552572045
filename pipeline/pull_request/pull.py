"""Fetch what the remote has of this commit, and the run cache, so that make run restores instead of running.

    python -m pipeline.pull_request.pull BASE

With a revision BASE, the answers of that commit too, which make report and make compare pair with those of this one.

What the remote has not got is said with its stage, and exit 0: make run builds it. Exits 1 where the remote cannot be reached, or an
object of it is not what its name says.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.desk.run import dvc
from pipeline.pull_request.locking.base_answers import fetch_answers
from pipeline.pull_request.locking.check import look
from pipeline.pull_request.locking.objects import ROTTEN
from pipeline.pull_request.locking.transfer import absent_here, ready
from pipeline.pull_request.revision import revision_of
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault

SHOWN = 20


def pull(root: Path) -> None:
    """Pull, and say what could not be had. Raises Fault where the remote fails, or an object of it is rotten."""
    setting = ready(root, "make run builds everything from what git holds")
    # Asked before: DVC refuses a rotten object, takes it for missing, and exits 0 where missing ones are let pass
    findings = look(root, say).findings
    lacking = {found.place for found in findings if found.kind == "missing" and not found.fault.endswith(ROTTEN)}
    say(f"from {setting.shown}")
    status = dvc("pull", "--run-cache", "--allow-missing")
    absent = list(absent_here(root))
    refused = [(path, stage) for path, stage in absent if not is_below(path, lacking)]
    told([one for one in absent if one not in refused], f"is not on {setting.shown}: make run builds it")
    told(
        refused,
        f"was refused, since its object on {setting.shown} is rotten: delete it there, and make push where it was made",
    )
    if refused:
        raise Fault(
            setting.shown, f"{len(refused)} objects are not what their names say", "or make run, which builds them"
        )
    if status:
        raise Fault(
            setting.shown, "dvc pull failed, its reason stands above", "mend it, and run make pull again: it goes on"
        )
    say("all else that dvc.lock names is here" if absent else "all that dvc.lock names is here")


def is_below(path: str, lacking: Iterable[str]) -> bool:
    """Whether a file, or the output that it is of, is among those that the remote lacks."""
    return any(path == one or path.startswith(f"{one}/") for one in lacking)


def told(files: list[tuple[str, str]], fault: str) -> None:
    """A line a file, and one for those beyond the first."""
    for path, stage in files[:SHOWN]:
        say(f"{path} ({stage}): {fault}")
    if len(files) > SHOWN:
        say(f"{len(files) - SHOWN:,} more: each {fault}")


def say(line: str) -> None:
    print(f"pull: {in_terminal(line)}", flush=True)


def pull_base(wanted: str, root: Path) -> None:
    """Fetch the answers of the base of a change; where they cannot be had, that is said and no fault: the report does without."""
    base = revision_of(wanted, root)
    if base.commit is None:
        return
    try:
        count = fetch_answers(base.commit, root)
    except Fault as fault:
        say(str(fault))
    else:
        say(f"the answers of {base.commit[:12]} are here too ({count:,} objects fetched)")


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        pull(Path.cwd())
        if wanted.strip():
            pull_base(wanted, Path.cwd())
    except Fault as fault:
        sys.exit(f"pull: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("pull: stopped; run it again, it goes on")


if __name__ == "__main__":
    main()
