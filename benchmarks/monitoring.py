"""Measure the monitor: made-up days of production of several sizes, looked at from logs to page.

    python -m benchmarks.monitoring [--sizes 250000 500000 1000000]

Prints Markdown. Each size is a process of its own, what the command takes from its start to its end: reading, measures by slice, drift
against 2,000 training examples, the page. Memory is the most that it and its processes held together. Seconds of the wall depend on
what else the machine does; those of the processor less so.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import production_days, rows
from pipeline.data.records import Record, record_id, write_records
from pipeline.stage import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
LEARNT, EVERY_S = 2000, 0.1


def project(folder: Path) -> Path:
    """A project with parameters, schema and training data of the same kind as the questions."""
    (folder / "task").mkdir(parents=True)
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    shutil.copyfile(ROOT / "task/answer.schema.json", folder / "task/answer.schema.json")
    (folder / "pipeline").symlink_to(ROOT / "pipeline")
    subprocess.run(["git", "init", "-q", folder], check=True)
    source = rows.Rows(2)
    write_records(folder / "data/split/train.jsonl", (_learnt(source, number) for number in range(LEARNT)))
    return folder


def _learnt(source: rows.Rows, number: int) -> Record:
    turns = (
        {"role": "user", "content": " ".join(source.message())},
        {"role": "assistant", "content": source.answer()},
    )
    return Record(
        id=record_id(turns),  # type: ignore[arg-type]
        messages=turns,  # type: ignore[arg-type]
        origin="human",
        answered_by="human",
        source=f"chats.jsonl:{number}",
        group=str(number),
        licence="own",
    )


def looked(folder: Path, logs: Path) -> tuple[float, float, float]:
    """Look at a day: seconds of the wall, seconds of the processor, GiB at the most."""
    since, until = (one.isoformat() for one in production_days.window())
    began = time.monotonic()
    command = [sys.executable, "-m", "pipeline.production.monitor", since, until, str(logs)]
    process = psutil.Popen(command, cwd=folder, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL)
    most, taken = 0.0, 0.0
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        held = 0.0
        for one in (process, *process.children(recursive=True)):
            try:
                held += one.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        most = max(most, held)
        time.sleep(EVERY_S)
    _, status, used = os.wait4(process.pid, 0)
    taken = used.ru_utime + used.ru_stime  # with those of its children, which it waited for
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"benchmark: the monitor failed with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, taken, most / 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    print("| requests | MB | s | s of a processor | µs a request | peak GiB |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = project(Path(name) / "project")
        for size in parser.parse_args().sizes:
            logs = Path(name) / f"logs-{size}"
            megabytes = production_days.write(logs, size) / 1e6
            wall, taken, most = looked(folder, logs)
            print(
                f"| {size:,} | {megabytes:,.0f} | {wall:.1f} | {taken:.1f} | {1e6 * taken / size:.1f} | {most:.2f} |",
                flush=True,
            )
            shutil.rmtree(logs)


if __name__ == "__main__":
    main()
