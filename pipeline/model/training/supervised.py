"""Learn the reference answers: with a new adapter (`lora`, `qlora`), or with all weights (`full`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.model.rendering import Row
from pipeline.model.training.batches import ordered
from pipeline.model.training.proofs import prove_trainer
from pipeline.model.training.recipe import Phase, TrainParams
from pipeline.model.training.trainer import Shows, dataset, settings, train
from pipeline.model.training.weights import Start, lora_config, naming_targets, trainable


def supervise(
    phase: Phase,
    start: Start,
    tokenizer: Any,
    rows: Sequence[Row],
    checked: Sequence[Row],
    params: TrainParams,
    folder: Path,
    shows: Shows,
) -> tuple[Any, list[dict[str, Any]]]:
    """The trained model, and what was logged. `folder` takes the checkpoints."""
    from trl import SFTConfig, SFTTrainer

    options = settings(params, params.of(phase), folder)
    with naming_targets(params.adapter):
        trainer = ordered(SFTTrainer)(
            lengths=[row.size for row in rows],
            model=trainable(start, params, phase == "qlora", phase == "full"),
            args=SFTConfig(**options),
            train_dataset=dataset(_columns(rows)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=tokenizer,
            peft_config=None if phase == "full" else lora_config(params.adapter),
        )
    held = trainer.train_dataset
    prove_trainer([(row["input_ids"], [label != -100 for label in row["labels"]]) for row in held], rows)
    return trainer.model, train(trainer, phase, shows)


def _columns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "input_ids": row.ids,
            "labels": [token if is_learnt else -100 for token, is_learnt in zip(row.ids, row.learnt, strict=True)],
        }
        for row in rows
    ]
