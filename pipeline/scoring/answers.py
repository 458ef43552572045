"""What an answer is worth against the reference: format, exact fields, free text, each 0 to 1."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

Scores = dict[str, list[float]]
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


def score(answers: Sequence[str], references: Sequence[str], contract: Contract) -> Scores:
    """Each metric's value for each example."""
    from pipeline.scoring.metrics import Bleu, ExactMatch, RougeL, values

    scores: Scores = {"format_accuracy": formats(answers, contract)}
    for name in contract.exact_fields:
        scores[f"exact_{name}"] = values(ExactMatch, *_fields(answers, references, contract, name, _canonical))
    for name in contract.text_fields:
        texts = _fields(answers, references, contract, name, _text)
        scores[f"rouge_l_{name}"] = values(RougeL, *texts)
        scores[f"bleu_{name}"] = values(Bleu, *texts)
    return scores


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
