"""Values of other people's logs: times, numbers, users, turns and answers, in whatever form. None is what cannot be read."""

import json
import math
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from pipeline.data.records import FAST, digest, parse_json

Turns = tuple[dict[str, Any], ...]
UP = {
    "up",
    "thumbs_up",
    "thumbsup",
    "positive",
    "good",
    "like",
    "liked",
    "helpful",
    "pass",
    "correct",
    "true",
    "yes",
    "1",
}
DOWN = {"down", "thumbs_down", "thumbsdown", "negative", "bad", "dislike", "disliked", "unhelpful", "fail", "incorrect"}
DOWN |= {"not_helpful", "false", "no", "0", "-1"}
ROLES = {"human": "user", "developer": "system", "ai": "assistant", "model": "assistant", "function": "tool"}
FINISHES = {
    "tool_call": "tool_calls",
    "max_tokens": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "error": "engine_failed",
}
LAST_SECOND = 1e11  # an epoch beyond it is in milliseconds, then in micro- and nanoseconds


def json_of(content: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError where it is none. Half a character, which JSON can spell, becomes a question mark."""
    try:
        return FAST.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return whole(parse_json(content))


def whole(value: Any) -> Any:
    """A value out of JSON, in which no text has half a character: those cannot be written."""
    return json.loads(as_json(value).encode("utf-8", "replace"))


def parsed(value: Any) -> Any:
    """A value; where it is JSON in a text, what that says."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return json_of(value)
        except ValueError:
            return value
    return value


def row_of(value: Any) -> dict[str, Any]:
    """An object, also from JSON in a text; an empty one where it is none."""
    value = parsed(value)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """A text, a number as one; empty for anything else."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def number(value: Any) -> float | None:
    """A finite number, also from a text."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int | None:
    """A whole number from 0."""
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def seconds(value: Any, scale: float = 1.0) -> float | None:
    """A duration that is not negative, times `scale`."""
    found = number(value)
    return found * scale if found is not None and found >= 0 else None


def moment(value: Any, is_utc: bool = False) -> datetime | None:
    """A time with its zone: an epoch in seconds to nanoseconds, or ISO 8601. One without a zone is one only where `is_utc` says so."""
    if value is None:
        return None
    found = None if isinstance(value, str) and value[4:5] == "-" else number(value)  # a date is no number: speed
    try:
        if found is not None:
            while abs(found) > LAST_SECOND:
                found /= 1000
            return datetime.fromtimestamp(found, UTC)
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    if time is not None and time.tzinfo is None:
        return time.replace(tzinfo=UTC) if is_utc else None
    return time


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from the one to the other, None where one is missing or they are the wrong way round."""
    return seconds((end - start).total_seconds()) if start and end else None


def user(value: Any) -> str:
    """A digest of whoever asked, so that no name or number travels on."""
    name = text(value)
    return digest(["user", name]) if name else ""


def tags(value: Any) -> tuple[str, ...]:
    """Texts of a list."""
    value = parsed(value)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def identity(*parts: Any) -> str:
    """An id for what came without one: the same content at the same time is the same request."""
    return digest([str(part) if isinstance(part, datetime) else part for part in parts])


def turns(value: Any) -> Turns:
    """The turns of a dialogue: a list of them, an object that holds it, or a text, which is a user's turn."""
    value = parsed(value)
    if isinstance(value, dict):
        inner = value.get("messages")
        return turns(inner) if inner is not None else _turns_of([value])
    if isinstance(value, str):
        return ({"role": "user", "content": value},) if value else ()
    return _turns_of(value) if isinstance(value, list) else ()


def _turns_of(values: list[Any]) -> Turns:
    return tuple(turn for turn in map(_turn, values) if turn)


def _turn(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    role = text(value.get("role") or value.get("type"))
    kept = {key: value[key] for key in ("tool_calls", "tool_call_id", "name") if value.get(key)}
    return {"role": ROLES.get(role, role) or "user", "content": said(value.get("content", value.get("parts")))} | kept


def said(content: Any) -> str:
    """The text of a turn: a text, or the texts among its parts; what is no text is named."""
    if isinstance(content, list):
        return "\n".join(filter(None, map(_part, content)))
    return content if isinstance(content, str) else "" if content is None else as_json(content)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    kind = text(part.get("type"))
    if kind in ("text", "input_text", "output_text", ""):
        return said(part.get("text", part.get("content")))
    if kind == "tool_call_response":
        return said(part.get("result", part.get("response")))
    return "" if kind in ("tool_call", "reasoning") else f"[{kind}]"


def as_json(value: Any) -> str:
    """A value as JSON text."""
    return json.dumps(value, ensure_ascii=False)


def answer(value: Any) -> tuple[str | None, str]:
    """The answer and why it ended: of a response with choices, a message, the last of some messages, or a text."""
    value = parsed(value)
    if isinstance(value, list):
        value = value[-1] if value else None
    if isinstance(value, str):
        return value, ""
    if not isinstance(value, dict):
        return None, ""
    choices = value.get("choices")
    if isinstance(choices, list):
        return answer(choices[0]) if choices else (None, "")
    ended = text(value.get("finish_reason"))
    finish = FINISHES.get(ended, ended)
    message = value.get("message")
    if isinstance(message, dict):
        return answer(message)[0], finish
    if isinstance(value.get("text"), str):
        return value["text"], finish
    if "role" not in value and not ({"content", "parts", "tool_calls"} & value.keys()):
        return (as_json(value) if value else None), finish
    content = value.get("content", value.get("parts"))
    return said(content) or _calls(value) or (None if content is None else ""), finish


def _calls(message: dict[str, Any]) -> str:
    """Calls of tools as JSON, as an example of ours has them."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return as_json([call.get("function", call) for call in calls if isinstance(call, dict)])
    parts = message.get("parts")
    asked = (
        [part for part in parts if isinstance(part, dict) and part.get("type") == "tool_call"]
        if isinstance(parts, list)
        else []
    )
    return as_json([{"name": one.get("name"), "arguments": one.get("arguments")} for one in asked]) if asked else ""


def thumb(value: Any) -> Literal["up", "down"] | None:
    """Praise (up) or blame (down): a truth, 1 against 0 or -1, or a word that says so. Anything between is neither."""
    if isinstance(value, bool):
        return "up" if value else "down"
    found = number(value)
    word = f"{found:g}" if found is not None else text(value).strip().lower().replace(" ", "_").replace("-", "_")
    return "up" if word in UP else "down" if word in DOWN else None
