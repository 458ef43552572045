"""A small project for training: a random model, records, preferences, and parameters that take seconds."""

import json
import shutil
from pathlib import Path

import msgspec
import yaml

from pipeline.data.records import record_id, write_records
from pipeline.model.base import sha256
from pipeline.model.training.recipe import TrainParams
from tests.project import ROOT, random_model, record

NAMES = ("train.jsonl", "validation.jsonl", "few_shot.jsonl", "prompt.yaml", "base.json")
SMALL = {"epochs": 2, "learning_rate": 0.01, "batch_size": 4, "accumulate": 1}


def preference(number, worse='{"label": "none"}'):
    """A record whose answer is preferred to another one."""
    one, turn = record(number), {"role": "assistant", "content": worse}
    return msgspec.structs.replace(one, rejected=(turn,), id=record_id(one.messages, (turn,)))


def params(*phases, **changes):
    """Parameters of the repository, made small; `adapter` and phases are changed key by key."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]
    for phase in ("lora", "qlora", "full", "dpo"):
        values[phase] |= SMALL | changes.pop(phase, {})
    values["adapter"] |= {"r": 4, "alpha": 8} | changes.pop("adapter", {})
    values |= {"phases": list(phases or ["lora"]), "max_length": 256, "save_every": 2, "device": "cpu", "threads": 1}
    return TrainParams.model_validate(values | changes)


def project(folder, base, records=(), checked=()):
    """A folder with everything that `train` reads; the model is copied into it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(base, folder / "model", dirs_exist_ok=True)
    files = {path.name: sha256(path) for path in sorted((folder / "model").iterdir())}
    pinned = {"model": "model", "revision": "", "licence": "x", "files": files}
    (folder / "base.json").write_text(json.dumps(pinned))
    write_records(folder / "train.jsonl", records or [record(number) for number in range(16)])
    write_records(folder / "validation.jsonl", checked or [record(number) for number in range(20, 24)])
    write_records(folder / "few_shot.jsonl", [])
    (folder / "prompt.yaml").write_text("system: Answer.\nfew_shot: []\n")
    return folder


def make_base(folder):
    """A random model on the disk."""
    random_model(folder)
    return folder


def files_of(folder):
    """The bytes of each file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def paths(out="out"):
    return [*map(Path, NAMES), Path(out)]
