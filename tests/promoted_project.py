"""A small project under git and the real DVC that a model can be promoted in: every stage is cheap, and the reports are right."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.project import ROOT, git
from tests.verified_project import dvc

STEP = '''"""One stage of the tests, by its name; a model is the answers that it has learnt by heart."""
import json, sys
from pathlib import Path

name, *rest = sys.argv[1:]
def write(path, value):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value, indent=2, sort_keys=True) + "\\n")

if name == "split":
    rows = Path("data/raw/rows.txt").read_text().split()
    for prompt in Path("task/prompts").glob("*.yaml"):
        write(f"data/split/few_shot/{prompt.stem}.jsonl", 0)
        Path(f"data/split/few_shot/{prompt.stem}.jsonl").write_text("")
    write("data/split/train.json", rows)
elif name == "train":
    rows, out = json.loads(Path("data/split/train.json").read_text()), Path("models/adapter")
    write(out / "weights.json", {"right": len(rows)})
    write(out / "phases.json", {"phases": [{"name": "lora", "folder": "", "kind": "adapter", "on": ""}]})
    for source, place in (("models/base.json", "base.json"), ("task/prompts/plain.yaml", "prompt.yaml")):
        (out / place).write_bytes(Path(source).read_bytes())
elif name == "predict":
    arm, model, prompt = rest[0], Path(rest[1]), Path(rest[2])
    from pipeline.data.records import digest
    from pipeline.model.carried import wording

    worded, shown = wording(prompt, Path(rest[3]), model)
    right = json.loads((model / "weights.json").read_text())["right"] if model.is_dir() else 0
    out = Path("data/predictions") / arm
    out.mkdir(parents=True)
    rows = [{"set": "test", "id": str(n), "answer": worded.system.strip() + str(n < right)} for n in range(100)]
    (out / "answers.jsonl").write_text("".join(json.dumps(row, sort_keys=True) + "\\n" for row in rows))
    facts = {"model": digest([right]), "prompt": digest([worded.system, [one.id for one in shown]])}
    write(out / "arm.json", {"arm": arm, **facts, "decoding": {"greedy": True}})
elif name == "classify":
    write("data/classified/scores.json", [])
elif name == "evaluate":
    from pipeline.data.splitting.test_set import TestSet
    from pipeline.data.yardstick import of_test_set
    from pipeline.scoring.many_comparisons import row
    from pipeline.scoring.paired import compare
    from pipeline.scoring.rates import estimate

    scores = {}
    for folder in sorted(one for one in Path("data/predictions").iterdir() if one.is_dir()):
        rows = map(json.loads, (folder / "answers.jsonl").read_text().splitlines())
        scores[folder.name] = [float(row["answer"].endswith("True")) for row in rows]
    groups = [str(n) for n in range(100)]
    arms = {arm: {"exact": {k: round(v, 4) for k, v in vars(estimate(found, groups)).items()}} for arm, found in scores.items()}
    pairs = {}
    for arm in scores:
        if arm != "tuned":
            found = compare(scores["tuned"], scores[arm], groups, 0.05)
            pairs[f"tuned against {arm}"] = {"exact": row(found, found.p)}
    report = {"arms": arms, "pairs": pairs, "targets": {}, "test_set": of_test_set(TestSet.load(Path("task/test_set.txt")))}
    write("reports/comparison.json", {**report, "judge": {"pairs": {}}})
    write("reports/evaluation.json", {arm: {"exact": one["exact"]["mean"]} for arm, one in arms.items()})
elif name == "regress":
    from pipeline.data.questions import read_questions
    from pipeline.data.yardstick import of_questions

    arms = [one.name for one in sorted(Path("data/predictions").iterdir()) if one.is_dir()]
    asked = [*read_questions(Path("task/probes")), *read_questions(Path("task/cases"))]
    write("reports/forgetting.json", {"cases_failed": {arm: [] for arm in arms}, "n_cases": 1, "questions": of_questions(asked)})
'''
PIPELINE = """stages:
  split:
    cmd: python code/step.py split
    deps: [data/raw/rows.txt, task/prompts, code/step.py]
    outs: [data/split]
  train:
    cmd: python code/step.py train
    deps: [data/split/train.json, "task/prompts/${arms.tuned.prompt}.yaml", models/base.json, code/step.py]
    outs: [models/adapter]
  predict:
    foreach: ${arms}
    do:
      cmd: python code/step.py predict ${key} ${item.model} task/prompts/${item.prompt}.yaml data/split/few_shot/${item.prompt}.jsonl
      deps: ["${item.model}", "task/prompts/${item.prompt}.yaml", "data/split/few_shot/${item.prompt}.jsonl", code/step.py]
      outs: ["data/predictions/${key}"]
  classify:
    cmd: python code/step.py classify
    deps: [data/predictions, code/step.py]
    outs: [data/classified]
  evaluate:
    cmd: python code/step.py evaluate
    deps: [data/predictions, data/classified, task/test_set.txt, code/step.py]
    metrics: [reports/evaluation.json: {cache: false}]
    plots: [reports/comparison.json: {cache: false}]
  regress:
    cmd: python code/step.py regress
    deps: [data/predictions, task/probes, task/cases, code/step.py]
    plots: [reports/forgetting.json: {cache: false}]
