"""Measure a pass over a day of production logs, beside what one would write instead.

    python -m benchmarks.log_reading [--sizes 100000 1000000] [--pandas 100000]

Prints Markdown. Each way runs in a process of its own, one after the other on the same files, and does the same: counts the requests of a
day, their tokens, and the answers that are not valid. `ours` also leaves out what was read before, tells files and lines, and looks for
what is wrong. Seconds depend on the machine; ratios are what to read.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from benchmarks import production_days

Figures = tuple[int, int, int]


def ours(folder: Path) -> Figures:
    """A pass of ours."""
    from pipeline.production.logs.reading import Logs

    logs = Logs(str(folder), "auto")
    requests = tokens = invalid = 0
    for entry in logs.requests(*production_days.window()):
        requests += 1
        tokens += entry.tokens_in or 0
        invalid += entry.valid is False
    if logs.problems:
        sys.exit(f"benchmark: {logs.problems}")
    return requests, tokens, invalid


def standard(folder: Path) -> Figures:
    """The standard library: a line at a time, and its time compared with the window."""
    since, until = production_days.window()
    requests = tokens = invalid = 0
    for path in sorted(folder.glob("*/requests-*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if since <= datetime.fromisoformat(entry["time"]) < until:
                    requests += 1
                    tokens += entry["tokens_in"]
                    invalid += not entry["valid"]
    return requests, tokens, invalid


def pandas(folder: Path) -> Figures:
    """Frames of pandas, one of all files."""
    import pandas as pd

    since, until = production_days.window()
    frame = pd.concat(pd.read_json(path, lines=True) for path in sorted(folder.glob("*/requests-*.jsonl")))
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    frame = frame[(frame["time"] >= since) & (frame["time"] < until)]
    return len(frame), int(frame["tokens_in"].sum()), int((~frame["valid"].astype(bool)).sum())


WAYS = {"ours": ours, "json": standard, "pandas": pandas}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--pandas", type=int, default=100_000, help="the most requests that pandas is given")
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.way:
        print(*WAYS[arguments.way](arguments.folder))
        return
    print(
        "| requests | MB | way | s | s of a processor | peak GiB | of ours |\n|---|---|---|---|---|---|---|", flush=True
    )
    for count in arguments.sizes:
        with tempfile.TemporaryDirectory() as place:
            _measure(Path(place), count, [way for way in WAYS if way != "pandas" or count <= arguments.pandas])


def _measure(folder: Path, count: int, ways: list[str]) -> None:
    """A row a way; an error where they do not find the same. Other work on the machine moves the seconds, hardly those of a processor."""
    size, found, first = production_days.write(folder, count) / 1e6, set(), 0.0
    for way in ways:
        seconds, busy, memory, said = _timed(way, folder)
        found.add(said)
        first = first or busy
        cells = (
            f"{count:,}",
            f"{size:.0f}",
            way,
            f"{seconds:.1f}",
            f"{busy:.1f}",
            f"{memory:.2f}",
            f"{busy / first:.1f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    if len(found) > 1:
        sys.exit(f"benchmark: the ways differ: {found}")


def _timed(way: str, folder: Path) -> tuple[float, float, float, str]:
    """Seconds, seconds of a processor, peak memory in GiB and output of a process that must succeed."""
    words = [sys.executable, "-m", "benchmarks.log_reading", "--way", way, "--folder", str(folder)]
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit(f"benchmark: {way} failed")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, said


if __name__ == "__main__":
    main()
