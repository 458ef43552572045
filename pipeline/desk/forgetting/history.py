"""What git remembers: each version of a file that a branch, a tag or a stash still reaches, and the commit that brought it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import Fault

LINK = "160000"  # the mode of a submodule
FIELDS = ("%H", "%P", "%ad", "%s")
LOG = (
    "log",
    "--all",
    "--full-history",
    "--topo-order",
    "--reverse",
    "-m",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
)


@dataclass(frozen=True)
class Commit:
    """A commit as a person knows it; `subject` is untrusted text."""

    sha: str
    parents: str
    date: str
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:10]

    @property
    def line(self) -> str:
        return f"{self.short} {self.date} {self.subject}"

    @property
    def is_merge(self) -> bool:
        return " " in self.parents


@dataclass(frozen=True)
class Version:
    """The content of a file that a commit brought."""

    commit: Commit
    path: str
    blob: str


def git(*arguments: str) -> str:
    """What git says. Raises Fault where it fails."""
    done = subprocess.run(["git", "--no-optional-locks", *arguments], capture_output=True, check=False)
    if done.returncode:
        raise Fault(Path.cwd(), f"git {arguments[0]} fails here", "run make forget in a clone of the project")
    return done.stdout.decode("utf-8", "replace")


def versions(*patterns: str) -> Iterator[Version]:
    """Each content of each file under the patterns, with each commit that brought it; parents come before their children."""
    form = "%x01" + "%x02".join(FIELDS)
    seen: set[tuple[str, str]] = set()
    commit, entry = None, ""
    for part in git(*LOG, "--relative", "--date=short", f"--format={form}", "--", *patterns).split("\0"):
        if part.startswith("\x01"):
            commit, entry = Commit(*part[1:].rstrip("\n").split("\x02", len(FIELDS) - 1)), ""
        elif part.lstrip("\n").startswith(":") and not entry:
            entry = part.lstrip("\n:")
        elif entry and commit is not None:
            _, mode, _, blob, _ = entry.split(" ", 4)
            entry = ""
            is_new = not commit.is_merge or (part, blob) not in seen
            if set(blob) != {"0"} and mode != LINK and is_new:
                seen.add((part, blob))
                yield Version(commit, part, blob)


def save(blob: str, path: Path) -> Path:
    """Write a content to a file, which it gives back."""
    with path.open("wb") as file:
        done = subprocess.run(["git", "cat-file", "blob", blob], stdout=file, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Fault(blob[:12], "is not in this clone", "fetch the whole history: git fetch --unshallow")
    return path


def changed(*folders: str) -> list[str]:
    """Paths under the folders that are not as the last commit has them, files that git does not know among them."""
    parts = git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *folders).split("\0")
    return [part[3:] for part in parts if part]


def is_shallow() -> bool:
    return git("rev-parse", "--is-shallow-repository").strip() == "true"
