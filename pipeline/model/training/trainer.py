"""One phase as a run of a Trainer that may be killed at any moment and goes on: settings, what is told, checkpoints, faults."""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.disk import naming_full_disk
from pipeline.model.base import chosen_device, chosen_dtype
from pipeline.model.training.checkpoints import STATE, newest_whole, seal
from pipeline.model.training.curve import LOSS, Log, Measure, has_lost_patience
from pipeline.model.training.ranks import is_main, say, wait
from pipeline.model.training.recipe import Phase, PhaseParams, TrainParams
from pipeline.model.training.weights import Start
from pipeline.stage import Fault

Show = Callable[[int, int, str], None]
Shows = Callable[[int], Show]  # from the step at which a run begins
KEPT = 2  # checkpoints: the newest, and the one before it in case that one is damaged
LOGGED = 10  # steps


@dataclass(frozen=True)
class Job:
    """One phase that is to be trained: from where, with what, and where its checkpoints go.

    `is_recomputed`: activations are computed twice, to save memory.
    """

    phase: Phase
    start: Start
    tokenizer: Any
    params: TrainParams
    is_recomputed: bool
    folder: Path
    shows: Shows

    @property
    def own(self) -> PhaseParams:
        """The section of the phase."""
        return self.params.of(self.phase)


def settings(job: Job) -> dict[str, Any]:
    """What the configurations of all of TRL's trainers have in common."""
    import torch

    params, own = job.params, job.own
    dtype = chosen_dtype(params.dtype, params.device)
    return {
        "output_dir": str(job.folder),
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
        "activation_checkpointing": job.is_recomputed,
        "torch_compile": params.compile,
        "logging_steps": LOGGED,
        "logging_nan_inf_filter": False,  # it would tell the mean of the steps before in place of a loss that is no number
        "eval_strategy": "no",  # the callback says when
        "dataloader_pin_memory": False,
        "max_length": None,  # what does not fit was left out before, and counted
    }


def train(trainer: Any, job: Job, measure: Measure = LOSS) -> Log:
    """Train to the end, from the newest whole checkpoint where there is one; the model is then the one to keep.

    `measure` says which validation is the best. Returns what was logged, and under `kept_step` in its last entry the step that is
    kept. Raises Fault where the loss is no number any more, the memory or the disk is full.
    """
    import torch
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    params, folder = job.params, job.folder
    checkpoint = _newest(folder)
    has_validation = trainer.eval_dataset is not None
    if has_validation and params.keep == "best":
        _keep_best(trainer, measure)
    kinds = {name: weight.dtype for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    try:
        with naming_full_disk(folder, "make room; the run goes on from the last whole checkpoint"):
            if checkpoint and has_lost_patience(_log_of(checkpoint), params.patience, measure):
                _take_up(trainer, checkpoint)
            else:
                _run(trainer, job, checkpoint, _teller(job, _step_of(checkpoint), has_validation, measure))
    except torch.OutOfMemoryError:
        fault = f"{trainer.args.per_device_train_batch_size} rows a step do not fit the memory"
        remedy = "lower it and raise accumulate, lower train.max_length, or take qlora"
        raise Fault(f"params.yaml: train.{job.phase}.batch_size", fault, remedy) from None
    for name, weight in trainer.model.named_parameters():
        if name in kinds:
            weight.data = weight.data.to(kinds[name])  # what is read back from a checkpoint is float32
    found: Log = trainer.state.log_history
    kept = _step_of(Path(trainer.state.best_model_checkpoint)) if _keeps_best(trainer) else trainer.state.global_step
    return [*found, {"step": trainer.state.global_step, "kept_step": kept}]


def _newest(folder: Path) -> Path | None:
    """The checkpoint to go on from; one process deletes what is damaged, then all look."""
    if is_main() and (not folder.is_dir() or not newest_whole(folder)):
        shutil.rmtree(folder, ignore_errors=True)
    wait()
    return newest_whole(folder) if folder.is_dir() else None


def _keep_best(trainer: Any, measure: Measure) -> None:
    """Have the Trainer remember the checkpoint of the best validation, and load it at the end."""
    trainer.args.metric_for_best_model, trainer.args.greater_is_better = measure.key, measure.is_gain
    # Its own check wants checkpoints and validations at the same steps; ours are written at validations too.
    trainer.args.load_best_model_at_end = True


def _keeps_best(trainer: Any) -> bool:
    return bool(trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint)


def _run(trainer: Any, job: Job, checkpoint: Path | None, teller: Any) -> None:
    if checkpoint:
        say(f"train: {job.phase} goes on from step {_step_of(checkpoint)}")
    trainer.add_callback(teller)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _take_up(trainer: Any, checkpoint: Path) -> None:
    """A run that had stopped before its end and was killed then: what is to be kept is there."""
    from transformers import TrainerState

    trainer.state = TrainerState.load_from_json(str(checkpoint / STATE))
    if not _keeps_best(trainer):
        trainer.state.best_model_checkpoint = str(checkpoint)
    trainer._load_best_model()  # it knows adapters, whole models and sharded ones


def _step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _log_of(checkpoint: Path) -> Log:
    found: Log = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))["log_history"]
    return found


