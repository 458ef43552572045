"""Whether an answer passes a check, by its kind.

exact   the text, blanks at the ends aside
choice  one of the options, case, quotes and a full stop aside: the right one
regex   a match of the pattern somewhere in the text
json    the same JSON value
fields  JSON with at least these values at its top level
"""

import json
from collections.abc import Callable
from typing import Any

import regex


def passes(answer: str, kind: str, value: Any) -> bool:
    """Whether `answer` passes the check of that `kind` against `value`."""
    return CHECKS[kind](answer, value)


def _exact(answer: str, value: Any) -> bool:
    return answer.strip() == str(value).strip()


def _choice(answer: str, value: Any) -> bool:
    return _plain(answer) != "" and _plain(answer) == _plain(str(value))


def _plain(text: str) -> str:
    return text.strip(" \t\r\n.!\"'“”。").casefold()


def _regex(answer: str, value: Any) -> bool:
    return matches(value, answer, in_doubt=False)


def matches(pattern: str, text: str, in_doubt: bool) -> bool:
    """Whether a pattern is found somewhere in a text; `in_doubt` where that takes more than a second."""
    try:
        return regex.search(pattern, text, timeout=1) is not None
    except TimeoutError:
        return in_doubt


def _json(answer: str, value: Any) -> bool:
    wanted = json.loads(value) if isinstance(value, str) else value
    given = _parsed(answer)
    return given is not NOT_JSON and _same(given, wanted)


def _fields(answer: str, value: Any) -> bool:
    given = _parsed(answer)
    return isinstance(given, dict) and all(key in given and _same(given[key], wanted) for key, wanted in value.items())


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON; the order of keys is nothing."""
    return _canonical(one) == _canonical(other)


def _canonical(value: Any) -> str:
    """JSON text that is the same for equal values alone: 3.0 is 3, and true is not 1."""
    return json.dumps(json.loads(json.dumps(value), parse_float=_number), sort_keys=True)


def _number(text: str) -> int | float:
    return int(float(text)) if float(text).is_integer() else float(text)


NOT_JSON = object()


def _parsed(answer: str) -> Any:
    """The value of a JSON text, or NOT_JSON (a number without end is none: Python refuses it with a ValueError)."""
    try:
        return json.loads(answer, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOT_JSON


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "exact": _exact,
    "choice": _choice,
    "regex": _regex,
    "json": _json,
    "fields": _fields,
}
