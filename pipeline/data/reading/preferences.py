"""Preferences: what was asked, the answer that was chosen, and the one that was rejected, in all the ways they are written."""

import re
from collections.abc import Sequence
from typing import Any

from pipeline.data.reading.rows import Row, Unreadable, as_text
from pipeline.data.reading.turns import Tools, dialogue_of, tools_of, turns_of
from pipeline.data.records import Turn

Parts = tuple[list[Turn], list[Turn], Tools]  # messages, rejected, tools
SPEAKER = re.compile(r"\n\n(Human|Assistant):")
NO_ANSWER = "has no answer"


def asked_turns(value: Any, name: str, more: Any = None) -> list[Turn]:
    """What was asked: a text, with a second text below it where there is one, or the turns of a dialogue."""
    if isinstance(value, list):
        return turns_of(value, name)
    if not isinstance(value, str):
        raise Unreadable(f"{name} has no text")
    if more is not None and not isinstance(more, str):
        raise Unreadable(f"what stands beside {name} has no text")
    texts = [text for text in (value, more) if text and text.strip()]
    return [{"role": "user", "content": "\n\n".join(texts) if more else value}]


def answer_turns(value: Any, name: str) -> list[Turn]:
    """The answer: the turns of a dialogue, a text, or any other JSON value, which is written as text."""
    if isinstance(value, list) and value and all(map(_is_turn, value)):
        return dialogue_of(value, name)
    return [{"role": "assistant", "content": as_text(value, name)}]


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and (
        ("role" in value and not value.keys().isdisjoint(("content", "tool_calls", "function_call")))
        or ("from" in value and "value" in value)
    )


def preference(row: Row) -> Parts:
    """A row with `chosen` and `rejected`: texts, turns, or whole dialogues that differ at their end."""
    chosen, rejected = row["chosen"], row["rejected"]
    asked = _asked(row)
    if not asked and isinstance(chosen, str) and isinstance(rejected, str) and not _is_script(chosen):
        question, chosen, rejected = _common_beginning(chosen, rejected)
        asked = asked_turns(question, "prompt")
    return (*_combined(asked, _said(chosen, "chosen"), _said(rejected, "rejected")), tools_of(row))


def openai_preference(row: Row) -> Parts:
    """A row of OpenAI's preference files."""
    given = row["input"]
    if not isinstance(given, dict):
        raise Unreadable("input has no messages")
    asked = turns_of(given.get("messages"), "input.messages")
    better = turns_of(row["preferred_output"], "preferred_output")
    worse = turns_of(row["non_preferred_output"], "non_preferred_output")
    return (*_combined(asked, better, worse), tools_of(given))


def _asked(row: Row) -> list[Turn]:
    """The turns before the answers, where they stand apart from them."""
    for name in ("prompt", "question", "query", "instruction", "input"):
        value = row.get(name)
        if value:
            if isinstance(value, str) and _is_script(value):
                return _script(value)
            return asked_turns(value, name, row.get("input") if name == "instruction" else row.get("context"))
    dialogue = row.get("conversations") or row.get("conversation")
    return turns_of(dialogue, "conversations") if dialogue else []


def _said(value: Any, name: str) -> list[Turn]:
    if isinstance(value, str) and _is_script(value):
        return _script(value)
    return answer_turns([value] if _is_turn(value) else value, name)


def _combined(asked: list[Turn], better: list[Turn], worse: list[Turn]) -> tuple[list[Turn], list[Turn]]:
    """Messages that end with the chosen answer, and what it was preferred to."""
    if better == worse:
        raise Unreadable("chosen and rejected are the same")
    shared = _shared(better, worse)
    before, better, worse = better[:shared], better[shared:], worse[shared:]
    if len(better) != 1 or better[0]["role"] != "assistant":
        raise Unreadable(
            f"chosen goes on for {len(better)} turns after what it shares with rejected, not for one answer"
        )
    if not worse or worse[0]["role"] != "assistant":
        raise Unreadable(f"rejected {NO_ANSWER}")
    if not before or before[0]["role"] != "user":  # else the answers repeat what was asked
        before = [*asked, *before]
    if not before:
        raise Unreadable("nothing was asked; add a prompt")
    return [*before, *better], worse


def _shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How much two texts, or lists of turns, have in common from their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))


def _is_script(text: str) -> bool:
    """Whether a text is a dialogue in the manner of Anthropic's: `Human: ...`, `Assistant: ...`."""
    return text.lstrip().startswith("Human:") and "\n\nAssistant:" in text


def _script(text: str) -> list[Turn]:
    parts = SPEAKER.split("\n\n" + text.strip())
    roles = {"Human": "user", "Assistant": "assistant"}
    turns: list[Turn] = [
        {"role": roles[who], "content": said.strip()} for who, said in zip(parts[1::2], parts[2::2], strict=True)
    ]
    return turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns


def _common_beginning(chosen: str, rejected: str) -> tuple[str, str, str]:
    """The question that two texts begin with, up to a blank, and what each goes on with (as TRL tells an implicit prompt)."""
    beginning = chosen[: _shared(chosen, rejected)]
    cut = len(beginning) if beginning[-1:].isspace() else max(beginning.rfind(" "), beginning.rfind("\n")) + 1
    question, better, worse = beginning[:cut].strip(), chosen[cut:].strip(), rejected[cut:].strip()
    if better == worse:
        raise Unreadable("chosen and rejected are the same")
    if not question:
        raise Unreadable("chosen and rejected do not begin alike; add a prompt")
    if not better or not worse:
        raise Unreadable(f"{'rejected' if better else 'chosen'} {NO_ANSWER}")
    return question, better, worse
