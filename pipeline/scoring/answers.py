"""What an answer is worth against the reference: format, exact fields, free text, each 0 to 1."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from pipeline.scoring.checks import matches
from pipeline.scoring.own import OWN

Scores = dict[str, list[float]]
PARTS = ("format_parses", "format_schema", "format_permitted")  # of format accuracy: told, and not compared
NO_ANSWER = "\0"  # equals no reference


class Contract(Protocol):
    """What is asked of an answer: its schema, and its fields with one right value and with free text."""

    @property
    def exact_fields(self) -> Sequence[str]: ...

    @property
    def text_fields(self) -> Sequence[str]: ...

    def complaint(self, text: str) -> str | None: ...

    def is_readable(self, text: str) -> bool: ...

    def field(self, text: str, name: str) -> Any: ...


def score(
    answers: Sequence[str], references: Sequence[str], contract: Contract, prohibited: Sequence[str] = ()
) -> Scores:
    """Each metric's value for each example. `prohibited` are patterns that no answer may match."""
    from pipeline.scoring.metrics import Bleu, ExactMatch, Own, RougeL, values

    scores = format_parts(answers, contract, prohibited)
    for name in contract.exact_fields:
        scores[f"exact_{name}"] = values(ExactMatch, *_fields(answers, references, contract, name, _canonical))
    for name in contract.text_fields:
        texts = _fields(answers, references, contract, name, _text)
        scores[f"rouge_l_{name}"] = values(RougeL, *texts)
        scores[f"bleu_{name}"] = values(Bleu, *texts)
    return scores | {
        name: values(partial(Own, function), list(answers), list(references)) for name, function in OWN.items()
    }


def format_parts(answers: Sequence[str], contract: Contract, prohibited: Sequence[str]) -> Scores:
    """Format accuracy, and each of its parts alone: the answer parses, meets the schema, and matches nothing that is prohibited."""
    parses = [float(bool(answer.strip()) and contract.is_readable(answer)) for answer in answers]
    meets = formats(answers, contract)
    permitted = [
        float(bool(answer.strip()) and not any(matches(pattern, answer, in_doubt=True) for pattern in prohibited))
        for answer in answers
    ]
    both = [one * other for one, other in zip(meets, permitted, strict=True)]
    return {"format_accuracy": both, "format_parses": parses, "format_schema": meets, "format_permitted": permitted}


def formats(answers: Sequence[str], contract: Contract) -> list[float]:
    """1 for an answer that parses and meets the schema."""
    return [float(bool(answer.strip()) and contract.complaint(answer) is None) for answer in answers]


def exactness(answers: Sequence[str], references: Sequence[str], contract: Contract) -> list[float]:
    """The share of the fields with one right value that an answer has right: the mean of its `exact_` metrics."""
    names = contract.exact_fields
    found = [_fields(answers, references, contract, name, _canonical) for name in names]
    right = ([float(one == other) for one, other in zip(*texts, strict=True)] for texts in found)
    return [sum(several) / len(names) for several in zip(*right, strict=True)]


def field_texts(references: Sequence[str], contract: Contract, name: str) -> list[str]:
    """A field with one right value of each reference, as text that is the same for equal values alone."""
    return [_canonical(contract.field(reference, name)) for reference in references]


def _fields(
    answers: Sequence[str], references: Sequence[str], contract: Contract, name: str, form: Callable[[Any], str]
) -> tuple[list[str], list[str]]:
    """A field of answers and references as texts. A field that both leave out agrees; an unreadable answer never does."""
    given = [form(contract.field(text, name)) if contract.is_readable(text) else NO_ANSWER for text in answers]
    return given, [form(contract.field(reference, name)) for reference in references]


def _canonical(value: Any) -> str:
    """A value as text that is the same for equal values alone: "3" is not 3, and 3.0 is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else json.dumps(value, sort_keys=True)


def _text(value: Any) -> str:
    """Free text, halves of surrogate pairs replaced, since no library takes them."""
    text = value if isinstance(value, str) else _canonical(value)
    return text.encode("utf-8", "replace").decode("utf-8")
