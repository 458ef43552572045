"""Settle a merge conflict in dvc.lock: restore what either side has, and train nothing.

    python -m pipeline.pull_request.merge_lock

Run it in the middle of a merge, once every other conflict is settled; or right after a merge in which git joined two locks without
one. Each stage gets the entry of the side that ran it with the command, parameters and inputs of the merged tree, and its reports
with it. What neither side has is restored from the run cache, or run again where it is cheap; what costs a GPU or money is named
and left to make run. Both locks are kept below git's folder. Nothing is added or committed.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pipeline.desk import seeds
from pipeline.desk.remotes.lookup import Lookup, Unreached, looked_up
from pipeline.desk.remotes.setting import default_remote
from pipeline.desk.run import RUN_REPORT, dvc
from pipeline.pull_request.locking.choosing import Candidates, Choice, candidate, chosen, put_reports
from pipeline.pull_request.locking.objects import Objects
from pipeline.pull_request.locking.restoring import Restored, restore, write_lock
from pipeline.pull_request.locking.sides import Side, keep, sides_of, unmerged, version
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import LOCK, noting_in
from pipeline.stage import PARAMS_FILE, Fault

PIPELINE = "dvc.yaml"
NOT_DVC = tuple(path.as_posix() for path in (RUN_REPORT, seeds.OUT))


def merge_lock(root: Path) -> None:
    """Settle it. Raises Fault where something else must be settled first; dvc.lock is then as it was."""
    sides = sides_of(root)
    conflicts = unmerged(root)
    for path in (PIPELINE, str(PARAMS_FILE)):
        if path in conflicts:
            raise _settle_first(path)
    with tempfile.TemporaryDirectory(prefix="merge-") as folder, ExitStack() as stack:
        scratch = Path(folder)
        candidates = _candidates(root, sides, scratch)
        reports = [out.path for step in candidates[0].steps.values() for out in step.outs if out.cache is None]
        for path in conflicts:
            if path not in (LOCK, *reports, *NOT_DVC):
                raise _settle_first(path)
        kept = keep(root, sides, [LOCK, *conflicts])
        say(f"both locks, and the files as they stood, are kept in {kept}")
        hashes = Hashes(lambda read: say(f"{read / 2**20:,.0f} MiB hashed"))
        stack.enter_context(noting_in(scratch / "dvc"))
        remotes = _remotes(root, stack)
        listing = Objects(candidates[0].project, remotes, hashes).listing
        choice = chosen(candidates, hashes, listing)
        _settle(root, sides, candidates, choice, [path for path in conflicts if path != LOCK])
        _fetch(candidates, bool(remotes))
        taken = dict(choice.taken)
        done = restore(root, candidates, choice, listing, bool(remotes), say)
        _tell(taken, done)


def _settle_first(path: str) -> Fault:
    return Fault(path, "is in conflict too", "settle that first, git add it, and run make merge-lock again")


def _candidates(root: Path, sides: tuple[Side, Side], scratch: Path) -> Candidates:
    """Both sides read; dvc.lock stands as before at the end."""
    lock = root / LOCK
    before = lock.read_bytes() if lock.exists() else None
    try:
        return candidate(root, sides[0], scratch / "ours"), candidate(root, sides[1], scratch / "theirs")
    finally:
        if before is None:
            lock.unlink(missing_ok=True)
        else:
            lock.write_bytes(before)


def _remotes(root: Path, stack: ExitStack) -> dict[str, Lookup]:
    """The default remote, where it can be reached; without it, what is here must do."""
    setting = default_remote(root)
    if setting is None:
        say("no remote is set: what the other side made can be restored only where it is in this machine's cache")
        return {}
    try:
        lookup = stack.enter_context(looked_up(root, setting, lambda _done, _total: None))
        lookup.lacking(("0" * 32, "1" * 32), "md5")
    except Unreached as fault:
        say(f"{fault}; what is in this machine's cache must do")
        return {}
    return {"": lookup}


def _settle(root: Path, sides: tuple[Side, Side], candidates: Candidates, choice: Choice, conflicts: list[str]) -> None:
    """Write dvc.lock and the reports that belong to it; of what belongs to nothing that was taken, our side's."""
    for path in conflicts:
        content = version(root, path, sides[0].index, sides[0].commit)
        if content is None:
            (root / path).unlink(missing_ok=True)
        else:
            (root / path).write_bytes(content)
    put_reports(root, choice, sides)
    write_lock(root, choice, candidates[0].project.steps)
    for path in sorted(set(conflicts) & set(NOT_DVC)):
        say(f"{path} is no output of a stage: ours is kept")


def _fetch(candidates: Candidates, has_remote: bool) -> None:
    """Put what was taken into the workspace: over what stages wrote, and never over what a person did."""
    how = ("pull", "--run-cache") if has_remote else ("checkout", "--quiet")
    dvc(*how, "--allow-missing", "--force", PIPELINE, quiet=not has_remote)
    for name in (step.name for step in candidates[0].steps.values() if not step.commands):
        dvc(*how, "--allow-missing", name, quiet=not has_remote)


def _tell(taken: dict[str, str], done: Restored) -> None:
    words = {"both": "the same on both sides", "ours": "taken from ours", "theirs": "taken from theirs"}
    for side, how in words.items():
        if names := [name for name, one in taken.items() if one == side]:
            say(f"{how}: {', '.join(names)}")
    for how, names in (("restored", done.restored), ("run again", done.again)):
        if names:
            say(f"{how}: {', '.join(names)}")
    for name, why in done.must.items():
        say(f"must run: {name} {why}")
    rest = "make run finishes it (make plan says what it takes); then " if done.must else ""
    say(f"dvc.lock is settled; {rest}git add dvc.lock reports, and commit")


def say(line: str) -> None:
    print(f"merge-lock: {in_terminal(line, 1000)}", flush=True)


def main() -> None:
    try:
        merge_lock(Path.cwd())
    except Fault as fault:
        sys.exit(f"merge-lock: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("merge-lock: stopped; run it again, it begins anew from what git has of both sides")


if __name__ == "__main__":
    main()
