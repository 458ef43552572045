"""A small team's project that learns: five colours in sentences, and a model of one layer that is taught to name them in seconds."""

import csv
from pathlib import Path

from tests.project import COLOURS, copy_of_repository, git, random_model, run, set_param, write_task

ROWS = 480
SOURCE, LATER = Path("data/raw/colours.csv"), Path("data/raw/later.csv")
RULES = """  rules:
    - {rule: comparison, metric: format_accuracy, against: prompted, needs: better, margin: 0.0, on_cannot_tell: fail}
    - {rule: comparison, metric: exact_label, against: accepted, needs: no_worse, margin: 0.2, on_cannot_tell: fail}
    - {rule: target, metric: exact_label, needs: no_worse, margin: 0.15, on_cannot_tell: fail}
    - {rule: cases}

"""
SETTINGS = {
    "min_examples": 20,
    "phases": "[full]",
    "epochs": 3,
    "learning_rate": 0.005,
    "max_new_tokens": 12,
    "threads": 1,
    "patience": 0,
}


def start(folder: Path, words: tuple[str, ...] = COLOURS) -> Path:
    """The team's start, committed, before there are any examples: task, rules, targets and a random base.

    Each of `words` is a token to it.
    """
    copy_of_repository(folder)
    run(folder, "-m", "pipeline.desk.new", "colours")
    write_task(folder, [])
    for name in ("texts/general.jsonl", "replay/general.jsonl", "replay/prose.jsonl"):  # few, since each arm reads them
        path = folder / "task" / name
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:8]))
    random_model(folder / "models/random", hidden=64, layers=1, words=words)
    run(folder, "-m", "pipeline.desk.base", "models/random")
    for key, value in SETTINGS.items():
        set_param(folder, key, value)
    params = folder / "params.yaml"
    before, _, rest = params.read_text().partition("  rules: ")
    text = before + RULES + rest.partition("\n\n")[2]
    params.write_text(text.replace("    format_accuracy: 0.9\n", "    format_accuracy: 0.9\n    exact_label: 0.9\n", 1))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "our own start")
    return folder


def write_rows(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)


def read_rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def add_source(folder: Path, source: Path, rows: list[tuple[str, str]]) -> None:
    """A file of examples, entered as the README says."""
    write_rows(folder / source, rows)
    run(folder, "-m", "pipeline.desk.add_source", str(source))
