"""LoRA by TRL and PEFT, and the proofs that the right tokens were trained."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.base import chosen_device, chosen_dtype, token_ids
from pipeline.model.recipe import TrainParams
from pipeline.stage import Fault

Show = Callable[[int, int, str], None]
Example = dict[str, list[Turn]]


@dataclass(frozen=True)
class Tuned:
    """A trained model with what the trainer saw: token ids, learnt marks and losses."""

    model: Any
    rows: list[dict[str, list[Any]]]
    log: list[dict[str, Any]]
    trainable: int
    total: int

    def loss_table(self) -> str:
        """Tab-separated: step, loss, validation_loss (empty where there is none)."""
        lines = ["step\tloss\tvalidation_loss"]
        for entry in self.log:
            if "loss" in entry or "eval_loss" in entry:
                lines.append(
                    "\t".join([str(entry["step"]), _number(entry.get("loss")), _number(entry.get("eval_loss"))])
                )
        return "\n".join(lines) + "\n"

    def validation_loss(self) -> float:
        """The last one, or not a number where there is no validation data."""
        return next((float(entry["eval_loss"]) for entry in reversed(self.log) if "eval_loss" in entry), float("nan"))

    def card(self, base: str, revision: str, licence: str, examples: int) -> str:
        """The adapter's card, in the hub's form."""
        at = f" at {revision}" if revision else ""
        return (
            f"---\nbase_model: {base}\nlibrary_name: peft\nlicense: {licence}\n---\n\n# Adapter\n\nA LoRA adapter of {base}{at}, "
            f"trained on {examples} examples: {self.trainable:,} of {self.total:,} parameters. "
            f"Validation loss {_number(self.validation_loss())}; the curve is in `loss.tsv`, the proofs are in `proofs.json`, "
            "the prompt to ask it with is in `prompt.yaml`.\n"
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def tune(
    folder: Path, tokenizer: Any, learnt: list[Example], checked: list[Example], params: TrainParams, show: Show
) -> Tuned:
    """Train a LoRA adapter. Raises Fault where the settings fit neither model nor machine."""
    import datasets
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTTrainer

    datasets.disable_progress_bars()
    token_ids(tokenizer, learnt[0]["prompt"], is_asked=True)
    model = _plain_model(folder, params)
    lora = LoraConfig(
        r=params.lora.r,
        lora_alpha=params.lora.alpha,
        lora_dropout=params.lora.dropout,
        target_modules=params.lora.targets,
        task_type="CAUSAL_LM",
    )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            trainer = SFTTrainer(
                model=model,
                args=_settings(params, Path(scratch), bool(checked)),
                train_dataset=datasets.Dataset.from_list(learnt),
                eval_dataset=datasets.Dataset.from_list(checked) if checked else None,
                processing_class=tokenizer,
                peft_config=lora,
                callbacks=[_teller(show)],
            )
        except ValueError as error:
            if "target modules" not in str(error).lower():
                raise
            raise Fault(
                "params.yaml: train.lora.targets",
                f"{params.lora.targets} match no module of the base",
                "write all-linear",
            ) from None
        rows = [
            {"ids": row["input_ids"], "learnt": [label != -100 for label in row["labels"]]}
            for row in trainer.train_dataset
        ]
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    counts = trainer.model.get_nb_trainable_parameters()
    return Tuned(trainer.model, rows, trainer.state.log_history, *counts)


def _plain_model(folder: Path, params: TrainParams) -> Any:
    from pipeline.model.base import load_model

    model = load_model(folder, params.dtype, params.device)
    model.config.use_cache = False
    return model


def _settings(params: TrainParams, scratch: Path, has_validation: bool) -> Any:
    import torch
    from trl import SFTConfig

    dtype = chosen_dtype(params.dtype, params.device)
    return SFTConfig(
        output_dir=str(scratch),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=params.seed,
        data_seed=params.seed,
        num_train_epochs=params.epochs,
        learning_rate=params.learning_rate,
        lr_scheduler_type=params.schedule,
        warmup_steps=params.warmup_share,
        weight_decay=params.weight_decay,
        per_device_train_batch_size=params.batch_size,
        per_device_eval_batch_size=params.batch_size,
        gradient_accumulation_steps=params.accumulate,
        max_length=params.max_length,
        use_cpu=chosen_device(params.device) == "cpu",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        completion_only_loss=True,
        activation_checkpointing=False,
        logging_steps=10,
        eval_strategy="epoch" if has_validation else "no",
        dataloader_pin_memory=False,
        train_sampling_strategy="group_by_length",
    )


def _teller(show: Show) -> Any:
    """A callback that tells steps and loss, and prints nothing else."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                show(state.global_step, state.max_steps, f"steps, loss {float(logs['loss']):.3f}")

    return Teller()


def prove(tuned: Tuned, tokenizer: Any, learnt: list[Example]) -> dict[str, Any]:
    """What was trained, counted from the trainer's own rows. Raises Fault where a row is missing or an answer is cut.

    A trainer drops rows and cuts answers without a word; a model that never saw its end of turn does not stop.
    """
    if len(tuned.rows) != len(learnt):
        raise Fault(
            "params.yaml: train.max_length",
            f"{len(learnt) - len(tuned.rows)} of {len(learnt)} examples do not fit",
            "raise it",
        )
    supervised = sum(sum(row["learnt"]) for row in tuned.rows)
    total = sum(len(row["ids"]) for row in tuned.rows)
    for row, example in zip(tuned.rows, learnt, strict=True):
        asked = token_ids(tokenizer, example["prompt"], is_asked=True)
        if row["ids"][: len(asked)] != asked or any(row["learnt"][: len(asked)]):
            raise Fault(
                "the chat template", "renders a question for training in another way than for serving", "mend it"
            )
        whole = token_ids(tokenizer, [*example["prompt"], *example["completion"]], is_asked=False)
        if row["ids"] != whole or not all(row["learnt"][len(asked) :]):
            fault = "an answer is cut, so that its end of turn is not learnt"
            raise Fault("params.yaml: train.max_length", fault, "raise it")
    spans = [
        tokenizer.decode([i for i, is_learnt in zip(row["ids"], row["learnt"], strict=True) if is_learnt])
        for row in tuned.rows[:3]
    ]
    return {
        "rows_in": len(learnt),
        "rows_trained": len(tuned.rows),
        "tokens": total,
        "supervised_tokens": supervised,
        "supervised_share": round(supervised / total, 4),
        "first_spans": spans,
        "trainable_parameters": tuned.trainable,
        "parameters": tuned.total,
    }
