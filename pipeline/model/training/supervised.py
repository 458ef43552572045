"""Learn the reference answers: with an adapter (`lora`, `qlora`), or with all weights (`full`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.model.rendering import Row
from pipeline.model.training.attention import by_example
from pipeline.model.training.batches import POOL, ordered
from pipeline.model.training.curve import Log
from pipeline.model.training.packing import prove_packing
from pipeline.model.training.proofs import prove_trainer
from pipeline.model.training.ranks import is_sharded
from pipeline.model.training.trainer import Job, dataset, settings, train
from pipeline.model.training.weights import lora_config, naming_targets, trainable


def supervise(job: Job, rows: Sequence[Row], checked: Sequence[Row]) -> tuple[Any, Log, dict[str, Any]]:
    """The trained model, what was logged, and what was proved of packed rows."""
    from trl import SFTConfig, SFTTrainer

    score_what_is_learnt()
    params, is_whole = job.params, job.phase == "full"
    model = trainable(job.start, params, job.phase == "qlora", is_whole)
    may_change = params.attention == "auto" and not params.compile and not is_sharded()
    with by_example(model, [*rows, *checked], may_change) as is_unpadded:
        with naming_targets(params.adapter):
            trainer = ordered(SFTTrainer)(
                lengths=[row.size for row in rows],
                pool=1 if is_unpadded else POOL,
                model=model,
                args=SFTConfig(**settings(job) | _packing(job, rows) | {"padding_free": is_unpadded}),
                train_dataset=dataset(_columns(rows)),
                eval_dataset=dataset(_columns(checked)),
                processing_class=job.tokenizer,
                peft_config=None if is_whole or job.start.adapter else lora_config(params.adapter),
            )
        held = list(trainer.train_dataset)
        prove_trainer([one for row in held for one in _examples(row)], rows, in_order=not params.packing)
        proofs: dict[str, Any] = {"is_unpadded": is_unpadded}
        if params.packing:
            trainer.lengths = [len(row["input_ids"]) for row in held]
            proofs |= {"packed_rows": len(held), "packing": prove_packing(trainer.model, rows)}
        return trainer.model, train(trainer, job), proofs


def score_what_is_learnt() -> None:
    """Have TRL project only the tokens that are learnt on the vocabulary, on every device.

    It does so where it has a Triton kernel, and elsewhere projects all of them, since some accelerators would compile anew for
    each number of tokens. A CPU does not, and the projection is a third of a step of a small model.
    """
    from trl.trainer import utils

    utils._use_triton = lambda _device: True  # TRL has no setting for it; its version is pinned


def _packing(job: Job, rows: Sequence[Row]) -> dict[str, Any]:
    """Rows are filled up with whole examples (best fit decreasing); validation stays as it is, so that losses compare."""
    if not job.params.packing:
        return {}
    length = max(job.params.max_length, *(row.size for row in rows))
    return {"packing": True, "packing_strategy": "bfd", "max_length": length, "eval_packing": False}


def _columns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "input_ids": row.ids,
            "labels": [token if is_learnt else -100 for token, is_learnt in zip(row.ids, row.learnt, strict=True)],
        }
        for row in rows
    ]


def _examples(row: dict[str, Any]) -> Iterator[tuple[list[int], list[bool]]]:
    """The examples of a row that a trainer holds: one, or those that are packed in it."""
    first = 0
    for length in row.get("seq_lengths") or [len(row["input_ids"])]:
        labels = row["labels"][first : first + length]
        yield row["input_ids"][first : first + length], [label != -100 for label in labels]
        first += length
