"""A small pipeline under the real DVC, shaped like ours, for the tests of make plan; each stage notes outside that it ran."""

import contextlib
import json
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from pipeline.pull_request.plan import plan
from tests.project import git
from tests.verified_project import dvc

ROWS, TEST = "data/raw/rows.jsonl", "data/raw/test.jsonl"
PARAMS = {
    "split": {"salt": "a"},
    "train": {"phases": ["lora"], "seed": 1, "lora": {"epochs": 5}, "dpo": {"epochs": 1}},
    "predict": {"max_cost": 1.5},
    "arms": {"base": {"model": "models/base.json"}, "tuned": {"model": "models/adapter"}},
    "plan": {"gpu_usd_per_hour": 3.0, "remote_s": 20.0},
}
STAGES = {
    "split": {
        "cmd": f"echo split >> $RAN; mkdir data/split; cp {ROWS} data/split/train.jsonl; cp {TEST} data/split/test.jsonl",
        "deps": [ROWS, TEST],
        "params": ["split"],
        "outs": ["data/split"],
    },
    "train": {
        "cmd": "echo train >> $RAN; mkdir -p models/adapter; cat data/split/train.jsonl params.yaml > models/adapter/weights",
        "deps": ["data/split/train.jsonl"],
        "params": ["train"],
        "outs": ["models/adapter"],
    },
    "predict": {
        "foreach": "${arms}",
        "do": {
            "cmd": "echo predict >> $RAN; mkdir -p data/predictions/${key}; cat data/split/test.jsonl > data/predictions/${key}/answers",
            "deps": ["data/split/test.jsonl", "${item.model}"],
            "params": ["predict"],
            "outs": ["data/predictions/${key}"],
        },
    },
    "evaluate": {
        "cmd": "echo evaluate >> $RAN; cat data/predictions/*/answers > reports/evaluation.json",
        "deps": ["data/predictions"],
        "metrics": [{"reports/evaluation.json": {"cache": False}}],
    },
}
RUN = {
    "machine": {"system": "Linux", "processor": "x86_64", "cores": 2, "python": "3.11"},
    "seconds": 9,
    "stages": {
        "split": {"seconds": 2.0, "peak_mib": 100},
        "train": {"seconds": 600.0, "peak_mib": 2000, "peak_gpu_mib": 20480},
        "predict@base": {"seconds": 10.0, "peak_mib": 300},
        "predict@tuned": {"seconds": 20.0, "peak_mib": 300},
    },
    "arms": {
        "tuned": {"engine": "transformers", "answers": 4, "prompt_tokens": 1000, "answer_tokens": 200, "cost": None}
    },
}


@contextlib.contextmanager
def built(folder):
    """The project below a folder, where its stages note what ran."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAN", str(folder / "ran"))
        yield build(folder / "project")


def build(folder: Path) -> Path:
    """The project, run and committed."""
    for name in ("data/raw", "reports", "models"):
        (folder / name).mkdir(parents=True)
    (folder / ROWS).write_text('{"a": 1}\n')
    (folder / TEST).write_text('{"t": 1}\n')
    (folder / "models/base.json").write_text("{}\n")
    (folder / "reports/run.json").write_text(json.dumps(RUN))
    write(folder, PARAMS, STAGES)
    git(folder, "init", "-q", "-b", "main")
    with contextlib.chdir(folder):
        Repo.init().close()
    repro(folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first run")
    return folder


def write(folder: Path, params: dict, stages: dict | None = None) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    if stages is not None:
        (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))


def changed(values: dict, *keys: str, to: object) -> dict:
    """A copy with another value below these keys."""
    copy = json.loads(json.dumps(values))
    at = copy
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = to
    return copy


EPOCHS = changed(PARAMS, "train", "lora", "epochs", to=6)


def repro(folder: Path, dry: bool = False) -> list[str]:
    """`dvc repro`; the names of the stages that it ran, or would."""
    with dvc(folder) as repo:
        return [stage.addressing for stage in repo.reproduce(dry=dry)]


def fates(folder: Path, base: str = "") -> dict[str, str]:
    """What the plan's table says of each stage that it names."""
    return {name: happens.replace("**", "") for name, (happens, _) in rows(folder, base).items()}


def causes(folder: Path, stage: str) -> str:
    """Why, by the plan's table."""
    return rows(folder)[stage][1]


def rows(folder: Path, base: str = "") -> dict[str, tuple[str, str]]:
    """The table of stages."""
    text = plan(folder, base).partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {name.strip("`"): (happens, why) for name, happens, why in cells}
