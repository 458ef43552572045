"""Turns and answer of a GenAI span, in each of the places where conventions of different years have put them."""

import re
from typing import Any

from pipeline.production.logs.values import Turns, answer, parsed, said, text, turns

MESSAGE = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d+)\.(\w+)")
Row = dict[str, Any]
Events = list[tuple[str, Row]]
Dialogue = tuple[Turns, str | None, str]


def dialogue(known: Row, events: Events) -> Dialogue:
    """Turns, answer and why it ended: from attributes of today, from events, or from attributes of before. Empty where none has them."""
    for read in (_messages, _events, _numbered, _plain):
        found = read(known, events)
        if found[0] or found[1] is not None:
            return found
    return (), None, ""


def _messages(known: Row, _: Events) -> Dialogue:
    """`gen_ai.input.messages` and `gen_ai.output.messages`, with the system's words before them."""
    system = said(parsed(known.get("gen_ai.system_instructions")))
    first: Turns = ({"role": "system", "content": system},) if system else ()
    asked = turns(known.get("gen_ai.input.messages"))
    return (*first, *asked) if asked else (), *answer(known.get("gen_ai.output.messages"))


def _events(_: Row, events: Events) -> Dialogue:
    """An event a turn, and `gen_ai.choice`; or `gen_ai.content.prompt` and `gen_ai.content.completion`."""
    asked: list[dict[str, Any]] = []
    reply: tuple[str | None, str] = (None, "")
    for name, details in events:
        body = parsed(details.get("gen_ai.event.content"))
        details = details | body if isinstance(body, dict) else details
        role = MESSAGE.fullmatch(name)
        if role:
            asked += turns(
                [details | {"role": details.get("role") or role[1], "content": parsed(details.get("content"))}]
            )
        elif name == "gen_ai.choice" and reply[0] is None:
            message = parsed(details.get("message"))
            inner = (
                message
                if isinstance(message, dict)
                else {"content": message if message is not None else details.get("content")}
            )
            reply = answer({"message": inner, "finish_reason": details.get("finish_reason")})
        elif name == "gen_ai.content.prompt":
            asked += turns(details.get("gen_ai.prompt"))
        elif name == "gen_ai.content.completion":
            reply = answer(details.get("gen_ai.completion"))
    return tuple(asked), *reply


def _numbered(known: Row, _: Events) -> Dialogue:
    """`gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, and so on."""
    found: dict[str, dict[int, Row]] = {"prompt": {}, "completion": {}}
    for name, value in known.items():
        part = NUMBERED.fullmatch(name)
        if part:
            found[part[1]].setdefault(int(part[2]), {})[part[3]] = value
    asked = turns([found["prompt"][place] for place in sorted(found["prompt"])])
    replies = found["completion"]
    first = replies[min(replies)] if replies else {}
    return asked, *answer({"message": first, "finish_reason": text(first.get("finish_reason"))} if first else None)


def _plain(known: Row, _: Events) -> Dialogue:
    """`gen_ai.prompt` and `gen_ai.completion`, each a text or JSON in one."""
    return turns(known.get("gen_ai.prompt")), *answer(known.get("gen_ai.completion"))
