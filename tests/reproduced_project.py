"""A small project in the house's shape under git and the real DVC, run for real, for the tests of make reproduce and make why."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.project import ROOT, git
from tests.verified_project import dvc as in_dvc

STEP = '''"""One stage of the tests, by its name: train and predict pass for dear ones."""
import json, os, sys
from pathlib import Path

def params():
    import yaml
    return yaml.safe_load(Path("params.yaml").read_text())

def write(path, value):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value, indent=2) + "\\n")

name, *paths = sys.argv[1:]
if name == "split":
    words = Path("data/raw/rows.txt").read_text().split()
    Path("data/split").mkdir(parents=True)
    Path("data/split/train.txt").write_text(" ".join(words[: -params()["split"]["test"]]))
    Path("data/split/test.txt").write_text(" ".join(words[-params()["split"]["test"] :]))
    write("reports/split.json", {"rows": len(words)})
elif name == "train":
    if Path("wait").exists():
        import time
        Path("wait/started").write_text(str(os.getpid()))
        time.sleep(60)
    train = params()["train"]
    words = Path("data/split/train.txt").read_text()
    noise = os.urandom(4).hex() if train["noise"] else ""
    write("models/adapter/weights.json", [len(words) * train["epochs"], train["seed"], noise])
elif name == "predict":
    arm, model = paths
    size, seed = 0, 0
    if model == "models/adapter":
        size, seed, _ = json.loads(Path("models/adapter/weights.json").read_text())
    prompt = len(Path("task/prompts/plain.yaml").read_text())
    test = len(Path("data/split/test.txt").read_text())
    out = {"good": size + prompt, "odd": seed, "asked": test}
    if params()["train"]["noise"] and model == "models/adapter":
        out["good"] += int.from_bytes(os.urandom(2), "big")
    write(f"data/predictions/{arm}/answers.json", out)
elif name == "evaluate":
    found = {}
    for folder in sorted(Path("data/predictions").iterdir()):
        if folder.is_dir():
            answers = json.loads((folder / "answers.json").read_text())
            found[folder.name] = {"right": round(answers["good"] / 1000, 4), "odd": answers["odd"] / 100}
    write("reports/evaluation.json", found)
    write("reports/comparison.json", {"pairs": len(found)})
'''
PIPELINE = """stages:
  split:
    cmd: python pipeline/step.py split
    deps: [data/raw/rows.txt, pipeline/step.py]
    params: [split]
    outs: [data/split]
    plots: [reports/split.json: {cache: false}]
  train:
    cmd: python pipeline/step.py train
    deps: [data/split/train.txt, pipeline/step.py, requirements/data.txt]
    params: [train]
    outs: [models/adapter]
  predict:
    foreach: ${arms}
    do:
      cmd: python pipeline/step.py predict ${key} ${item.model}
      deps: [data/split/test.txt, "${item.model}", task/prompts/plain.yaml, pipeline/step.py]
      outs: ["data/predictions/${key}"]
  evaluate:
    cmd: python pipeline/step.py evaluate
    deps: [data/predictions, pipeline/evaluate.py, pipeline/step.py]
    metrics: [reports/evaluation.json: {cache: false}]
    plots: [reports/comparison.json: {cache: false}]
"""
PARAMS = """split: {test: 2}
train: {seed: 17, epochs: 5, noise: false, phases: [lora], api: {max_cost: 5.0}}
predict: {max_cost: 1.0}
arms:
  base: {model: models/base.json}
  tuned: {model: models/adapter}
"""
TIMES = {"split": 0.1, "train": 230.0, "predict@tuned": 11.0, "evaluate": 8.0}
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": PARAMS,
    "pipeline/step.py": STEP,
    "pipeline/evaluate.py": "# judges\n",
    "requirements/data.txt": "pyyaml==6.0.3\n",
    "task/prompts/plain.yaml": "system: Name it.\n",
    "data/raw/rows.txt": "red green blue black white\n",
    "models/base.json": json.dumps({"model": "models/toy", "revision": ""}),
    ".gitignore": ".cache/\n/wait\n",
    ".dvcignore": ".gitignore\n",
}


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a text of a file; it must be there."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text, (name, old)
    write(folder, name, text.replace(old, new))


def dvc(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(folder: Path, message: str) -> str:
    """Run what changed, and commit all of it; returns the commit."""
    with in_dvc(folder) as repo:
        repo.reproduce()
    return commit(folder, message)


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def build(folder: Path, **more: str) -> Path:
    """The project, run once and committed."""
    git(folder, "init", "-q", "-b", "main")
    dvc(folder, "init", "--quiet")
    for name, text in {**FILES, **more}.items():
        write(folder, name, text)
    machine = {"system": "Linux", "processor": "x86_64", "python": "3.9.1", "cores": 2}
    stages = {name: {"seconds": seconds, "peak_mib": 1} for name, seconds in TIMES.items()}
    write(folder, "reports/run.json", json.dumps({"machine": machine, "stages": stages}))
    run(folder, "the first run")
    return folder


def command(folder: Path, name: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """A command as make runs it: exit status, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"pipeline.pull_request.{name}", *arguments],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
