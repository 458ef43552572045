"""What is proved before a model is trained: which tokens are learnt, that the end of a turn is among them, and what was left out.

A trainer drops rows and cuts answers without a word, and a run that learns nothing has a normal loss curve.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pipeline.model.base import TEMPLATE
from pipeline.model.rendering import Row
from pipeline.stage import Fault

SHOWN = 3  # learnt spans that are shown
MOST = 0.95  # of the tokens: where more are learnt, the mask is not there


@dataclass(frozen=True)
class Dropped:
    """A record that is not trained, and why."""

    source: str
    reason: str


class Sized(Protocol):
    """What has a place and a number of tokens."""

    @property
    def source(self) -> str: ...

    @property
    def size(self) -> int: ...


S = TypeVar("S", bound=Sized)


@dataclass(frozen=True)
class Limit:
    """How many tokens an example may have: `max_length` of the parameters, and the `context` of the model where it says one."""

    max_length: int
    context: int | None

    @property
    def tokens(self) -> int:
        """The smaller of the two."""
        return min(self.max_length, self.context or self.max_length)

    def admits(self, one: Sized) -> bool:
        """Whether it fits."""
        return one.size <= self.tokens

    def parted(self, several: Sequence[S]) -> tuple[list[S], list[Dropped]]:
        """Those that fit, and why the others do not."""
        said = f"train.max_length is {self.max_length}"
        if self.tokens < self.max_length:
            said = f"the base reads {self.tokens}"
        dropped = [Dropped(one.source, f"{one.size} tokens, and {said}") for one in several if not self.admits(one)]
        return [one for one in several if self.admits(one)], dropped

    def fitting(self, several: Sequence[S], may_drop: bool) -> tuple[list[S], list[Dropped]]:
        """Those that fit, and those that do not.

        Raises Fault where one does not and none may be dropped, or none is left.
        """
        remedy = "shorten the examples" if self.tokens < self.max_length else "raise it"
        kept, dropped = self.parted(several)
        if dropped and not may_drop:
            fault = (
                f"{len(dropped)} of {len(several)} examples do not fit ({dropped[0].source} first: {dropped[0].reason})"
            )
            raise Fault("params.yaml: train.max_length", fault, f"{remedy}, or set train.too_long to drop")
        if not kept:
            raise Fault("params.yaml: train.max_length", "leaves no example to train on", remedy)
        return kept, dropped


def balance(trained: int, dropped: Sequence[Dropped]) -> dict[str, Any]:
    """Rows in = rows trained + rows dropped, with reasons."""
    return {
        "rows_in": trained + len(dropped),
        "rows_trained": trained,
        "dropped": _listed(dropped),
    }


def _listed(dropped: Sequence[Dropped]) -> list[dict[str, str]]:
    return [{"source": one.source, "reason": one.reason} for one in dropped]


def validated(checked: int, dropped: Sequence[Dropped]) -> dict[str, Any]:
    """The same of the validation, under a key of its own."""
    counts = {"rows_in": checked + len(dropped), "rows_checked": checked, "dropped": _listed(dropped)}
    return {"validation": counts}


def prove_mask(rows: Sequence[Row], dropped: Sequence[Dropped], tokenizer: Any, ends: set[int]) -> dict[str, Any]:
    """What is learnt, counted. `ends` are the tokens at which the model stops.

    Raises Fault where nothing is learnt, nearly everything is, an end of turn is not learnt, or a row begins twice.
    """
    total = sum(row.size for row in rows)
    learnt = sum(sum(row.learnt) for row in rows)
    if not all(any(row.learnt) for row in rows):
        place = next(row.source for row in rows if not any(row.learnt))
        raise Fault(place, "has no token that is learnt", "give it an answer")
    if learnt >= MOST * total:
        fault = f"marks {learnt / total:.0%} of the tokens as learnt, so that questions would be learnt as well"
        raise Fault(TEMPLATE, fault, "take another base, or mend the template")
    for row in rows:
        _check_end(row, tokenizer, ends)
    begins = tokenizer.bos_token_id
    begun = Counter(row.ids.count(begins) for row in rows) if begins is not None and begins not in ends else Counter()
    if any(count > 1 for count in begun):
        raise Fault(TEMPLATE, "writes the token that begins a text more than once", "mend the template")
    return balance(len(rows), dropped) | {
        "tokens": total,
        "supervised_tokens": learnt,
        "supervised_share": round(learnt / total, 4),
        "longest": max(row.size for row in rows),
        "first_spans": [tokenizer.decode(_learnt(row)) for row in rows[:SHOWN]],
        "end_of_turn": sorted({tokenizer.decode([_end(row, ends)]) for row in rows}),
        "beginnings": {str(count): number for count, number in sorted(begun.items())},
        "without_beginning": _without_beginning(rows, tokenizer),
    }


def _without_beginning(rows: Sequence[Row], tokenizer: Any) -> dict[str, Any] | None:
    """The token that the tokenizer puts before a text, and how many rows a template gave none; None where all have it, or none is put.

    No fault, for a base may have been tuned with that very template; one that was trained with the token answers worse without it.
    """
    begins = tokenizer.bos_token_id
    if begins is None or tokenizer("a")["input_ids"][:1] != [begins]:
        return None
    lacking = sum(row.ids[:1] != [begins] for row in rows)
    return {"token": tokenizer.decode([begins]), "rows": lacking} if lacking else None


def _learnt(row: Row) -> list[int]:
    return [token for token, is_learnt in zip(row.ids, row.learnt, strict=True) if is_learnt]


def _end(row: Row, ends: set[int]) -> int:
    return next(token for token in reversed(_learnt(row)) if token in ends)


def _check_end(row: Row, tokenizer: Any, ends: set[int]) -> None:
    """Each learnt span ends with a token at which the model stops; blanks after it do no harm."""
    spans: list[list[int]] = [[]]
    for token, is_learnt in zip(row.ids, row.learnt, strict=True):
        if is_learnt:
            spans[-1].append(token)
        elif spans[-1]:
            spans.append([])
    for span in filter(None, spans):
        last = max((n for n, token in enumerate(span) if token in ends), default=None)
        if last is None or tokenizer.decode(span[last + 1 :], skip_special_tokens=True).strip():
            names = ", ".join(repr(tokenizer.decode([end])) for end in sorted(ends)) or "no token"
            fault = (
                f"has no end of turn after an answer ({row.source}): the model stops at {names}, and never learnt to"
            )
            raise Fault(TEMPLATE, fault, "take an instruct version of the model, or mend its template")


def prove_trainer(trained: Sequence[tuple[list[int], list[bool]]], rows: Sequence[Row], in_order: bool) -> None:
    """Raises Fault where a trainer does not hold the rows that were proved, each once."""
    wanted, held = [(row.ids, row.learnt) for row in rows], list(trained)
    if wanted != held and (in_order or sorted(wanted) != sorted(held)):
        fault = f"holds {len(held)} rows that are not the {len(rows)} that were proved"
        raise Fault("the trainer", fault, "pin the versions of requirements/model.txt")
