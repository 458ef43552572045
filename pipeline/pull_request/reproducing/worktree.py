"""A commit laid out as a work tree of its own, which is gone afterwards, however the command ends."""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.stage import Fault

PLACE = Path(".cache/reproduce")  # on the disk of the project, where DVC can link into its cache
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def worktree(commit: str, root: Path) -> Iterator[Path]:
    """The files of a commit in a folder; what is beside it, at its parent, is deleted with it. Raises Fault where one is in use."""
    place = (root / PLACE).resolve()
    place.parent.mkdir(exist_ok=True)
    with _alone(place.with_suffix(".lock")), _told_to_end():
        _clear(place, root)  # of a command that was killed
        try:
            place.mkdir()
            tree = place / "tree"
            _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            yield tree
        finally:
            with _deaf():
                _clear(place, root)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One at a time, so that what stands there when a command begins is of one that was killed."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Fault(PLACE, "is in use by another such command", "wait until it is done") from None
        yield


@contextmanager
def _told_to_end() -> Iterator[None]:
    """End at SIGTERM as at Ctrl-C: with what stands in `finally`."""

    earlier = {number: signal.signal(number, signal.default_int_handler) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    """A second Ctrl-C does not stop the cleaning."""
    earlier = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _clear(place: Path, root: Path) -> None:
    """Delete the folder, and git's note of it; notes of other work trees stay."""
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)  # a stage may have made a folder that nothing can be deleted from
    shutil.rmtree(place, ignore_errors=True)
    noted = subprocess.run(
        ["git", "worktree", "list", "--porcelain"], cwd=root, capture_output=True, check=False
    ).stdout
    if f"worktree {place}/tree\n".encode() in noted:
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(place / "tree")], cwd=root, capture_output=True, check=False
        )


def _git(root: Path, *arguments: str) -> None:
    """Run git without the project's hooks. Raises Fault with its last line."""
    done = subprocess.run(
        ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise Fault("git worktree add", f"failed ({words})", "mend it; git fsck, or fetch the whole history")