class Clock:
    """Tokens a second since the last time that it was asked; the first time since it was made, when there were `tokens` already."""

    def __init__(self, tokens: int) -> None:
        self._tokens, self._at = tokens, time.monotonic()

    def rate(self, tokens: int) -> float:
        """Given how many there were in all, padding not counted."""
        now = time.monotonic()
        found = (tokens - self._tokens) / max(now - self._at, 1e-9)
        self._tokens, self._at = tokens, now
        return found


def _teller(job: Job, first: int, has_validation: bool, measure: Measure) -> Any:
    """A callback that tells steps and loss, seals each checkpoint, and stops where the loss is no number or gets no better.

    It has the model checked at the end of each epoch, before the step's checkpoint is written: the Trainer's own way would check
    it after that, and a run that goes on from there never would.
    """
    params, show = job.params, job.shows(first)
    may_end_here = params.keep == "best" or params.patience > 0
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        clock: Clock

        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            self.clock = Clock(state.num_input_tokens_seen)  # policies count on after a kill, the others from 0 again

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            loss = (logs or {}).get("loss", (logs or {}).get("eval_loss"))
            if loss is not None and not math.isfinite(float(loss)):
                place, fault = (
                    f"params.yaml: train.{job.phase}.learning_rate",
                    f"the loss is {loss} at step {state.global_step}",
                )
                raise Fault(place, fault, "lower it, or set train.dtype to float32 or bfloat16")
            if logs and "loss" in logs:
                rate = self.clock.rate(int(logs.get("num_tokens", 0)))
                worth = f", reward {logs['reward']:.3f}" if "reward" in logs else ""
                remark = f"steps, loss {float(logs['loss']):.3f}{worth}, {rate:,.0f} tokens/s"
                if is_main():
                    show(state.global_step, state.max_steps, remark)

        def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
            is_end = round(state.epoch, 6).is_integer() or state.global_step == state.max_steps
            control.should_evaluate = has_validation and is_end
            control.should_save = control.should_save or (control.should_evaluate and may_end_here)
            # The loss is told as a mean since the last time, which a run that goes on from here would not know.
            control.should_log = control.should_log or control.should_save or control.should_evaluate

        def on_evaluate(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
            if has_lost_patience(state.log_history, params.patience, measure):
                control.should_training_stop = True

        def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
            wait()  # each process writes the state of its random numbers
            if is_main():
                seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            wait()

    return Teller()


def dataset(rows: list[dict[str, Any]]) -> Any:
    """Rows as a data set in memory, or None where there are none."""
    import datasets

    datasets.disable_progress_bars()
    return datasets.Dataset.from_list(rows) if rows else None
