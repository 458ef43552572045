"""Measure training: this repository beside the plain recipe, on the same examples, in pairs.

    python -m benchmarks.training                                  the sample on a CPU; run dvc repro split first

    python -m benchmarks.random_project <folder>                   the shape of Llama 3 8B on a GPU
    python -m benchmarks.training --project <folder> --device cuda --epochs 1 --pairs 1 \\
      --set packing=true --set max_length=4096 --set lora.batch_size=2 --set lora.learning_rate=0.0002

The plain recipe is what TRL does with a model's name, a data set of prompts and completions and a LoraConfig: its defaults, with
the same rate, schedule, rank, batch and epochs. Tokens are those of the examples, padding is not counted; seconds are those of
`Trainer.train`. The order within a pair alternates. Prints Markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.stage import ENVIRONMENT, load_params

QUIET = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Case:
    """What is trained: the sample where no project is named. `changes` are parameters by their path."""

    project: str
    device: str
    epochs: float
    seed: int
    changes: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """A file of the project."""
        if self.project:
            return Path(self.project) / name
        places = {
            "prompt.yaml": "task/prompts/plain.yaml",
            "answer.schema.json": "task/answer.schema.json",
            "replay": "task/replay",
            "single.yaml": "launch/single.yaml",
            "base.json": "models/base.json",
        }
        return Path(places.get(name, f"data/split/{name}".replace("few_shot.jsonl", "few_shot/plain.jsonl")))

    def params(self) -> Any:
        """The parameters of the repository, without an early end and general examples, so that both do the same steps."""
        from pipeline.model.training.recipe import TrainParams

        values = load_params(TrainParams).model_dump()
        values |= {"seed": self.seed, "patience": 0, "replay": 0.0, "device": self.device}
        values["lora"]["epochs"] = self.epochs
        for path, value in self.changes.items():
            *sections, key = path.split(".")
            place = values
            for section in sections:
                place = place[section]
            place[key] = value
        return TrainParams.model_validate(values)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure training beside the plain recipe.")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--project", default="")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of section train")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, case = given.one.split(":", 1)
        print(json.dumps({"plain": plain, "ours": ours}[name](Case(**json.loads(case)))))
        return
    changes = {key: yaml.safe_load(value) for key, value in (one.split("=", 1) for one in given.set)}
    compare([Case(given.project, given.device, given.epochs, 17 + pair, changes) for pair in range(given.pairs)])


def compare(cases: list[Case]) -> None:
    """A row a pair, and the median of the ratios."""
    ratios = []
    print("| seed | plain, tokens/s | ours, tokens/s | ratio | validation loss, plain | ours | GiB, plain | ours |")
    print("|---|---|---|---|---|---|---|---|")
    for number, case in enumerate(cases):
        order = ["plain", "ours"] if number % 2 else ["ours", "plain"]
        found = {name: alone(name, case) for name in order}
        one, other = found["plain"], found["ours"]
        rates = [each["tokens"] / each["seconds"] for each in (one, other)]
        ratios.append(rates[1] / rates[0])
        cells = [
            case.seed,
            *(f"{rate:,.0f}" for rate in rates),
            f"{ratios[-1]:.2f}",
            f"{one['loss']:.3f}",
            f"{other['loss']:.3f}",
        ]
        print("|", " | ".join(map(str, [*cells, f"{one['gib']:.2f}", f"{other['gib']:.2f}"])), "|", flush=True)
    print(f"\nMedian ratio {statistics.median(ratios):.2f}.")


def alone(name: str, case: Case) -> dict[str, float]:
    """One of the two in a process of its own; ours in the environment of a stage, the plain one in that of a user."""
    environment = {**os.environ, **QUIET, **(ENVIRONMENT if name == "ours" else {})}
    command = [sys.executable, "-m", "benchmarks.training", "--one", f"{name}:{json.dumps(asdict(case))}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark: {name} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class Watch:
    """Takes the time of `Trainer.train`, whoever calls it, and what the trainer logged."""

    def __init__(self) -> None:
        import transformers

        original = transformers.Trainer.train
        self.seconds = 0.0
        self.log: list[dict[str, Any]] = []

        def train(trainer: Any, *values: Any, **options: Any) -> Any:
            began = time.monotonic()
            found = original(trainer, *values, **options)
            self.seconds, self.log = time.monotonic() - began, trainer.state.log_history
            return found

        transformers.Trainer.train = train

    def figures(self) -> dict[str, float]:
        """Tokens, seconds, last validation loss, and the most memory that was held: of the GPU where there is one."""
        import resource

        import torch

        tokens = max(entry["num_tokens"] for entry in self.log if "num_tokens" in entry)
        loss = next(entry["eval_loss"] for entry in reversed(self.log) if "eval_loss" in entry)
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if torch.cuda.is_available():
            held = torch.cuda.max_memory_allocated()
        return {"tokens": tokens, "seconds": self.seconds, "loss": loss, "gib": held / 2**30}


def ours(case: Case) -> dict[str, float]:
    """The stage `train`, as `dvc.yaml` runs it."""
    from pipeline import train

    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        train.RUNS = Path(name) / "runs"
        paths = (
            "train.jsonl",
            "validation.jsonl",
            "few_shot.jsonl",
            "prompt.yaml",
            "answer.schema.json",
            "replay",
            "single.yaml",
            "base.json",
        )
        train.main(case.params(), *map(case.path, paths), Path(name) / "out")
    return watch.figures()


def plain(case: Case) -> dict[str, float]:
    """TRL's defaults."""
    import torch
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from pipeline.model.base import load_base

    params, watch = case.params(), Watch()
    torch.set_num_threads(params.threads)
    with tempfile.TemporaryDirectory() as name:
        trainer = SFTTrainer(
            model=load_base(case.path("base.json")).model,
            args=SFTConfig(
                output_dir=name,
                use_cpu=case.device == "cpu",
                seed=case.seed,
                num_train_epochs=case.epochs,
                learning_rate=params.lora.learning_rate,
                lr_scheduler_type=params.schedule,
                warmup_steps=params.warmup_share,
                per_device_train_batch_size=params.lora.batch_size,
                gradient_accumulation_steps=params.lora.accumulate,
                save_strategy="epoch",
                eval_strategy="epoch",
            ),
            train_dataset=conversations(case, "train.jsonl"),
            eval_dataset=conversations(case, "validation.jsonl"),
            peft_config=LoraConfig(
                r=params.adapter.r, lora_alpha=params.adapter.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
        )
        trainer.train()
    return watch.figures()


def conversations(case: Case, name: str) -> Any:
    """The examples as prompt and completion."""
    from datasets import Dataset

    from pipeline.data.prompts import load_prompt, rendered
    from pipeline.data.records import read_records

    prompt = load_prompt(case.path("prompt.yaml"))
    records = read_records(case.path(name))
    return Dataset.from_list(
        [{"prompt": rendered(prompt, [], one.asked), "completion": [one.messages[-1]]} for one in records]
    )


if __name__ == "__main__":
    main()
