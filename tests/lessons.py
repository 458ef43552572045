"""A small project for training: a random model, records, preferences, and parameters that take seconds."""

import json
import shutil
from pathlib import Path

import msgspec
import yaml

from pipeline.data.records import record_id, write_records
from pipeline.model.base import sha256
from pipeline.model.training.recipe import TrainParams
from tests.project import COLOURS, ROOT, random_model, record

NAMES = (
    "train.jsonl",
    "validation.jsonl",
    "few_shot.jsonl",
    "prompt.yaml",
    "answer.schema.json",
    "replay",
    "single.yaml",
)
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": list(COLOURS)}},
    "required": ["label"],
    "additionalProperties": False,
}
DRAWN = {"epochs": 1, "generations": 4, "batch_size": 8, "max_new_tokens": 8}
SMALL = {"epochs": 2, "learning_rate": 0.01, "batch_size": 4, "accumulate": 1}


def preference(number, worse='{"label": "none"}'):
    """A record whose answer is preferred to another one."""
    one, turn = record(number), {"role": "assistant", "content": worse}
    return msgspec.structs.replace(one, rejected=(turn,), id=record_id(one.messages, (turn,)))


def params(*phases, **changes):
    """Parameters of the repository, made small; `adapter` and phases are changed key by key."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]
    for phase in ("lora", "qlora", "full", "dpo", "reward"):
        values[phase] |= SMALL | changes.pop(phase, {})
    for phase in ("grpo", "rloo"):
        values[phase] |= SMALL | DRAWN | changes.pop(phase, {})
    values["api"] |= changes.pop("api", {})
    values["adapter"] |= {"r": 4, "alpha": 8} | changes.pop("adapter", {})
    values |= {"phases": list(phases or ["lora"]), "max_length": 256, "save_every": 2, "device": "cpu", "threads": 1}
    values |= {"patience": 0, "replay": 0.0}
    return TrainParams.model_validate(values | changes)


def project(folder, base, records=(), checked=()):
    """A folder with everything that `train` reads; the model is copied into it."""
    folder.mkdir(parents=True, exist_ok=True)
    if base != folder / "model":
        shutil.copytree(base, folder / "model", dirs_exist_ok=True)
    files = {path.name: sha256(path) for path in sorted((folder / "model").iterdir())}
    pinned = {"model": "model", "revision": "", "licence": "x", "files": files}
    (folder / "base.json").write_text(json.dumps(pinned))
    write_records(folder / "train.jsonl", records or [record(number) for number in range(16)])
    write_records(folder / "validation.jsonl", checked or [record(number) for number in range(20, 24)])
    write_records(folder / "few_shot.jsonl", [])
    (folder / "answer.schema.json").write_text(json.dumps(SCHEMA))
    shutil.copy(ROOT / "launch/single.yaml", folder)
    write_replay(folder / "replay")
    (folder / "prompt.yaml").write_text("system: Answer.\nfew_shot: []\n")
    return folder


def write_replay(folder, rows=8):
    """General examples."""
    folder.mkdir(exist_ok=True)
    talks = [[{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": str(n)}] for n in range(rows)]
    (folder / "general.jsonl").write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))


def make_base(folder):
    """A random model on the disk."""
    random_model(folder)
    return folder


def files_of(folder):
    """The bytes of each file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def paths(out="out", start="base.json"):
    """What `train` reads and writes, in its order."""
    return [*map(Path, NAMES), Path(start), Path(out)]


def weights(folder):
    """The bytes of each adapter below a folder."""
    return {name: content for name, content in files_of(folder).items() if name.endswith("adapter_model.safetensors")}


def mixed(first=0):
    """Eight records, and eight preferences."""
    return [*(record(n) for n in range(first, first + 8)), *(preference(n) for n in range(first + 8, first + 16))]
