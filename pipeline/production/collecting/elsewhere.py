"""Candidates on branches of feedback that are not merged yet, here or at a remote as git last saw it: they are not proposed again."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.data.candidates import Placed, read_candidates
from pipeline.stage import Fault

REFS = ("refs/heads/feedback", "refs/remotes/*/feedback")


def candidates_elsewhere(folder: Path) -> dict[str, Placed]:
    """The candidates that other branches hold in that folder, by record; none outside git, and none that nobody can read."""
    found: dict[str, Placed] = {}
    for ref in _git("for-each-ref", "--format=%(refname)", *REFS).split():
        with TemporaryDirectory() as scratch:
            for name in _git("ls-tree", "-r", "--name-only", "-z", ref, "--", folder.as_posix()).split("\0"):
                if name.endswith(".jsonl"):
                    (Path(scratch) / Path(name).name).write_text(_git("show", f"{ref}:{name}"), encoding="utf-8")
            try:
                found |= {key: (ref, one) for key, (_, one) in read_candidates(Path(scratch)).items()}
            except Fault:
                continue  # a ledger of an older form: it is read once somebody has mended it on its branch
    return found


def _git(*arguments: str) -> str:
    """What git says, "" where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
