"""Learn from pairs which answer people prefer (`dpo`): Direct Preference Optimization (Rafailov et al., 2023).

An adapter that is there goes on being trained, and the reference is what it was before; else a new one is trained against the
model without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.batches import steady
from pipeline.model.proofs import prove_trainer
from pipeline.model.recipe import TrainParams
from pipeline.model.rendering import Row
from pipeline.model.trainer import Shows, dataset, settings, train
from pipeline.model.weights import Start, lora_config, no_such_targets, trainable


@dataclass(frozen=True)
class Pair:
    """What was asked, the preferred answer and the other one; `chosen` and `rejected` as the rows that they give."""

    asked: list[Turn]
    answer: list[Turn]
    other: list[Turn]
    chosen: Row
    rejected: Row

    @property
    def longer(self) -> Row:
        """The row of more tokens."""
        return max(self.chosen, self.rejected, key=lambda row: len(row.ids))

    @property
    def size(self) -> int:
        """Tokens of the longer row."""
        return len(self.longer.ids)


def prefer(
    start: Start,
    tokenizer: Any,
    pairs: Sequence[Pair],
    checked: Sequence[Pair],
    params: TrainParams,
    folder: Path,
    shows: Shows,
) -> tuple[Any, list[dict[str, Any]]]:
    """The trained model, and what was logged. `folder` takes the checkpoints."""
    from trl import DPOConfig, DPOTrainer

    options = settings(params, params.dpo, folder)
    try:
        trainer = steady(DPOTrainer)(
            lengths=[pair.size for pair in pairs],
            model=trainable(start, params, params.dpo.quantise),
            args=DPOConfig(**options, beta=params.dpo.beta),
            train_dataset=dataset(_columns(pairs)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=tokenizer,
            peft_config=None if start.adapter else lora_config(params.adapter),
        )
    except ValueError as error:
        if "target modules" not in str(error).lower():
            raise
        raise no_such_targets(params.adapter) from None
    held = list(trainer.train_dataset)
    for side in ("chosen", "rejected"):
        trained = [
            (
                row["prompt_ids"] + row[f"{side}_ids"],
                [False] * len(row["prompt_ids"]) + [True] * len(row[f"{side}_ids"]),
            )
            for row in held
        ]
        prove_trainer(trained, [getattr(pair, side) for pair in pairs])
    return trainer.model, train(trainer, "dpo", shows)


def _columns(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [{"prompt": pair.asked, "chosen": pair.answer, "rejected": pair.other} for pair in pairs]
