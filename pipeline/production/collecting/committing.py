"""The commit of a run: on a branch of its own, of its own files alone, with a message that says what it is."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.inputs import CASES, FEEDBACK, PROPOSED, REVIEWS
from pipeline.production.collecting.filing import INCIDENTS
from pipeline.stage import Fault

OURS = (PROPOSED, REVIEWS, FEEDBACK, CASES / INCIDENTS)
PREFIX = "feedback/"
BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")  # who commits in a workflow


def check_tree() -> None:
    """Raises Fault where a file that is none of ours is changed: it would be carried to the branch, or go into the commit."""
    changed = _git("status", "--porcelain", "-z", "--untracked-files=no").split("\0")
    for entry in changed:
        name = Path(entry[3:])
        if entry[2:3] == " " and not any(name == ours or name.is_relative_to(ours) for ours in OURS):
            raise Fault(
                name, "is changed and not committed", "commit or stash it, or COMMIT=no leaves all in the work tree"
            )


@dataclass(frozen=True)
class Branch:
    """The branch that is taken out, and what was before, "" where it was there already."""

    name: str
    before: str = ""

    def leave(self) -> None:
        """Go back where the branch was made for nothing."""
        if self.before:
            _git("switch", "--quiet", *(() if _is_branch(self.before) else ("--detach",)), self.before)
            _git("branch", "--quiet", "-D", self.name)


def take_branch(day: str) -> Branch:
    """Be on a branch for feedback: the one that is taken out where it is one, else that of the day, which is made where it is not there."""
    here = _git("rev-parse", "--abbrev-ref", "HEAD").strip()
    if here.startswith(PREFIX):
        return Branch(here)
    name, is_there = f"{PREFIX}{day}", _is_branch(f"{PREFIX}{day}")
    before = revision() if here == "HEAD" else here
    switched = _done("switch", "--quiet", *(() if is_there else ("--create",)), name)
    if switched.returncode:
        said = " ".join(switched.stderr.split())[-200:]
        raise Fault(name, f"cannot be taken out ({said})", "commit or stash what is in the way")
    return Branch(name, "" if is_there else before)


def _is_branch(name: str) -> bool:
    return _done("rev-parse", "--verify", "--quiet", f"refs/heads/{name}").returncode == 0


def commit(message: str) -> str | None:
    """Commit what changed of our files; the commit, None where nothing did. Raises Fault where git does not commit."""
    _git("add", "--all", "--", *(str(path) for path in OURS if path.exists() or _is_tracked(path)))
    if _done("diff", "--cached", "--quiet").returncode == 0:
        return None
    done = _done(*_who(), "commit", "--quiet", "-m", message)
    if done.returncode:
        said = " ".join(done.stderr.split())[-200:]
        raise Fault("git", f"did not commit ({said})", "mend it, and run make feedback again")
    return _git("rev-parse", "HEAD").strip()


def revision() -> str:
    """The commit that is taken out, "" before the first one."""
    found = _done("rev-parse", "--verify", "--quiet", "HEAD")
    return found.stdout.strip()


def _is_tracked(path: Path) -> bool:
    return bool(_git("ls-files", "--", str(path)))


def _who() -> Iterable[str]:
    """In a workflow nobody has told git a name."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or _done("config", "user.name").stdout.strip():
        return ()
    return ("-c", f"user.name={BOT[0]}", "-c", f"user.email={BOT[1]}")


def _git(*arguments: str) -> str:
    done = _done(*arguments)
    if done.returncode:
        raise Fault(
            Path.cwd().name, f"git {arguments[0]} fails here", "run it in a clone of the project, or with COMMIT=no"
        )
    return done.stdout


def _done(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
