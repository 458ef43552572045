"""What an engine answered, out of its bytes: whole as JSON, or streamed as server-sent events, cut anywhere.

Read are the shapes of the OpenAI protocol, of its chats and of its bare completions. Of several choices the first one counts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.records import parse_json

DONE = b"[DONE]"


@dataclass
class Answered:
    """An answer: its words (None where there were none), the engine's word on its end, tokens in and out, calls of tools as they came.

    `has_ended` is False for events that broke off: neither an end nor the mark after it.
    """

    text: str | None = None
    finish: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    calls: list[Any] = field(default_factory=list)
    has_ended: bool = True


def whole(body: bytes) -> Answered:
    """The answer of a body of JSON; nothing where it is none."""
    found = Answered()
    _take(found, _json(body))
    if found.text is None and found.calls:
        found.text = json.dumps(found.calls, ensure_ascii=False, sort_keys=True)
    return found


def streamed(body: bytes) -> Answered:
    """The answer of events, as far as they go."""
    found = Answered()
    is_done = False
    for event in _events(body):
        is_done |= event == DONE
        _take(found, _json(event))
    found.has_ended = is_done or bool(found.finish)
    if found.text is None and found.calls:
        found.text = json.dumps(_joined(found.calls), ensure_ascii=False, sort_keys=True)
    return found


def _events(body: bytes) -> Iterator[bytes]:
    """The data of each event. A line that was cut is told by its JSON."""
    for line in body.splitlines():
        if line.startswith(b"data:"):
            yield line[5:].strip()


def _json(text: bytes) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def _take(found: Answered, value: Any) -> None:
    """Add what a body or an event says."""
    if not isinstance(value, dict):
        return
    usage = value.get("usage")
    if isinstance(usage, dict):
        found.tokens_in, found.tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or choice.get("index", 0) != 0:
        return
    part = choice.get("delta") or choice.get("message") or choice
    if isinstance(part, dict):
        said = part.get("content") or part.get("text") or part.get("refusal")
        if isinstance(said, str):
            found.text = (found.text or "") + said
        if isinstance(part.get("tool_calls"), list):
            found.calls += part["tool_calls"]
    if isinstance(choice.get("finish_reason"), str):
        found.finish = choice["finish_reason"]


def _count(usage: dict[str, Any], name: str) -> int | None:
    count = usage.get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _joined(calls: list[Any]) -> list[dict[str, str]]:
    """Calls of tools that came in pieces: name and arguments of each, by its index."""
    found: dict[int, dict[str, str]] = {}
    for call in calls:
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            at = call.get("index", len(found))
            one = found.setdefault(at if isinstance(at, int) else 0, {"name": "", "arguments": ""})
            for key in one:
                piece = call["function"].get(key)
                one[key] += piece if isinstance(piece, str) else ""
    return [found[at] for at in sorted(found)]
