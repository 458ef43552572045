"""A small project under git, for the tests of what a change does to its data."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from pipeline.data.records import record_id
from pipeline.pull_request.data_diff import data_diff
from pipeline.pull_request.render import markdown
from pipeline.pull_request.revision import revision_of
from tests.desk_project import PARAMS, SCHEMA
from tests.examples import source_entry
from tests.project import ROOT, git

RAW = "data/raw"
NO_CHANGE = "No change in the data."
COST = {"request": "r1", "prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0}


def asked(number, words=8):
    """A question that no other number asks, not even nearly."""
    text = hashlib.sha256(str(number).encode()).hexdigest()
    return " ".join(f"q{text[n * 4 : n * 4 + 4]}" for n in range(words))


def row(question, label="red", **more):
    if isinstance(question, int):
        question = asked(question)
    return {"prompt": question, "completion": json.dumps({"label": label}), **more}


def id_of(one):
    turns = [{"role": "user", "content": one["prompt"]}, {"role": "assistant", "content": one["completion"]}]
    return record_id(turns)


class Repository:
    """A project under git."""

    def __init__(self, folder):
        self.folder = folder
        git(folder, "init", "-q", "-b", "main")
        self.write("params.yaml", PARAMS.replace("languages: [en, hi, mr]", "languages: [en]"))
        self.write("task/answer.schema.json", json.dumps(SCHEMA))
        self.write("task/test_set.txt", "# frozen\n")
        self.write(".gitignore", ".cache/\n")
        self.sources(source_entry("a.jsonl"))

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def rows(self, *rows, name=f"{RAW}/a.jsonl"):
        self.write(name, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows))

    def sources(self, *entries):
        self.write(f"{RAW}/sources.yaml", yaml.safe_dump({"sources": list(entries)}, sort_keys=False))

    def param(self, old, new):
        text = (self.folder / "params.yaml").read_text()
        assert old in text
        self.write("params.yaml", text.replace(old, new))

    def test_set(self, *lines):
        self.write("task/test_set.txt", "".join(f"{line}\n" for line in lines))

    def commit(self, message="a change"):
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def diff(self, base=""):
        """The report, with its page."""
        folder = Path(self.folder / ".cache" / f"try-{len(list(self.folder.glob('.cache/*')))}")
        report = data_diff(revision_of(base, self.folder), self.folder, folder)
        return report, markdown(report)

    def parts(self, base=""):
        return self.diff(base)[0]["parts"]

    def counts(self, base=""):
        rows = self.parts(base).get("rows", {})
        return tuple(rows.get(kind, {}).get("count", 0) for kind in ("added", "removed", "edited"))

    def run(self, *arguments):
        """The command as `make data-diff` runs it."""
        command = [sys.executable, "-m", "pipeline.pull_request.data_diff", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environment, check=False)


def verdict_of(page):
    return page.splitlines()[2]


def ten_rows(folder):
    """A project with ten rows, and one commit."""
    repository = Repository(folder)
    repository.rows(*map(row, range(10)))
    repository.commit("the first")
    return repository


def review(record, decision="approve", reviewer="asha", **more):
    return {"date": "2031-01-02", "record": record, "decision": decision, "reviewer": reviewer, "reason": "", **more}


def reply(seed, message, **more):
    text = json.dumps({"message": message, "answer": {"label": "red"}})
    return {"date": "2031-01-02", "seed": seed, "axis": "tone", "model": "m", "reply": text, **more}
