"""How many candidates this test set has judged: the best of many is partly the luckiest, so a test set wears out."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPORT = Path("reports/comparison.json")
TUNED = "tuned"
MOST = 500  # versions of the report that are looked at, the newest first


def candidates(repository: Path) -> int:
    """Different tuned models in the versions of the comparison that git has, and in today's, on the test set of today's.

    0 where there is no report yet, or one of an older version.
    """
    path = repository / REPORT
    today = _read(path.read_bytes()) if path.is_file() else None
    if not today or "test_set" not in today or TUNED not in today.get("yardstick", {}):
        return 0
    found = [today, *(_versions(repository))]
    return len({one["yardstick"][TUNED]["model"] for one in found if _is_of(one, today["test_set"])})


def _is_of(report: dict[str, Any] | None, test_set: str) -> bool:
    if report is None or report.get("test_set") != test_set:
        return False
    return "model" in report.get("yardstick", {}).get(TUNED, {})


def _versions(repository: Path) -> Iterator[Any]:
    log = _git(repository, "log", "--all", f"-n{MOST}", "--format=%H", "--", str(REPORT))
    names = "".join(f"{commit}:{REPORT}\n" for commit in log.decode().split())
    if names:
        blobs = {line.split()[0] for line in _git(repository, "cat-file", "--batch-check", given=names).splitlines()}
        yield from (_read(_git(repository, "cat-file", "blob", blob.decode())) for blob in sorted(blobs))


def _git(repository: Path, *arguments: str, given: str = "") -> bytes:
    """What git says; nothing where there is no repository, or no git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=repository, input=given.encode(), capture_output=True, check=False
        )
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""


def _read(text: bytes) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
