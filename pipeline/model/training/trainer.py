"""One phase as a run of a Trainer that may be killed at any moment and goes on: settings, what is told, checkpoints, faults."""

import errno
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.model.base import chosen_device, chosen_dtype
from pipeline.model.training.checkpoints import newest_whole, seal
from pipeline.model.training.recipe import PhaseParams, TrainParams
from pipeline.stage import Fault

Show = Callable[[int, int, str], None]
Shows = Callable[[int], Show]  # from the step at which a run begins
KEPT = 2  # checkpoints: the newest, and the one before it in case that one is damaged
LOGGED = 10  # steps


def settings(params: TrainParams, own: PhaseParams, folder: Path) -> dict[str, Any]:
    """What the configurations of all of TRL's trainers have in common."""
    import torch

    dtype = chosen_dtype(params.dtype, params.device)
    return {
        "output_dir": str(folder),
        "save_strategy": "steps",
        "save_steps": params.save_every,
        "save_total_limit": KEPT,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": params.seed,
        "data_seed": params.seed,
        "num_train_epochs": own.epochs,
        "learning_rate": own.learning_rate,
        "lr_scheduler_type": params.schedule,
        "warmup_steps": params.warmup_share,
        "weight_decay": params.weight_decay,
        "per_device_train_batch_size": own.batch_size,
        "per_device_eval_batch_size": own.batch_size,
        "gradient_accumulation_steps": own.accumulate,
        "use_cpu": chosen_device(params.device) == "cpu",
        "bf16": dtype == torch.bfloat16,
        "fp16": dtype == torch.float16,
        "activation_checkpointing": False,
        "logging_steps": LOGGED,
        "eval_strategy": "no",  # the callback says when
        "dataloader_pin_memory": False,
        "max_length": None,  # what does not fit was left out before, and counted
    }


def train(trainer: Any, phase: str, shows: Shows) -> list[dict[str, Any]]:
    """Train to the end, from the newest whole checkpoint where there is one. Returns what was logged.

    Raises Fault where the loss is no number any more, the memory or the disk is full.
    """
    import torch
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    folder, first = Path(trainer.args.output_dir), 0
    checkpoint = newest_whole(folder) if folder.is_dir() else None
    if checkpoint:
        first = int(checkpoint.name.rpartition("-")[2])
        print(f"train: {phase} goes on from step {first}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    trainer.add_callback(_teller(shows(first), trainer.eval_dataset is not None))
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError:
        fault = f"{trainer.args.per_device_train_batch_size} rows a step do not fit the memory"
        remedy = "lower it and raise accumulate, lower train.max_length, or take qlora"
        raise Fault(f"params.yaml: train.{phase}.batch_size", fault, remedy) from None
    except (OSError, RuntimeError) as error:
        if not _is_full(error):
            raise
        raise Fault(folder, "the disk is full", "make room; the run goes on from the last whole checkpoint") from None
    found: list[dict[str, Any]] = trainer.state.log_history
    return found


class Clock:
    """Tokens a second since the last time that it was asked; the first time since the run began."""

    def __init__(self) -> None:
        self._tokens, self._at = 0, time.monotonic()

    def rate(self, tokens: int) -> float:
        """Given how many there were in all, padding not counted."""
        now = time.monotonic()
        found = (tokens - self._tokens) / max(now - self._at, 1e-9)
        self._tokens, self._at = tokens, now
        return found


def _is_full(error: Exception) -> bool:
    """Whether a disk is full: torch says it as a RuntimeError of its writer."""
    return (
        getattr(error, "errno", None) == errno.ENOSPC
        or "No space left" in str(error)
        or "PytorchStreamWriter" in str(error)
    )


def _teller(show: Show, has_validation: bool) -> Any:
    """A callback that tells steps and loss, seals each checkpoint, and stops where the loss is no number.

    It has the model checked at the end of each epoch, before the step's checkpoint is written: the Trainer's own way would check
    it after that, and a run that goes on from there never would.
    """
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        clock = Clock()

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            loss = (logs or {}).get("loss", (logs or {}).get("eval_loss"))
            if loss is not None and not math.isfinite(float(loss)):
                fault = f"the loss is {loss} at step {state.global_step}"
                raise Fault("train", fault, "lower the learning rate of the phase, or train in float32 or bfloat16")
            if logs and "loss" in logs:
                rate = self.clock.rate(int(logs.get("num_tokens", 0)))
                remark = f"steps, loss {float(logs['loss']):.3f}, {rate:,.0f} tokens/s"
                show(state.global_step, state.max_steps, remark)

        def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
            is_end = round(state.epoch, 6).is_integer() or state.global_step == state.max_steps
            control.should_evaluate = has_validation and is_end
            # The loss is told as a mean since the last time, which a run that goes on from here would not know.
            control.should_log = control.should_log or control.should_save

        def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Teller()


def dataset(rows: list[dict[str, Any]]) -> Any:
    """Rows as a data set in memory, or None where there are none."""
    import datasets

    datasets.disable_progress_bars()
    return datasets.Dataset.from_list(rows) if rows else None
