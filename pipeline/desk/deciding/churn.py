"""How fast the wanted behaviour changes: what git says of the task's files."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

# What says how the model is to behave. Probes, general texts and the frozen ids do not.
BEHAVIOUR = ("task/README.md", "task/answer.schema.json", "task/prompts", "task/cases")


@dataclass(frozen=True)
class Churn:
    """What changed in so many days: commits, lines that came and lines that went, and the lines that are there."""

    days: int
    commits: int
    changed: int
    lines: int

    @property
    def share(self) -> float:
        return self.changed / max(1, self.lines)


def churn(repository: Path, days: int, now: datetime) -> Churn | str:
    """The churn of the last days before `now`, or why git cannot tell it, in words."""
    shallow = _git(repository, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        return "this is no git repository, or git is not installed"
    if shallow.strip() == "true":
        return "this clone has no whole history; run git fetch --unshallow"
    first = _git(repository, "log", "--max-parents=0", "--format=%ct", "HEAD")
    if not first:
        return "there is no commit yet"
    since = now - timedelta(days=days)
    age = now - datetime.fromtimestamp(min(map(int, filter(str.isdecimal, first.split()))), UTC)
    if age < timedelta(days=days):
        return f"the history is {max(0, age.days)} days old, and {days} are looked at"
    log = _git(
        repository,
        "log",
        "--no-merges",
        f"--since={since.isoformat()}",
        "--format=tformat:@",
        "--numstat",
        "--",
        *BEHAVIOUR,
    )
    if log is None:
        return "git cannot read its history; run git fsck"
    commits, changed = _counted(log)
    return Churn(days, commits, changed, sum(map(_lines, _files(repository))))


def _counted(log: str) -> tuple[int, int]:
    """Commits, and lines that came and went in them; of a file that is no text git counts none."""
    rows = [line.split("\t") for line in log.splitlines()]
    counts = [int(cell) for row in rows if len(row) == 3 for cell in row[:2] if cell.isdecimal()]
    return sum(row == ["@"] for row in rows), sum(counts)


def _files(repository: Path) -> list[Path]:
    """The files of the task as they are now."""
    places = [repository / name for name in BEHAVIOUR]
    return [path for place in places for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file()]


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def _git(repository: Path, *arguments: str) -> str | None:
    """What git says; None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
