"""Measure the default pipeline in a fresh clone of HEAD: first run, second run against bare DVC, a changed knob and back.

    python -m benchmarks.default_run [--pairs 7]

Prints Markdown. Seconds depend on the machine; ratios are taken in pairs, one after the other, since machines are shared.
"""

import argparse
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.stage import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
RUN = [sys.executable, "-m", "pipeline.desk.run"]
BARE = [sys.executable, "-m", "dvc", "repro"]


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds and standard output of a command that must succeed."""
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark: {' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - began, done.stdout


def stages_run(output: str) -> list[str]:
    """Names of the stages that DVC ran."""
    return re.findall(r"Running stage '([^']+)'", output)


def set_rate(folder: Path, rate: str) -> None:
    """Write the learning rate of the phase `lora`."""
    params = folder / "params.yaml"
    params.write_text(re.sub(r"(  lora:\n(?:    .*\n)*?    learning_rate:) \S+", rf"\1 {rate}", params.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the default pipeline in a fresh clone.")
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        committed = hashlib.sha256((folder / "dvc.lock").read_bytes()).hexdigest()
        first, output = timed(RUN, folder)
        lock = hashlib.sha256((folder / "dvc.lock").read_bytes()).hexdigest()
        times = [(timed(RUN, folder)[0], timed(BARE, folder)[0]) for _ in range(pairs)]
        rate = re.search(r"  learning_rate: (\S+)", (folder / "params.yaml").read_text())
        set_rate(folder, "0.0019")
        changed, changed_output = timed(RUN, folder)
        set_rate(folder, rate[1] if rate else "")
        back, back_output = timed(RUN, folder)
    print(f"| first run of a fresh clone, after the install | {first:.0f} s, {len(stages_run(output))} stages |")
    print(f"| dvc.lock after it is the committed one | {'yes' if lock == committed else 'no'} |")
    print(f"| run when nothing changed, median of {pairs} | {statistics.median(a for a, _ in times):.2f} s |")
    print(f"| bare dvc repro, median of {pairs} | {statistics.median(b for _, b in times):.2f} s |")
    print(f"| their ratio, median of pairs | {statistics.median(a / b for a, b in times):.2f} |")
    print(f"| another learning rate reruns | {', '.join(stages_run(changed_output))} ({changed:.0f} s) |")
    print(f"| the old rate again reruns | {', '.join(stages_run(back_output)) or 'nothing'} ({back:.1f} s) |")


if __name__ == "__main__":
    main()
