"""One phase from examples to a trained model: render, leave out what does not fit, prove, train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.model.base import TEMPLATE, load_base, load_tokenizer
from pipeline.model.parity import PROMPTS
from pipeline.model.rendering import Example, row_of
from pipeline.model.training.beginning import Begun
from pipeline.model.training.curve import REWARD, last_logged, logged_at, overfit
from pipeline.model.training.keeping import Keeper
from pipeline.model.training.memory import recomputes
from pipeline.model.training.phases import Trained
from pipeline.model.training.policy import Scorer, improve, questions_of, rewarded
from pipeline.model.training.preference import pairs_of, prefer
from pipeline.model.training.proofs import Dropped, Limit, S, balance, prove_mask, validated
from pipeline.model.training.ranks import say
from pipeline.model.training.recipe import POLICY, SUPERVISED, Phase, PolicyParams, TrainParams
from pipeline.model.training.reward import rate
from pipeline.model.training.supervised import supervise
from pipeline.model.training.trainer import Job, Shows
from pipeline.model.training.weights import Start, context_of, stop_tokens

ACCURACIES: dict[Phase, str] = {"dpo": "eval_rewards/accuracies", "reward": "eval_accuracy"}  # as TRL logs them


@dataclass(frozen=True)
class Lesson:
    """What all phases learn from, and where the first one begins; `general` examples where right answers are learnt, beside the task's."""

    begun: Begun
    learnt: Sequence[Example]
    general: Sequence[Example]
    checked: Sequence[Example]
    params: TrainParams
    shows: Shows
    scorers: Mapping[str, Scorer]

    def limit(self, start: Start) -> Limit:
        """How many tokens an example may have."""
        return Limit(self.params.max_length, context_of(start.folder))

    def job(self, phase: Phase, start: Start, folder: Path, length: int) -> Job:
        """The phase as a job whose rows have at most so many tokens. Raises Fault where it does not fit the memory."""
        params = self.params
        is_recomputed = recomputes(start.folder, phase, params, params.of(phase).batch_size * length)
        return Job(phase, start, self.tokenizer, params, is_recomputed, folder, self.shows)

    @cached_property
    def tokenizer(self) -> Any:
        """That of the model it begins with."""
        return load_tokenizer(self.begun.start.folder)

    def keeper(self) -> Keeper:
        """What keeps the results, with real prompts to prove them on: of the validation, and of the training where there are too few."""
        limit, rows = (
            self.limit(self.begun.start),
            (row_of(self.tokenizer, one) for one in [*self.checked, *self.learnt]),
        )
        return Keeper(
            load_base(self.begun.base), self.tokenizer, self.params, list(islice(filter(limit.admits, rows), PROMPTS))
        )

    @property
    def may_drop(self) -> bool:
        """Whether an example that does not fit may be left out."""
        return self.params.too_long == "drop"


