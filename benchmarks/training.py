"""Measure training: the default of this repository beside the plain recipe, on the same examples, in pairs.

    python -m benchmarks.training [--pairs 3] [--epochs 8]          the sample on a CPU; run dvc repro split first
    python -m benchmarks.training --model <folder> --rows 512 --length 4096 --steps 20 --device cuda
                                                                    packed rows of random text on a GPU, see tools/random_model.py

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
from pathlib import Path
from typing import Any

from pipeline.stage import ENVIRONMENT, load_params

QUIET = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
SPLIT, PROMPT, BASE = Path("data/split"), Path("task/prompts/plain.yaml"), Path("models/base.json")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure training beside the plain recipe.")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--one", choices=["plain", "ours"], help="run one of the two and print its figures as JSON")
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    if given.one:
        print(json.dumps({"plain": plain, "ours": ours}[given.one](given.epochs, given.seed)))
        return
    ratios, losses = [], []
    print(
        "| seed | plain, tokens/s | ours, tokens/s | ratio | plain, validation loss | ours |\n|---|---|---|---|---|---|"
    )
    for pair in range(given.pairs):
        order = ["plain", "ours"] if pair % 2 else ["ours", "plain"]
        found = {name: alone(name, given.epochs, given.seed + pair) for name in order}
        rates = {name: one["tokens"] / one["seconds"] for name, one in found.items()}
        ratios.append(rates["ours"] / rates["plain"])
        losses.append((found["plain"]["loss"], found["ours"]["loss"]))
        print(
            f"| {given.seed + pair} | {rates['plain']:,.0f} | {rates['ours']:,.0f} | {ratios[-1]:.2f} | "
            f"{losses[-1][0]:.3f} | {losses[-1][1]:.3f} |",
            flush=True,
        )
    print(f"\nMedian ratio {statistics.median(ratios):.2f}.")


def alone(name: str, epochs: float, seed: int) -> dict[str, float]:
    """One of the two in a process of its own; ours in the environment of a stage, the plain one in that of a user."""
    environment = {**os.environ, **QUIET, **(ENVIRONMENT if name == "ours" else {})}
    command = [sys.executable, "-m", "benchmarks.training", "--one", name, "--epochs", str(epochs), "--seed", str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark: {name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class Watch:
    """Takes the time of `Trainer.train`, whoever calls it, and what the trainer logged."""

    def __init__(self) -> None:
        import transformers

        original, self.seconds, self.log = transformers.Trainer.train, 0.0, []

        def train(trainer: Any, *values: Any, **options: Any) -> Any:
            began = time.monotonic()
            found = original(trainer, *values, **options)
            self.seconds, self.log = time.monotonic() - began, trainer.state.log_history
            return found

        transformers.Trainer.train = train

    def figures(self) -> dict[str, float]:
        """Tokens, seconds, last validation loss."""
        tokens = max(entry["num_tokens"] for entry in self.log if "num_tokens" in entry)
        loss = next(entry["eval_loss"] for entry in reversed(self.log) if "eval_loss" in entry)
        return {"tokens": tokens, "seconds": self.seconds, "loss": loss}


def params_for(epochs: float, seed: int) -> Any:
    """The parameters of the repository, without an early end, so that both do the same steps."""
    from pipeline.model.training.recipe import TrainParams

    values = load_params(TrainParams).model_dump()
    values |= {"seed": seed, "patience": 0, "lora": values["lora"] | {"epochs": epochs}}
    return TrainParams.model_validate(values)


def ours(epochs: float, seed: int) -> dict[str, float]:
    """The stage `train`, as `dvc.yaml` runs it."""
    from pipeline import train

    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        train.RUNS = Path(name) / "runs"
        few_shot = SPLIT / "few_shot/plain.jsonl"
        train.main(
            params_for(epochs, seed),
            SPLIT / "train.jsonl",
            SPLIT / "validation.jsonl",
            few_shot,
            PROMPT,
            BASE,
            Path(name) / "out",
        )
    return watch.figures()


def plain(epochs: float, seed: int) -> dict[str, float]:
    """TRL's defaults."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from pipeline.data.prompts import load_prompt, rendered
    from pipeline.data.records import read_records
    from pipeline.model.base import load_base

    params, watch = params_for(epochs, seed), Watch()
    torch.set_num_threads(params.threads)
    prompt = load_prompt(PROMPT)
    train, validation = (
        Dataset.from_list(
            [
                {"prompt": rendered(prompt, [], record.asked), "completion": [record.messages[-1]]}
                for record in read_records(SPLIT / f"{side}.jsonl")
            ]
        )
        for side in ("train", "validation")
    )
    with tempfile.TemporaryDirectory() as name:
        trainer = SFTTrainer(
            model=load_base(BASE).model,
            args=SFTConfig(
                output_dir=name,
                use_cpu=True,
                seed=seed,
                num_train_epochs=epochs,
                learning_rate=params.lora.learning_rate,
                lr_scheduler_type=params.schedule,
                warmup_steps=params.warmup_share,
                per_device_train_batch_size=params.lora.batch_size,
                save_strategy="epoch",
                eval_strategy="epoch",
            ),
            train_dataset=train,
            eval_dataset=validation,
            peft_config=LoraConfig(
                r=params.adapter.r, lora_alpha=params.adapter.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
        )
        trainer.train()
    return watch.figures()


if __name__ == "__main__":
    main()
