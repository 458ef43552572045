"""Learn the reference answers: with a new adapter (`lora`, `qlora`), or with all weights (`full`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.model.batches import steady
from pipeline.model.proofs import prove_trainer
from pipeline.model.recipe import Phase, TrainParams
from pipeline.model.rendering import Row
from pipeline.model.trainer import Shows, dataset, settings, train
from pipeline.model.weights import Start, lora_config, no_such_targets, trainable


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
    try:
        trainer = steady(SFTTrainer)(
            lengths=[len(row.ids) for row in rows],
            model=trainable(start, params, phase == "qlora", phase == "full"),
            args=SFTConfig(**options),
            train_dataset=dataset(_columns(rows)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=tokenizer,
            peft_config=None if phase == "full" else lora_config(params.adapter),
        )
    except ValueError as error:
        if "target modules" not in str(error).lower():
            raise
        raise no_such_targets(params.adapter) from None
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
