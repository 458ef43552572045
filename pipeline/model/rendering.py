"""A record as the tokens that a model learns: rendered by the model's own chat template, with a mark on each token that is learnt.

Training renders what serving renders: the tokens before an answer are those that the question gives when it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.base import TEMPLATE, chat_text, says, token_ids
from pipeline.stage import Fault


@dataclass(frozen=True)
class Example:
    """A record as turns. `first` is the turn from which on answers are learnt; `other` is the answer that is worse, if any.

    Where it has no turns it is a `text`, which is learnt as it is.
    """

    source: str
    turns: list[Turn]
    first: int
    other: list[Turn]
    text: str = ""


@dataclass(frozen=True)
class Row:
    """The tokens of one example, and which of them are learnt. `source` is the place of its record."""

    source: str
    ids: list[int]
    learnt: list[bool]

    @property
    def size(self) -> int:
        """Tokens."""
        return len(self.ids)


def row_of(tokenizer: Any, example: Example) -> Row:
    """What of an example is learnt where its answers are right."""
    if example.text:
        row = plain(tokenizer, example.text, example.source)
        return Row(row.source, [*row.ids, tokenizer.eos_token_id], [*row.learnt, True])
    return supervised(tokenizer, example.turns, example.first, example.source)


def plain(tokenizer: Any, text: str, source: str) -> Row:
    """A text as it is, after the token that begins a text where there is one; all but the first token are learnt."""
    ids = tokenizer(text, verbose=False, split_special_tokens=True, add_special_tokens=False)["input_ids"]
    if tokenizer.bos_token_id is not None:
        ids = [tokenizer.bos_token_id, *ids]
    return Row(source, ids, [False, *[True] * (len(ids) - 1)][: len(ids)])


def supervised(tokenizer: Any, turns: Sequence[Turn], first: int, source: str) -> Row:
    """Tokens of turns that end with an answer; learnt are the answers from turn `first` on, each with its end of turn.

    Raises Fault where the template renders a question for training in another way than for serving, or an answer in another way
    than it was written.
    """
    whole = token_ids(tokenizer, list(turns), is_asked=False)
    learnt = [False] * len(whole)
    for number in range(first, len(turns)):
        if turns[number]["role"] == "assistant":
            _check_answer(tokenizer, turns, number, source)
            start, end = _span(tokenizer, turns, number, whole, source)
            learnt[start:end] = [True] * (end - start)
    return Row(source, whole, learnt)


def _check_answer(tokenizer: Any, turns: Sequence[Turn], number: int, source: str) -> None:
    """Raises Fault where the template leaves out part of an answer, such as a thought before it."""
    asked = chat_text(tokenizer, list(turns[:number]), is_asked=True)
    through = chat_text(tokenizer, list(turns[: number + 1]), is_asked=False)
    if not says(through.removeprefix(asked), turns[number]["content"]):
        raise Fault(source, f"{TEMPLATE} leaves out or changes part of its answer", "mend the answer, or leave it out")


def _span(tokenizer: Any, turns: Sequence[Turn], number: int, whole: list[int], source: str) -> tuple[int, int]:
    """Where the answer of that turn stands among all tokens."""
    asked = token_ids(tokenizer, list(turns[:number]), is_asked=True)
    if whole[: len(asked)] != asked:
        is_last = number == len(turns) - 1
        fault = f"renders a question for training in another way than for serving ({source} first)"
        remedy = "mend it" if is_last else "set train.turns to last, since it renders earlier answers in another way"
        raise Fault(TEMPLATE, fault, remedy)
    if number == len(turns) - 1:
        return len(asked), len(whole)
    through = token_ids(tokenizer, list(turns[: number + 1]), is_asked=False)
    if whole[: len(through)] != through:
        raise Fault(TEMPLATE, "renders an answer in another way when the talk goes on", "set train.turns to last")
    return len(asked), len(through)
