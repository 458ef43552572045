"""One phase from examples to a trained model: render, leave out what does not fit, prove, train."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.rendering import Example, row_of
from pipeline.model.training.phases import Trained, last_logged
from pipeline.model.training.preference import pairs_of, prefer
from pipeline.model.training.proofs import Limit, prove_mask
from pipeline.model.training.recipe import Phase, TrainParams
from pipeline.model.training.supervised import supervise
from pipeline.model.training.trainer import Shows
from pipeline.model.training.weights import Start, context_of, stop_tokens


@dataclass(frozen=True)
class Lesson:
    """What all phases learn from."""

    tokenizer: Any
    learnt: Sequence[Example]
    checked: Sequence[Example]
    params: TrainParams
    shows: Shows

    def limit(self, start: Start) -> Limit:
        """How many tokens an example may have."""
        return Limit(self.params.max_length, context_of(start.folder))

    @property
    def may_drop(self) -> bool:
        """Whether an example that does not fit may be left out."""
        return self.params.too_long == "drop"


def learn(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    """Train one phase. Raises Fault where something cannot be learnt as it is."""
    if phase == "dpo":
        model, log, proofs = _pairs(lesson, start, folder)
    else:
        model, log, proofs = _answers(lesson, phase, start, folder)
    trainable, total = _parameters(model)
    proofs |= {
        "trainable_parameters": trainable,
        "parameters": total,
        "validation_loss": last_logged(log, "eval_loss"),
        "preference_accuracy": last_logged(log, "eval_rewards/accuracies"),
    }
    return model, log, proofs


def _answers(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    tokenizer, limit = lesson.tokenizer, lesson.limit(start)
    kept, dropped = limit.fitting([row_of(tokenizer, one) for one in lesson.learnt], lesson.may_drop)
    checked = [row for row in (row_of(tokenizer, one) for one in lesson.checked) if limit.admits(row)]
    proofs = prove_mask(kept, dropped, tokenizer, stop_tokens(tokenizer, start.folder))
    model, log = supervise(phase, start, tokenizer, kept, checked, lesson.params, folder, lesson.shows)
    return model, log, proofs


def _pairs(lesson: Lesson, start: Start, folder: Path) -> Trained:
    tokenizer, limit = lesson.tokenizer, lesson.limit(start)
    kept, dropped = limit.fitting(pairs_of(tokenizer, lesson.learnt), lesson.may_drop)
    checked = [pair for pair in pairs_of(tokenizer, lesson.checked) if limit.admits(pair)]
    ends = stop_tokens(tokenizer, start.folder)
    proofs = prove_mask([pair.chosen for pair in kept], dropped, tokenizer, ends)
    prove_mask([pair.rejected for pair in kept], [], tokenizer, ends)
    model, log = prefer(start, tokenizer, kept, checked, lesson.params, folder, lesson.shows)
    return model, log, proofs


def _parameters(model: Any) -> tuple[int, int]:
    """How many are trained, and how many there are."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, total = model.get_nb_trainable_parameters()
        return int(trainable), int(total)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(number for number, is_trained in counts if is_trained), sum(number for number, _ in counts)