"""
RULES = """gate:                       # what make gate holds the reports to (docs/evaluation.md)
  rules:
    - {rule: comparison, metric: exact, against: base, needs: better, margin: 0.0, on_cannot_tell: fail}
    - {rule: comparison, metric: exact, against: accepted, needs: no_worse, margin: 0.1, on_cannot_tell: fail}

"""
QUESTION = '{"id": "a", "messages": [{"role": "user", "content": "x"}], "check": {"kind": "exact", "value": "x"}}\n'
BASE = '{"model": "models/toy", "revision": "", "licence": "own", "files": {"config.json": "0"}}\n'


def params() -> str:
    """This repository's parameters, remarks and all, with two arms, rules of two lines and no target."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^  prompted:\n    model: [^\n]*\n    prompt: [^\n]*\n", "", text)
    text = re.sub(r"(?ms)^  accepted:[^\n]*\n    model: [^\n]*\n    prompt: [^\n]*\n", "", text)
    text = re.sub(r"(?ms)^gate:.*?(?=^checklist:)", RULES, text)
    return re.sub(r"(  targets:)\n(    \S+: .*\n)+", r"\1 {}\n", text)


class Promoted:
    """A project in a folder, with commands run as make runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def lock(self) -> dict:
        return yaml.safe_load(self.read("dvc.lock"))["stages"]

    def listed(self, path: str) -> dict[str, str]:
        """The digest of each file of a folder that a stage wrote."""
        outs = [out for stage in self.lock().values() for out in stage["outs"]]
        digest = next(out["md5"] for out in outs if out["path"] == path)
        rows = json.loads(self.read(f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"))
        return {row["relpath"]: row["md5"] for row in rows}

    def rows(self, count: int) -> str:
        """So many rows of data, which make a model with so many right answers; run and committed."""
        self.write("data/raw/rows.txt", "row\n" * count)
        self.repro()
        return self.commit(f"{count} rows")

    def repro(self) -> None:
        with dvc(self.folder) as repo:
            repo.reproduce()

    def stale(self) -> set[str]:
        """Names of the stages that dvc status has something to say of."""
        with dvc(self.folder) as repo:
            return set(repo.status())

    def commit(self, message: str) -> str:
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", message)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def make(self, command: str, **given: str) -> subprocess.CompletedProcess[str]:
        """A command of the reviewer's, with what `make` hands on in the environment."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "WHO": "Asha", **given}
        done = [sys.executable, "-m", f"pipeline.pull_request.{command}"]
        return subprocess.run(done, cwd=self.folder, capture_output=True, text=True, env=environment, check=False)

    def promoted(self, why: str = "it is better") -> str:
        """Promote the tuned model, and commit."""
        done = self.make("promote", WHY=why)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.commit(f"promote: {why}")

    def record(self) -> dict:
        return json.loads(self.read("models/accepted.json"))

    def add_remote(self, folder: Path) -> None:
        with dvc(self.folder) as repo, repo.config.edit("repo") as config:
            config["remote"]["shared"] = {"url": str(folder), "verify": True}
            config["core"]["remote"] = "shared"
        self.commit("a remote")

    def push(self) -> None:
        with dvc(self.folder) as repo:
            repo.push()

    def forget_cache(self) -> None:
        shutil.rmtree(self.folder / ".dvc/cache")
        for name in ("models/accepted", "models/adapter"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """What the stages run with: this Python, and this repository's modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("DVC_NO_ANALYTICS", "1")
        yield


def build(folder: Path, count: int = 60) -> Promoted:
    """The project, run with so many rows and committed."""
    project = Promoted(folder)
    files = {
        "dvc.yaml": PIPELINE,
        "params.yaml": params(),
        "code/step.py": STEP,
        "task/prompts/plain.yaml": "system: Answer.\nfew_shot: []\n",
        "task/prompts/own.yaml": (ROOT / "task/prompts/own.yaml").read_text(),
        "task/test_set.txt": "".join(f"{n:016x}\n" for n in range(100)),
        "task/probes/general.jsonl": QUESTION,
        "task/cases/must_pass.jsonl": QUESTION,
        "models/base.json": BASE,
        "reports/run.json": "{}\n",
        ".gitignore": ".cache/\n__pycache__/\n",
        "data/raw/rows.txt": "row\n" * count,
    }
    for name, text in files.items():
        project.write(name, text)
    git(folder, "init", "-q", "-b", "main")
    with contextlib.chdir(folder):
        Repo.init().close()
    project.repro()
    project.commit("first run")
    return project
