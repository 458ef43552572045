"""One phase from examples to a trained model: render, leave out what does not fit, prove, train."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.data.records import Turn
from pipeline.model.phases import Trained, last_logged
from pipeline.model.preference import Pair, prefer
from pipeline.model.proofs import Dropped, fitting, prove_mask
from pipeline.model.recipe import Phase, TrainParams
from pipeline.model.rendering import Row, supervised
from pipeline.model.supervised import supervise
from pipeline.model.trainer import Shows
from pipeline.model.weights import Start, context_of, stop_tokens
from pipeline.stage import Fault


class Turns(Protocol):
    """An example as turns; `first` is the turn from which on answers are learnt, `other` the answer that is worse, if any."""

    @property
    def source(self) -> str: ...

    @property
    def turns(self) -> list[Turn]: ...

    @property
    def first(self) -> int: ...

    @property
    def other(self) -> list[Turn]: ...


@dataclass(frozen=True)
class Lesson:
    """What all phases learn from."""

    tokenizer: Any
    learnt: Sequence[Turns]
    checked: Sequence[Turns]
    params: TrainParams
    shows: Shows


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
    rows = [supervised(lesson.tokenizer, one.turns, one.first, one.source) for one in lesson.learnt]
    checked = [supervised(lesson.tokenizer, one.turns, one.first, one.source) for one in lesson.checked]
    kept, dropped = _fitting(lesson, start, rows)
    most = _most(lesson, start)
    checked = [row for row in checked if len(row.ids) <= most]
    proofs = prove_mask(kept, dropped, lesson.tokenizer, stop_tokens(lesson.tokenizer, start.folder))
    model, log = supervise(phase, start, lesson.tokenizer, kept, checked, lesson.params, folder, lesson.shows)
    return model, log, proofs


def _most(lesson: Lesson, start: Start) -> int:
    """How many tokens an example may have."""
    return min(lesson.params.max_length, context_of(start.folder) or lesson.params.max_length)


def _fitting(lesson: Lesson, start: Start, rows: Sequence[Row]) -> tuple[list[Row], list[Dropped]]:
    params = lesson.params
    return fitting(rows, params.max_length, context_of(start.folder), params.too_long == "drop")


def _pairs(lesson: Lesson, start: Start, folder: Path) -> Trained:
    most = _most(lesson, start)
    checked = [pair for pair in _as_pairs(lesson, lesson.checked) if pair.size <= most]
    pairs = _as_pairs(lesson, lesson.learnt)
    _, dropped = _fitting(lesson, start, [pair.longer for pair in pairs])
    trained = [pair for pair in pairs if pair.size <= most]
    ends = stop_tokens(lesson.tokenizer, start.folder)
    proofs = prove_mask([pair.chosen for pair in trained], dropped, lesson.tokenizer, ends)
    prove_mask([pair.rejected for pair in trained], [], lesson.tokenizer, ends)
    model, log = prefer(start, lesson.tokenizer, trained, checked, lesson.params, folder, lesson.shows)
    return model, log, proofs


def _as_pairs(lesson: Lesson, several: Sequence[Turns]) -> list[Pair]:
    pairs = []
    for one in several:
        if one.other:
            asked, answer = one.turns[:-1], one.turns[-1:]
            chosen, rejected = (
                supervised(lesson.tokenizer, [*asked, *said], len(asked), one.source) for said in (answer, one.other)
            )
            if chosen.ids == rejected.ids:
                raise Fault(one.source, "prefers an answer to itself", "mend the pair, or leave it out")
            pairs.append(Pair(asked, answer, one.other, chosen, rejected))
    return pairs


def _parameters(model: Any) -> tuple[int, int]:
    """How many are trained, and how many there are."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, total = model.get_nb_trainable_parameters()
        return int(trainable), int(total)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(number for number, is_trained in counts if is_trained), sum(number for number, _ in counts)
