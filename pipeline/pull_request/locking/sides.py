"""The two sides of a merge, as git has them: in the index while a conflict is open, else in the commits that are merged."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.pull_request.verifying.locked import LOCK
from pipeline.stage import Fault

HEADS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD")
KEPT = "merge-lock"


@dataclass(frozen=True)
class Side:
    """`name` is git's word for it, `commit` what it is in, `index` its number in git's index."""

    name: str
    commit: str
    index: int
    lock: bytes


def sides_of(root: Path) -> tuple[Side, Side]:
    """Ours and theirs. Raises Fault where nothing is being merged."""
    head = next((name for name in HEADS if git(root, "rev-parse", "--verify", "--quiet", name) is not None), None)
    if head:
        commits = ("HEAD", head)
    elif git(root, "rev-parse", "--verify", "--quiet", "HEAD^2") is not None:
        commits = ("HEAD^1", "HEAD^2")  # just merged: git may have joined two locks without a conflict
    else:
        raise Fault(LOCK, "is not being merged, and the last commit is no merge", "git merge the other branch first")
    ours, theirs = (
        Side(name, commit, index, version(root, LOCK, index, commit) or b"")
        for name, commit, index in (("ours", commits[0], 2), ("theirs", commits[1], 3))
    )
    if not ours.lock and not theirs.lock:
        raise Fault(LOCK, "stands on neither side", "make run")
    return ours, theirs


def version(root: Path, path: str, index: int, commit: str) -> bytes | None:
    """A file of one side; None where it has none."""
    found = git(root, "cat-file", "blob", f":{index}:{path}")
    return found if found is not None else git(root, "cat-file", "blob", f"{commit}:{path}")


def with_digest(root: Path, path: str, digest: str, sides: tuple[Side, Side]) -> bytes | None:
    """The bytes of a file that have this digest: as it stands, or as one of the sides has it."""
    for content in _versions(root, path, sides):
        if content is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() == digest:
            return content
    return None


def _versions(root: Path, path: str, sides: tuple[Side, Side]) -> Iterator[bytes | None]:
    yield (root / path).read_bytes() if (root / path).is_file() else None
    for side in sides:
        yield version(root, path, side.index, side.commit)


def unmerged(root: Path) -> list[str]:
    """The files in which a conflict is open."""
    found = git(root, "diff", "--name-only", "--diff-filter=U", "-z") or b""
    return [name.decode("utf-8", "surrogateescape") for name in found.split(b"\0") if name]


def keep(root: Path, sides: tuple[Side, Side], paths: list[str]) -> Path:
    """Copies of both locks and of the files as they stand, in git's own folder. Returns the folder."""
    place = git(root, "rev-parse", "--absolute-git-dir")
    assert place is not None
    folder = Path(place.decode().strip()) / KEPT
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for side in sides:
        (folder / f"{side.name}.{LOCK}").write_bytes(side.lock)
    for path in (path for path in paths if (root / path).is_file()):
        (folder / "before" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / "before" / path)
    return folder


def git(root: Path, *arguments: str) -> bytes | None:
    """What git says, None where it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
