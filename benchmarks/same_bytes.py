"""What the fixed CPU code paths and the determinism of a run cost: optimizer steps of the default training under each setting.

    python -m benchmarks.same_bytes [--rounds 3]

Runs the settings in turn, a process each, and prints seconds and the ratio to torch's own choice, round by round.
"""

import argparse
import os
import statistics
import subprocess
import sys

from pipeline.stage import ENVIRONMENT

STEPS = """
import shutil, time
from pathlib import Path
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import load_params
from pipeline.train import main
params = load_params(TrainParams)
params = params.model_copy(update={"lora": params.lora.model_copy(update={"epochs": 1.0})})
out = Path(".cache/same-bytes")
names = ("data/split/train.jsonl", "data/split/validation.jsonl", "data/split/few_shot/plain.jsonl", "task/prompts/plain.yaml")
began = time.monotonic()
main(params, *map(Path, names), Path("models/base.json"), out)
print(time.monotonic() - began)
shutil.rmtree(out)
"""
CODE_PATHS = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_CBWR")


def seconds(fixed: bool) -> float:
    """Seconds of one epoch in a process of its own, with or without fixed code paths."""
    environment = {**os.environ, **ENVIRONMENT}
    if not fixed:
        environment = {key: value for key, value in environment.items() if key not in CODE_PATHS}
    done = subprocess.run([sys.executable, "-c", STEPS], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="What same bytes cost.")
    parser.add_argument("--rounds", type=int, default=3)
    pairs = [(seconds(fixed=True), seconds(fixed=False)) for _ in range(parser.parse_args().rounds)]
    print(
        f"fixed code paths {statistics.median(a for a, _ in pairs):.1f} s, torch's own {statistics.median(b for _, b in pairs):.1f} s"
    )
    print(f"ratio, median of {len(pairs)} pairs: {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
