"""Learn from pairs which answer people prefer (`dpo`): Direct Preference Optimization (Rafailov et al., 2023).

An adapter that is there goes on being trained, and the reference is what it was before; else a new one is trained against the
model without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.rendering import Example, Row, supervised
from pipeline.model.training.batches import ordered
from pipeline.model.training.curve import Log
from pipeline.model.training.proofs import prove_trainer
from pipeline.model.training.trainer import Job, dataset, settings, train
from pipeline.model.training.weights import lora_config, naming_targets, trainable
from pipeline.stage import Fault


@dataclass(frozen=True)
class Pair:
    """What was asked, the preferred answer and the other one; `chosen` and `rejected` as the rows that they give."""

    asked: list[Turn]
    answer: list[Turn]
    other: list[Turn]
    chosen: Row
    rejected: Row

    @property
    def source(self) -> str:
        """The place of its record."""
        return self.chosen.source

    @property
    def size(self) -> int:
        """Tokens of the longer row."""
        return max(self.chosen.size, self.rejected.size)


def pairs_of(tokenizer: Any, examples: Sequence[Example]) -> list[Pair]:
    """The examples that have a worse answer. Raises Fault for one that prefers an answer to itself."""
    pairs = []
    for one in examples:
        if one.other:
            asked, answer = one.turns[:-1], one.turns[-1:]
            chosen, rejected = (
                supervised(tokenizer, [*asked, *said], len(asked), one.source) for said in (answer, one.other)
            )
            if chosen.ids == rejected.ids:
                raise Fault(one.source, "prefers an answer to itself", "mend the pair, or leave it out")
            pairs.append(Pair(asked, answer, one.other, chosen, rejected))
    return pairs


def prefer(job: Job, pairs: Sequence[Pair], checked: Sequence[Pair]) -> tuple[Any, Log]:
    """The trained model, and what was logged."""
    from trl import DPOConfig, DPOTrainer

    own = job.params.dpo
    with naming_targets(job.params.adapter):
        trainer = ordered(DPOTrainer)(
            lengths=[pair.size for pair in pairs],
            model=trainable(job.start, job.params, own.quantise),
            args=DPOConfig(**settings(job), beta=own.beta),
            train_dataset=dataset(_columns(pairs)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=job.tokenizer,
            peft_config=None if job.start.adapter else lora_config(job.params.adapter),
        )
    held = list(trainer.train_dataset)
    for side in ("chosen", "rejected"):
        trained = [
            (
                row["prompt_ids"] + row[f"{side}_ids"],
                [False] * len(row["prompt_ids"]) + [True] * len(row[f"{side}_ids"]),
            )
            for row in held
        ]
        prove_trainer(trained, [getattr(pair, side) for pair in pairs], in_order=True)
    return trainer.model, train(trainer, job)


def _columns(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """TRL renders the turns itself, as `token_ids` does; `prove_trainer` compares."""
    as_text = {"sanitize_control_tokens": True}
    return [
        {"prompt": pair.asked, "chosen": pair.answer, "rejected": pair.other, "chat_template_kwargs": as_text}
        for pair in pairs
    ]
