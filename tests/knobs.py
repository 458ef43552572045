"""What is to be seen of a training run from outside: what it made and proved, and how it trained at each step."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.data.records import Record, record_id
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import Fault, Params
from pipeline.train import RUNS, main
from tests.lessons import params, paths, preference, project
from tests.project import record
from tests.test_learning import TALK
from tests.test_stopping import contradicted

LONG = 10**40  # the record of that number has more than 64 tokens, all others have fewer


@dataclass(frozen=True)
class Step:
    """How a step is trained."""

    rate: float
    attention: str
    dtype: str
    device: str
    threads: int
    is_recomputed: bool
    is_quantised: bool


@dataclass
class Seen:
    """A run: bytes of the weights by file, proofs by phase, steps, numbers of the checkpoints, how often a model was compiled."""

    weights: dict[str, bytes] = field(default_factory=dict)
    proofs: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    compiled: int = 0
    fault: str = ""

    def proof(self, key: str, phase: str = "") -> Any:
        """What was proved of a phase, or of the last one."""
        return self.proofs[phase or list(self.proofs)[-1]][key]

    def of(self, phase: str) -> bytes:
        """The weights that a phase made."""
        return next(content for name, content in self.weights.items() if name.startswith(phase))


def talk() -> Record:
    """Two answers in one talk."""
    return msgspec.structs.replace(record(1), messages=TALK, id=record_id(TALK), source="t:1")


@dataclass(frozen=True)
class Recipe:
    """Phases, what they learn and are checked with, and what of the parameters is changed for them."""

    phases: tuple[str, ...]
    records: Sequence[Record]
    checked: Sequence[Record]
    changes: dict[str, Any] = field(default_factory=dict)


ANSWERS = [*(record(number) for number in range(6)), talk(), record(LONG)]
PAIRS = [preference(number) for number in range(6)]
REWARDS = {"format": 1.0, "exact": 1.0, "model": 1.0}
DRAWN = {"generations": 2, "batch_size": 4, "max_new_tokens": 2, "rewards": REWARDS}
OVERFITTED = {"schedule": "constant", "warmup_share": 0.0, "full": {"epochs": 8, "learning_rate": 0.02}}
RECIPES = {
    **{phase: Recipe((phase,), ANSWERS, [record(20)]) for phase in ("lora", "qlora", "full")},
    "dpo": Recipe(("dpo",), PAIRS, [preference(20)]),
    "reward": Recipe(("reward", "grpo"), PAIRS, [preference(20)], {"grpo": DRAWN | {"epochs": 1}}),
    "grpo": Recipe(("reward", "grpo"), PAIRS, [preference(20)], {"grpo": DRAWN, "reward": {"epochs": 1}}),
    "rloo": Recipe(("reward", "rloo"), PAIRS, [preference(20)], {"rloo": DRAWN, "reward": {"epochs": 1}}),
    "overfitted": Recipe(("full",), [record(n) for n in range(16)], [contradicted(n) for n in range(6)], OVERFITTED),
}


def keys_of(kind: type[Params] = TrainParams, before: str = "") -> list[str]:
    """Every key of a section, those of sections in it by their path."""
    found: list[str] = []
    for name, one in kind.model_fields.items():
        inner = one.annotation
        is_section = isinstance(inner, type) and issubclass(inner, Params)
        found += keys_of(inner, f"{before}{name}.") if is_section else [before + name]
    return found


def changed(changes: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Changes, and one more at a path."""
    first, _, rest = key.partition(".")
    return {**changes, first: changed(changes.get(first, {}), rest, value) if rest else value}


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both, the other one before the first, key by key in sections too."""
    return one | {
        key: merged(one.get(key, {}), value) if isinstance(value, dict) else value for key, value in other.items()
    }


def look(folder: Path, base: Path, recipe: Recipe, changes: dict[str, Any], start: str = "base.json") -> Seen:
    """Train in a folder, from nothing but what phases before made alike; the folder is the one of the process."""
    project(folder, base, recipe.records, recipe.checked)
    for done in (folder / RUNS).glob("*/run"):
        shutil.rmtree(done)
    shutil.rmtree(folder / "out", ignore_errors=True)
    seen, values = Seen(), merged({"keep": "last", **recipe.changes}, changes)
    phases = values.pop("phases", recipe.phases)
    try:
        with watched(seen):
            main(params(*phases, **values), *paths(start=start))
    except Fault as fault:
        seen.fault = str(fault)
        return seen
    seen.weights = {str(path.relative_to("out")): path.read_bytes() for path in Path("out").rglob("*.safetensors")}
    seen.proofs = json.loads(Path("out/proofs.json").read_text())
    return seen


@contextmanager
def watched(seen: Seen) -> Iterator[None]:
    """Note how each step is trained, and which checkpoints are written. A model that is to be compiled is counted, and left as it is."""
    import torch
    import transformers

    trainer, threads = transformers.Trainer, torch.get_num_threads()
    step, save = trainer.training_step, trainer._save_checkpoint

    def stepped(self: Any, *values: Any, **options: Any) -> Any:
        seen.steps.append(
            Step(
                self.optimizer.param_groups[0]["lr"],
                self.model.config._attn_implementation,
                str(self.model.dtype),
                self.model.device.type,
                torch.get_num_threads(),
                bool(self.model.is_gradient_checkpointing),
                bool(getattr(self.model, "is_loaded_in_4bit", False)),
            )
        )
        return step(self, *values, **options)

    def saved(self: Any, *values: Any, **options: Any) -> Any:
        seen.saved.append(self.state.global_step)
        return save(self, *values, **options)

    def compiled(model: Any, **_: Any) -> Any:
        seen.compiled += 1
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_DYNAMO_BACKEND", "no")  # in which the setting would stay for the runs after it
        patch.setattr(trainer, "training_step", stepped)
        patch.setattr(trainer, "_save_checkpoint", saved)
        patch.setattr(torch, "compile", compiled)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


Shows = Callable[[Seen, Seen], bool]  # of a run, and of the one with the key changed


def launched(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[str]:
    """The words with which a run is launched that takes several processes; a program that writes them down is started instead."""
    program, told = folder / "python", folder / "told.json"
    program.write_text(f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv, open({str(told)!r}, 'w'))\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    main(params("lora", **changes), *paths())
    return json.loads(told.read_text())
