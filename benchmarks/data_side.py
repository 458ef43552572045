"""Measure the data side: stages on made-up chats of several sizes, beside what a team would take instead; and planted copies.

    python -m benchmarks.data_side [--sizes 10000 100000 1000000] [--beside 20000 100000]

Prints Markdown. Each stage runs in a process of its own; seconds are the wall's, memory is the peak of that process. The side by
side runs are taken one after the other on the same rows: near-duplicates with `datasketch`, validation with Great Expectations
on a frame of the raw rows. Seconds depend on the machine; ratios are what to read.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import rows
from pipeline.stage import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("ingest", "validate", "synthesize", "split")


def project(folder: Path, count: int) -> Path:
    """A project of its own with so many rows, in the template's layout."""
    for name in ("params.yaml", "dvc.yaml", "task/expectations.json", "models/base.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "models/tiny-base").symlink_to(ROOT / "models/tiny-base")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["synthesize"]["replies"] = 0
    params["validate"]["required_slices"] = {}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    for name in ("data/feedback", "data/ledgers/teacher", "data/ledgers/reviews", "task/probes", "task/cases"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(ROOT / "task/probes", folder / "task/probes", dirs_exist_ok=True)
    (folder / "task/prompts").mkdir()
    for name in ("plain", "engineered"):
        (folder / f"task/prompts/{name}.yaml").write_text("system: Answer as JSON.\nfew_shot: []\n")
    (folder / "task/answer.schema.json").write_text(json.dumps(rows.SCHEMA))
    (folder / "task/test_set.txt").write_text("")
    source = {"file": "chats.jsonl", "origin": "human", "answered_by": "human", "licence": "own", "rights": "made up"}
    rows.write(folder / "data/raw/chats.jsonl", rows.chats(count))
    (folder / "data/raw/sources.yaml").write_text(yaml.safe_dump({"sources": [source]}))
    return folder


def command(stage: str, folder: Path) -> list[str]:
    """What dvc.yaml runs for a stage."""
    text = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"][stage]["cmd"]
    words = text.replace("${arms.tuned.prompt}", "plain").split()
    return [sys.executable, *words[1:]]


def timed(words: list[str], folder: Path) -> tuple[float, float, str]:
    """Seconds, peak memory in GiB, and output of a process that must succeed."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        output.seek(0)
        said = output.read()
    if status:
        sys.exit(f"benchmark: {' '.join(words)} failed:\n{said[-3000:]}")
    return seconds, usage.ru_maxrss / 2**20, said


def freeze(folder: Path, share: float = 0.15) -> None:
    """Draw a test set of that share of the ids, as the template's command would by hash."""
    ids = [json.loads(line)["id"] for line in (folder / "data/validated/records.jsonl").open(encoding="utf-8")]
    chosen = random.Random(0).sample(sorted(ids), int(share * len(ids)))
    (folder / "task/test_set.txt").write_text("\n".join(chosen) + "\n")


def run_stages(count: int) -> dict[str, Any]:
    """Seconds and memory of each stage on so many rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = project(Path(place), count)
        found: dict[str, Any] = {"rows": count, "mb": (folder / "data/raw/chats.jsonl").stat().st_size / 1e6}
        for stage in STAGES:
            seconds, memory, _ = timed(command(stage, folder), folder)
            found[stage] = (seconds, memory)
            if stage == "validate":
                freeze(folder)
        report = json.loads((folder / "reports/ingest.json").read_text())
        found["near"] = report["near_duplicates"]["rows"]
        return found


def beside(count: int) -> dict[str, float]:
    """Seconds of our way and of the other way, one after the other, on the same rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows.write(folder / "chats.jsonl", rows.chats(count))
        (folder / "schema.json").write_text(json.dumps(rows.SCHEMA))
        found = {}
        for name in ("near_ours", "near_datasketch", "valid_ours", "valid_gx"):
            seconds, _, said = timed([sys.executable, "-m", "benchmarks.other_ways", name], folder)
            found[name] = float(said.split()[-1])
            found[f"{name}_process"] = seconds
        return found


def planted(count: int = 20_000, copies: int = 400) -> dict[str, Any]:
    """How many one-word edits are found among distinct rows, and how many pairs are found that are none."""
    from pipeline.data.likeness.near import Texts, near_pairs

    source, texts, wanted = rows.Rows(7), Texts(), set()
    messages = [source.message() for _ in range(count - copies)]
    for number, words in enumerate(source.rng.sample(list(enumerate(messages)), copies)):
        place, original = words
        wanted.add((place, len(messages)))
        messages.append(rows.edited(original, number, source.rng))
    for message in messages:
        texts.add(" ".join(message))
    found = {(pair.first, pair.second) for pair in near_pairs(texts, 0.65, texts.template())}
    return {"rows": count, "planted": copies, "found": len(found & wanted), "false": len(found - wanted)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--beside", type=int, nargs="*", default=[20_000, 100_000])
    arguments = parser.parse_args()
    print("| rows | MB | " + " | ".join(f"{stage} s / GiB" for stage in STAGES) + " | ingest + split s | all s |")
    print("|---" * (len(STAGES) + 4) + "|")
    for count in arguments.sizes:
        found = run_stages(count)
        cells = [f"{found[stage][0]:.1f} / {found[stage][1]:.2f}" for stage in STAGES]
        spine = found["ingest"][0] + found["split"][0]
        total = sum(found[stage][0] for stage in STAGES)
        print(f"| {count:,} | {found['mb']:.0f} | {' | '.join(cells)} | {spine:.1f} | {total:.1f} |", flush=True)
    for count in arguments.beside:
        found = beside(count)
        for work, other in (("near", "datasketch"), ("valid", "gx")):
            ours, theirs = found[f"{work}_ours"], found[f"{work}_{other}"]
            print(
                f"{work}, {count:,} rows: ours {ours:.2f} s, {other} {theirs:.2f} s, ratio {theirs / ours:.1f}",
                flush=True,
            )
    print(f"planted: {planted()}")


if __name__ == "__main__":
    main()
