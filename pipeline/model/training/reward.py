"""Learn what people prefer (`reward`): a model that gives a text a number, higher for the better answer (Ouyang et al., 2022).

An adapter and a head on the model that the run began with; the phase after it answers to that number.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.base import SAFE, chosen_attention, chosen_device, chosen_dtype, token_ids
from pipeline.model.training.batches import ordered
from pipeline.model.training.curve import Log
from pipeline.model.training.preference import Pair
from pipeline.model.training.proofs import prove_trainer
from pipeline.model.training.recipe import TrainParams
from pipeline.model.training.trainer import Job, dataset, settings, train
from pipeline.model.training.weights import Start, check_targets, lora_config, naming_targets

Worth = Callable[[Sequence[list[Turn]], Sequence[str]], list[float]]  # of answers, given the turns before them


def rate(job: Job, pairs: Sequence[Pair], checked: Sequence[Pair]) -> tuple[Any, Log]:
    """The reward model, and what was logged."""
    from trl import RewardConfig, RewardTrainer

    model = _headed(job.start, job.tokenizer, job.params)
    check_targets(model, job.params.adapter)
    with naming_targets(job.params.adapter):
        trainer = ordered(RewardTrainer)(
            lengths=[pair.size for pair in pairs],
            model=model,
            args=RewardConfig(**settings(job)),
            train_dataset=dataset(_columns(pairs)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=job.tokenizer,
            peft_config=lora_config(job.params.adapter, "SEQ_CLS"),
        )
    held = list(trainer.train_dataset)
    for side in ("chosen", "rejected"):
        rows = [getattr(pair, side) for pair in pairs]
        prove_trainer(
            [(one[f"{side}_ids"], row.learnt) for one, row in zip(held, rows, strict=True)], rows, in_order=True
        )
    return trainer.model, train(trainer, job)


def judge(start: Start, tokenizer: Any, params: TrainParams) -> Worth:
    """The reward model of the phase before, as a function."""
    import torch
    from peft import PeftModel

    model = PeftModel.from_pretrained(_headed(start, tokenizer, params), start.reward).eval()

    def worth(asked: Sequence[list[Turn]], answers: Sequence[str]) -> list[float]:
        said: list[Turn] = [{"role": "assistant", "content": answer} for answer in answers]
        rows = [token_ids(tokenizer, [*turns, one], is_asked=False) for turns, one in zip(asked, said, strict=True)]
        width, pad = max(map(len, rows)), tokenizer.pad_token_id
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=model.device)
        with torch.no_grad():
            found: list[float] = model(input_ids=ids, attention_mask=mask).logits[:, 0].float().tolist()
        return found

    return worth


def _headed(start: Start, tokenizer: Any, params: TrainParams) -> Any:
    """The whole model with a head that gives one number, drawn anew from the seed, which it gives of the last token that is no pad."""
    from transformers import AutoModelForSequenceClassification, set_seed

    set_seed(params.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        start.folder,
        num_labels=1,
        dtype=chosen_dtype(params.dtype, params.device),
        attn_implementation=chosen_attention(params.attention),
        **SAFE,
    )
    model.config.use_cache = False
    # The base may name another pad than the tokenizer, or none: the number would be that of some token beside the answer.
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return model.to(chosen_device(params.device))


def _columns(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [{"chosen_ids": pair.chosen.ids, "rejected_ids": pair.rejected.ids} for pair in pairs]
