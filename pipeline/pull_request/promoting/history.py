"""What was accepted before, as git has it: the commits of the main line that changed `models/accepted.dvc`, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.accepted import POINTER, RECORD, Pointer, Record, pointer_of, record_of
from pipeline.pull_request.revision import git, is_shallow
from pipeline.stage import Fault


@dataclass(frozen=True)
class Past:
    """The accepted model of a commit."""

    commit: str
    pointer: Pointer
    record: Record


def head_of(root: Path) -> str:
    """The commit that is checked out. Raises Fault where there is none."""
    commit = git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if commit is None:
        raise Fault(root, "is no git repository with a commit", "run it in a clone of the project")
    return commit.strip()


def at(commit: str, root: Path) -> Past | None:
    """The accepted model of a commit, None where it has none. Raises Fault where its two files are not of one model."""
    text, told = (git(root, "show", f"{commit}:{name}") for name in (POINTER, RECORD))
    if text is None:
        return None
    place = f"{commit[:12]}: {POINTER}"
    if told is None:
        raise Fault(place, f"stands there without {RECORD.name}", "name another commit")
    past = Past(commit, pointer_of(text, place), record_of(told, f"{commit[:12]}: {RECORD}"))
    if past.record.model != past.pointer.digest:
        raise Fault(place, f"is not of the model that {RECORD.name} tells of", "name another commit")
    return past


def accepted_before(root: Path) -> Iterator[Past]:
    """The accepted model of each commit of the main line that set one, newest first."""
    listed = git(root, "log", "--first-parent", "--format=%H", "HEAD", "--", POINTER.as_posix()) or ""
    for commit in listed.split():
        if past := at(commit, root):
            yield past


def before(current: Pointer, root: Path) -> Past:
    """The model that was in production before the current one was promoted: a rollback of a rollback goes on to what was before.

    Raises Fault where there was none.
    """
    is_after = True
    for past in accepted_before(root):
        if past.pointer.digest != current.digest:
            if not is_after:
                return past
        elif past.record.rolled_back_from is None:
            is_after = False
    if is_shallow(root):
        raise Fault(
            root, "is a clone without its history", "git fetch --unshallow, or name a commit with TO=<revision>"
        )
    remedy = "promote another one, or take the arm out of production by hand"
    raise Fault(POINTER, "names the first accepted model: there was none before it", remedy)