def learn(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    """Train one phase. Raises Fault where something cannot be learnt as it is."""
    teach = _answers if phase in SUPERVISED else _questions if phase in POLICY else _pairs
    model, log, proofs = teach(lesson, phase, start, folder)
    trainable, total = _parameters(model)
    kept = int(last_logged(log, "kept_step") or 0)
    proofs |= {
        "trainable_parameters": trainable,
        "parameters": total,
        "steps": log[-1]["step"],
        "kept_step": kept,
        "validation_loss": logged_at(log, "eval_loss", kept),
        "preference_accuracy": logged_at(log, ACCURACIES.get(phase, ""), kept),
        "validation_reward": logged_at(log, REWARD.key, kept),
        "overfit": None if phase in POLICY else overfit(log),
    }
    _warn(phase, proofs["overfit"])
    return model, log, proofs


def _answers(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    tokenizer, limit = lesson.tokenizer, lesson.limit(start)
    kept, dropped = limit.fitting(
        [row_of(tokenizer, one) for one in [*lesson.learnt, *lesson.general]], lesson.may_drop
    )
    checked, validation = _checked(phase, limit, [row_of(tokenizer, one) for one in lesson.checked])
    proofs = prove_mask(kept, dropped, tokenizer, stop_tokens(tokenizer, start.folder)) | {
        "replayed": len(lesson.general)
    }
    _tell_beginning(phase, proofs)
    length = lesson.params.max_length if lesson.params.packing else proofs["longest"]
    model, log, more = supervise(lesson.job(phase, start, folder, length), kept, checked)
    return model, log, proofs | more | validation


def _pairs(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    tokenizer, limit = lesson.tokenizer, lesson.limit(start)
    kept, dropped = limit.fitting(pairs_of(tokenizer, lesson.learnt), lesson.may_drop)
    checked, validation = _checked(phase, limit, pairs_of(tokenizer, lesson.checked), _single(lesson.checked))
    ends = stop_tokens(tokenizer, start.folder)
    proofs = prove_mask([pair.chosen for pair in kept], [*_single(lesson.learnt), *dropped], tokenizer, ends)
    prove_mask([pair.rejected for pair in kept], [], tokenizer, ends)
    _tell_beginning(phase, proofs)
    both = 2 * max(pair.size for pair in kept)  # of a pair both answers go through the model together
    model, log = (rate if phase == "reward" else prefer)(lesson.job(phase, start, folder, both), kept, checked)
    return model, log, proofs | validation


def _questions(lesson: Lesson, phase: Phase, start: Start, folder: Path) -> Trained:
    tokenizer, limit, own = lesson.tokenizer, lesson.limit(start), lesson.params.of(phase)
    assert isinstance(own, PolicyParams)
    kept, dropped = limit.fitting(questions_of(tokenizer, lesson.learnt, own), lesson.may_drop)
    checked, validation = _checked(phase, limit, questions_of(tokenizer, lesson.checked, own))
    longest = max(one.size for one in kept)
    model, log = improve(lesson.job(phase, start, folder, longest), kept, checked, lesson.scorers)
    proofs = (
        balance(len(kept), dropped) | {"tokens": sum(one.asked for one in kept), "longest": longest} | rewarded(log)
    )
    if not proofs["has_signal"]:
        say(
            f"train: {phase} learnt nothing: all answers to a question were always worth the same; train with lora first, "
            "raise the temperature, or reward what some answers have and others have not"
        )
    return model, log, proofs | validation


def _checked(
    phase: Phase, limit: Limit, rows: Sequence[S], single: Sequence[Dropped] = ()
) -> tuple[list[S], dict[str, Any]]:
    """The rows of the validation that fit, and the count of it for the proofs; those that are left out, `single` ones too, are told."""
    fit, long = limit.parted(rows)
    dropped = [*single, *long]
    if dropped:
        first = f"the first {dropped[0].source} ({dropped[0].reason})"
        say(f"train: {phase}: {len(dropped)} of {len(dropped) + len(fit)} validation rows are left out, {first}")
    return fit, validated(len(fit), dropped)


def _tell_beginning(phase: Phase, proofs: dict[str, Any]) -> None:
    if found := proofs["without_beginning"]:
        say(
            f"train: {phase}: {TEMPLATE} leaves {found['token']!r} out of {found['rows']} of {proofs['rows_trained']} rows, and its "
            "tokenizer begins a text with it; see in the card of the base whether that is meant, and mend the template where it is not"
        )


def _single(examples: Sequence[Example]) -> list[Dropped]:
    """Those that are no pair."""
    return [Dropped(one.source, "has no worse answer") for one in examples if not one.other]


def _warn(phase: Phase, found: dict[str, float] | None) -> None:
    if found:
        say(
            f"train: {phase} learns by heart: validation loss rose from {found['best_validation_loss']} at step "
            f"{found['best_step']} to {found['last_validation_loss']} while training loss fell; fewer epochs, a smaller "
            "rank or more examples help"
        )


def _parameters(model: Any) -> tuple[int, int]:
    """How many are trained, and how many there are."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, total = model.get_nb_trainable_parameters()
        return int(trainable), int(total)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(number for number, is_trained in counts if is_trained), sum(number for number, _ in counts)
