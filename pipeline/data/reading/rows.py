"""Rows: what a reader may take out of one, and how a reject speaks of it."""

import json
import math
from typing import Any

Row = dict[str, Any]
LONGEST = 64 * 2**20  # bytes of a row; a longer one is not loaded
TOO_LONG = f"longer than {LONGEST // 2**20} MiB"
DEEPEST = 64  # levels of definitions and arguments of tools, so that whatever writes them later can
SHOWN = 40


class Unreadable(Exception):
    """Why a row is no example."""


def shown(text: str) -> str:
    """A text in a reason: whole where it is short, else its size alone, since half a secret escapes every mask."""
    return repr(text) if len(text) <= SHOWN else f"a text of {len(text)} characters"


def shown_keys(row: Row) -> str:
    """The first keys of a row, as many as may be shown."""
    names: list[str] = []
    for key in row:
        if not key.isprintable() or len(", ".join([*names, key])) > SHOWN:
            break
        names.append(key)
    more = len(row) - len(names)
    if more:
        names.append(f"{more} more" if names else f"{more} of them")
    return ", ".join(names) or "none"


def as_text(value: Any, name: str) -> str:
    """A value as the text of an answer: a text as it is, anything else as JSON. Raises Unreadable for what JSON cannot hold."""
    if isinstance(value, str):
        return value
    if value is None:
        raise Unreadable(f"{name} is missing")
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Unreadable(f"{name} holds a value that is no JSON") from None


def check_json(value: Any, name: str, depth: int = 0) -> None:
    """Raises Unreadable where a value is no JSON, or is nested too deep."""
    if depth > DEEPEST:
        raise Unreadable(f"{name} is nested too deep")
    if isinstance(value, dict):
        is_json = all(isinstance(key, str) for key in value)
    else:
        is_json = value is None or isinstance(value, str | int | list) or _is_finite(value)
    if not is_json:
        raise Unreadable(f"{name} holds a value that is no JSON")
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            check_json(part, name, depth + 1)


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
