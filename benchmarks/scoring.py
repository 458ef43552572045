"""Measure scoring: the stage `evaluate` on many predictions, beside the usual way to a number with an interval.

    python -m benchmarks.scoring [--records 2000]

The test set is the sample's, each record many times with another question, and the answers are those that the sample's arms gave; each arm
answers each record. The usual way is what the `rouge` of Hugging Face's `evaluate` does: ROUGE-L of each whole answer, and a bootstrap
of an arm's mean. Each runs in a process of its own. Prints Markdown.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from pipeline.data.records import read_jsonl, read_records, record_id, write_jsonl
from pipeline.stage import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
TAKEN = ("params.yaml", "dvc.yaml", "task", "data/split/train.jsonl", "data/ledgers")
USUAL = """
import json, sys
from rouge_score import rouge_scorer, scoring
scorer = rouge_scorer.RougeScorer(["rougeL"])
wanted = {row["id"]: row["messages"][-1]["content"] for row in map(json.loads, open("data/split/test.jsonl"))}
for arm in sys.argv[1:]:
    found = scoring.BootstrapAggregator()
    for row in map(json.loads, open(f"data/predictions/{arm}/answers.jsonl")):
        found.add_scores(scorer.score(wanted[row["id"]], row["answer"]))
    print(found.aggregate()["rougeL"].mid.fmeasure)
"""


def project(folder: Path, count: int) -> list[str]:
    """A copy of the sample with so many test records; the names of its arms."""
    for name in TAKEN:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    made, origin = [], dict[str, str]()
    records = read_records(ROOT / "data/split/test.jsonl")
    raw = {row["id"]: row for _, row in read_jsonl(ROOT / "data/split/test.jsonl")}
    for number in range(count):
        row = json.loads(json.dumps(raw[records[number % len(records)].id]))
        row["messages"][-2]["content"] += f" ({number})"
        row["group"] = f"{row['group']}-{number}"
        old, row["id"] = row["id"], record_id(row["messages"])
        origin[row["id"]] = old
        made.append(row)
    write_jsonl(folder / "data/split/test.jsonl", made)
    (folder / "data/split/new.jsonl").write_text("")
    (folder / "task/test_set.txt").write_text("".join(f"{one}\n" for one in sorted(origin)))
    arms = sorted(path.name for path in (ROOT / "data/predictions").iterdir() if path.is_dir())
    for arm in arms:
        place = ROOT / "data/predictions" / arm
        answers = {row["id"]: row for _, row in read_jsonl(place / "answers.jsonl") if row["set"] == "test"}
        rows = ({**answers[old], "id": new} for new, old in origin.items())
        write_jsonl(folder / "data/predictions" / arm / "answers.jsonl", rows)
        shutil.copyfile(place / "arm.json", folder / "data/predictions" / arm / "arm.json")
    (folder / "data/classified").mkdir()
    (folder / "data/classified/scores.jsonl").write_text("")
    (folder / "data/classified/classifiers.json").write_text("{}")
    return arms


def timed(command: list[str], folder: Path) -> float:
    began = time.monotonic()
    subprocess.run(
        command, cwd=folder, check=True, env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure scoring.")
    parser.add_argument("--records", type=int, default=2000)
    given = parser.parse_args()
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["evaluate"]["cmd"].split()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = project(folder, given.records)
        (folder / "reports").mkdir()
        ours = timed([sys.executable, *stage[1:]], folder)
        usual = timed([sys.executable, "-c", USUAL, *arms], folder)
    print("| predictions | `evaluate`, s | ROUGE-L with a bootstrap alone, s | ratio |\n|---|---|---|---|")
    print(f"| {given.records * len(arms):,} | {ours:.1f} | {usual:.1f} | {ours / usual:.1f} |")


if __name__ == "__main__":
    main()
