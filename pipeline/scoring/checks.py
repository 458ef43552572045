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
    return _plain(answer) == _plain(str(value))


def _plain(text: str) -> str:
    return text.strip().strip(".\"'").casefold()


def _regex(answer: str, value: Any) -> bool:
    try:
        return regex.search(value, answer, timeout=1) is not None
    except TimeoutError:
        return False


def _json(answer: str, value: Any) -> bool:
    wanted = json.loads(value) if isinstance(value, str) else value
    return _same(_parsed(answer), wanted)


def _fields(answer: str, value: Any) -> bool:
    given = _parsed(answer)
    return isinstance(given, dict) and all(key in given and _same(given[key], wanted) for key, wanted in value.items())


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and the order of keys is nothing."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (json.JSONDecodeError, RecursionError):
        return None


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "exact": _exact,
    "choice": _choice,
    "regex": _regex,
    "json": _json,
    "fields": _fields,
}
