"""A small project under git and the real DVC, with test set, answers and reports as if it had been run, for the tests of make compare."""

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from dvc.repo import Repo

from pipeline.data.records import digest, write_jsonl, write_records
from pipeline.pull_request.compare import compared
from pipeline.pull_request.revision import revision_of
from tests.examples import record
from tests.project import ROOT, git
from tests.verified_project import dvc

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["red", "blue"]}},
    "required": ["label"],
    "additionalProperties": False,
}
DECODING = {"greedy": True, "max_new_tokens": 8}
PARAMS = {
    "arms": {
        "base": {"model": "models/base.json", "prompt": "plain"},
        "tuned": {"model": "models/adapter", "prompt": "plain"},
    },
    "predict": {"max_new_tokens": 8},
    "evaluate": {"margin": 0.05, "prohibited": [], "shown": 4, "targets": {"format_accuracy": 0.9}},
    "regress": {"margin": 0.06, "text_margin": 0.03},
}
PIPELINE = {
    "stages": {
        "split": {"cmd": "false", "deps": ["task/test_set.txt"], "outs": ["data/split"]},
        "train": {"cmd": "false", "deps": ["data/split"], "outs": ["models/adapter"]},
        "predict": {
            "foreach": "${arms}",
            "do": {
                "cmd": "false ${key}",
                "deps": ["data/split/test.jsonl", "task/prompts/${item.prompt}.yaml", "pipeline/predict.py"],
                "params": ["predict"],
                "outs": ["data/predictions/${key}"],
            },
        },
    }
}


def example(number, label="red", **more):
    return record(f"which colour has number {number}?", json.dumps({"label": label}), **more)


def right(one):
    return one.answer


def wrong(one):
    return json.dumps({"label": {"red": "blue", "blue": "red"}[json.loads(one.answer)["label"]]})


class Compared:
    """A project whose run is written by hand and committed to DVC by DVC."""

    def __init__(self, folder: Path):
        self.folder, self.params = folder, json.loads(json.dumps(PARAMS))
        git(folder, "init", "-q", "-b", "main")
        with contextlib.chdir(folder):
            Repo.init().close()
        for name in ("pipeline/scoring", "pipeline/data", "requirements"):
            (folder / name).mkdir(parents=True)
        for path in [*(ROOT / "pipeline/scoring").glob("*.py"), ROOT / "pipeline/data/answers.py"]:
            shutil.copy(path, folder / path.relative_to(ROOT))
        self.write("requirements/data.txt", "a==1\n")
        self.write("pipeline/predict.py", "# asks\n")
        self.write("dvc.yaml", yaml.safe_dump(PIPELINE))
        self.write(".gitignore", ".cache/\n")
        self.write("models/base.json", "{}\n")
        self.prompt("Name the colour.")
        self.schema(SCHEMA)
        self.tests, self.waiting = [example(number) for number in range(20)], []
        self.probes = [
            {"id": f"p{n}", "skill": "s", "messages": self.asked(f"say {n}"), "check": check(n)} for n in range(8)
        ]
        self.cases = [{"id": "stays", "why": "w", "messages": self.asked("a red door"), "check": check("red")}]
        self.texts = [{"id": f"t{n}", "text": f"prose {n}"} for n in range(8)]
        self.arms = {"base": ("m0", wrong), "tuned": ("m1", right)}
        self.decoding = dict(DECODING)

    @staticmethod
    def asked(text):
        return [{"role": "user", "content": text}]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def schema(self, schema):
        self.write("task/answer.schema.json", json.dumps(schema))

    def prompt(self, system):
        self.system = system
        self.write("task/prompts/plain.yaml", json.dumps({"system": system, "few_shot": []}))

    def model(self, identity, answer, arm="tuned"):
        """What an arm's model is, and how it answers a test example."""
        self.arms[arm] = (identity, answer)

    def predict(self, folder, identity, answer, examples=None, prompt=None, questions=True):
        """The predictions of a model, as the stage would write them."""
        tests, waiting = examples or (self.tests, self.waiting)
        rows = [
            {"set": name, "id": one.id, "answer": answer(one)}
            for name, records in (("test", tests), ("new", waiting))
            for one in records
        ]
        if questions:
            rows += [{"set": "probe", "id": one["id"], "answer": str(one["check"]["value"])} for one in self.probes]
            rows += [{"set": "case", "id": one["id"], "answer": str(one["check"]["value"])} for one in self.cases]
            told = [{"id": one["id"], "log_likelihood": -1.0, "tokens": 4} for one in self.texts]
            write_jsonl(folder / "texts.jsonl", told)
        write_jsonl(folder / "answers.jsonl", rows)
        facts = {"model": identity, "prompt": prompt or digest([self.system, []]), "decoding": self.decoding}
        (folder / "arm.json").write_text(json.dumps({"arm": folder.name, **facts}))
        return facts

    def run(self):
        """Write what a run would, reports too, and commit it to DVC."""
        self.write("params.yaml", yaml.safe_dump(self.params))
        self.write("task/test_set.txt", "".join(f"{one.id}\n" for one in self.tests))
        for name, rows in (("probes", self.probes), ("cases", self.cases), ("texts", self.texts)):
            write_jsonl(self.folder / f"task/{name}/all.jsonl", rows)
        write_records(self.folder / "data/split/test.jsonl", self.tests)
        write_records(self.folder / "data/split/new.jsonl", self.waiting)
        self.write("models/adapter/weights", self.arms["tuned"][0])
        self.write("data/split/few_shot/plain.jsonl", "\n")
        facts = {
            name: self.predict(self.folder / "data/predictions" / name, identity, answer)
            for name, (identity, answer) in self.arms.items()
        }
        mean = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": len(self.tests), "effective_n": float(len(self.tests))}
        means = {name: {"exact_label": mean} for name in self.arms}
        self.write("reports/comparison.json", json.dumps({"arms": means, "yardstick": facts}))
        with dvc(self.folder) as repo:
            repo.commit(None, force=True)
        return self

    def commit(self, message="a run"):
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def page(self, base="HEAD"):
        place = self.folder / ".cache" / f"try-{len(list(self.folder.glob('.cache/try-*')))}"
        return compared(revision_of(base, self.folder), self.folder, place)

    def command(self, *arguments):
        """The command as `make compare` runs it."""
        command = [sys.executable, "-m", "pipeline.pull_request.compare", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environment, check=False)

    def forget_objects(self, path):
        """Take an output of the last commit's lock out of DVC's cache."""
        lock = yaml.safe_load(git(self.folder, "show", "HEAD:dvc.lock"))
        outs = [out for stage in lock["stages"].values() for out in stage["outs"]]
        digest = next(out["md5"] for out in outs if out["path"] == path)
        (self.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()


def check(value):
    return {"kind": "exact", "value": str(value)}


def copied(project, folder):
    """A project of its own, the cache included."""
    shutil.copytree(project.folder, folder, symlinks=True)
    other = copy.deepcopy(project)
    other.folder = folder
    return other


def run_once(folder):
    """A project that was run once and committed."""
    project = Compared(folder)
    project.run()
    project.commit("the first run")
    return project
