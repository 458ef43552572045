"""Shapes: what a row is, told by its keys, and how its turns are taken from it.

`SHAPES` is the list in order: of several shapes whose keys a row has, it is taken for the first.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pipeline.data.reading.preferences import Parts, answer_turns, asked_turns, openai_preference, preference
from pipeline.data.reading.rows import Row, Unreadable
from pipeline.data.reading.turns import dialogue_of, listed, tools_of
from pipeline.data.records import Turn

PAIRS = (("prompt", "response"), ("question", "answer"), ("query", "response"), ("input", "output"))
VERDICTS = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
NOTHING: list[Turn] = []


@dataclass(frozen=True)
class Shape:
    """A shape: its name, the sets of keys of which a row must have one, and how a row is read."""

    name: str
    needs: tuple[frozenset[str], ...]
    read: Callable[[Row], Parts]

    def fits(self, keys: Collection[str]) -> bool:
        """Whether a row with these keys has the shape."""
        return any(needed.issubset(keys) for needed in self.needs)


def _chat(row: Row) -> Parts:
    return dialogue_of(row["messages"], "messages"), NOTHING, tools_of(row)


def _sharegpt(row: Row) -> Parts:
    name = "conversations" if "conversations" in row else "conversation"
    return dialogue_of(row[name], name), NOTHING, tools_of(row)


def _completion(row: Row) -> Parts:
    return (
        [*asked_turns(row["prompt"], "prompt"), *answer_turns(row["completion"], "completion")],
        NOTHING,
        tools_of(row),
    )


def _unpaired(row: Row) -> Parts:
    label = row["label"]
    label = label.strip().lower() if isinstance(label, str) else label
    verdict = VERDICTS.get(label) if isinstance(label, str | int) else None
    if verdict is None:
        raise Unreadable("label is neither true nor false; if it is no verdict, name format: prompt_completion")
    if not verdict:
        raise Unreadable("label is false: an answer that is not wanted")
    return _completion(row)


def _pair(row: Row) -> Parts:
    asked, answered = next(pair for pair in PAIRS if pair[0] in row and pair[1] in row)
    question = asked_turns(row[asked], asked, row.get("context"))
    return [*question, *answer_turns(row[answered], answered)], NOTHING, []


def instructed(row: Row) -> list[Turn]:
    """What an instruction asks, with the text that it speaks of below it, after the turns of its history."""
    more = row.get("input") or row.get("context")
    return [*_history(row.get("history")), *asked_turns(row["instruction"], "instruction", more)]


def _history(value: Any) -> list[Turn]:
    turns: list[Turn] = []
    for pair in listed(value, "history") if value else ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise Unreadable("history is no list of questions with answers")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return turns


def _alpaca(row: Row) -> Parts:
    return [*instructed(row), *answer_turns(row["output"], "output")], NOTHING, []


def _dolly(row: Row) -> Parts:
    return [*instructed(row), *answer_turns(row["response"], "response")], NOTHING, []


def _shape(name: str, read: Callable[[Row], Parts], *needs: tuple[str, ...]) -> Shape:
    return Shape(name, tuple(frozenset(keys) for keys in needs), read)


WHOLE_SHAPES = (  # the answer stands under one key; more general ones below
    _shape("preference", preference, ("chosen", "rejected")),
    _shape("openai_preference", openai_preference, ("input", "preferred_output", "non_preferred_output")),
    _shape("chat", _chat, ("messages",)),
    _shape("sharegpt", _sharegpt, ("conversations",), ("conversation",)),
    _shape("unpaired", _unpaired, ("prompt", "completion", "label")),
    _shape("prompt_completion", _completion, ("prompt", "completion")),
)
PAIR_SHAPES = (  # not where the row has each field of the answer under a key of its own
    _shape("alpaca", _alpaca, ("instruction", "output")),
    _shape("dolly", _dolly, ("instruction", "response")),
    _shape("pair", _pair, *PAIRS),
)
SHAPES = (*WHOLE_SHAPES, *PAIR_SHAPES)


def is_example(keys: Collection[str]) -> bool:
    """Whether a row with these keys has one of the shapes, whatever the schema of the answer."""
    return any(shape.fits(keys) for shape in SHAPES)
