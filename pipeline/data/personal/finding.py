"""Personal data and secrets: found by rule, masked by policy, never shown.

`find` is for one text, `Masker` for the texts of one record.
"""

import json
import re
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.data.personal.rules import find
from pipeline.data.personal.text import KINDS, Hit, plain
from pipeline.data.records import Turn, parse_json

__all__ = ["KINDS", "Hit", "Masker", "PersonalDataParams", "find", "mask_turns"]

PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9]+\]")
Policy = Literal["redact", "reject", "allow"]


class PersonalDataParams(BaseModel):
    """What becomes of each kind. redact: a placeholder takes its place; reject: the row is no example; allow: it stays."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    email: Policy
    phone: Policy
    card: Policy
    iban: Policy
    aadhaar: Policy
    pan: Policy
    upi: Policy
    ip: Policy
    api_key: Policy
    private_key: Policy
    jwt: Policy


class Masker:
    """Masks the texts of one record; the same value has the same placeholder in all of them.

    `counts` is how often each kind was found, whatever its policy; `rejected` are the kinds for which the record is no example.
    """

    def __init__(self, policy: PersonalDataParams) -> None:
        self.counts: Counter[str] = Counter()
        self.rejected: set[str] = set()
        self._policy = policy
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()

    def mask(self, text: str, label: str = "") -> str:
        """The text with placeholders such as [EMAIL_1]; the same object where there is nothing to mask. JSON stays JSON.

        `label` is what the text is called where it stands, such as the key of a JSON object: "order_id" makes no phone number.
        """
        hits = _labelled(text, label)
        if not hits and "\\u" not in text:
            return text
        value = _container(text)
        if value is None:
            return self._masked(text, label, hits)
        masked = self.mask_json(value)
        if masked == value:
            return text
        plainly = self._replaced(text, hits)
        return plainly if _container(plainly) == masked else json.dumps(masked, ensure_ascii=False)

    def mask_json(self, value: Any) -> Any:
        """A JSON value with its texts and numbers masked, at any depth; a masked number becomes a text."""
        root = [value]
        todo: list[tuple[Any, Any, str]] = [(root, 0, "")]
        while todo:
            holder, key, label = todo.pop()
            part = holder[key]
            if isinstance(part, dict):
                holder[key] = copy = {self.mask(name): inner for name, inner in part.items()}
                todo += [(copy, name, name) for name in reversed(copy)]
            elif isinstance(part, list):
                holder[key] = list(part)
                todo += [(holder[key], at, label) for at in reversed(range(len(part)))]
            elif isinstance(part, str):
                holder[key] = self.mask(part, label)
            elif isinstance(part, int | float):
                masked = self.mask(str(part), label)
                holder[key] = part if masked == str(part) else masked
        return root[0]

    def _masked(self, text: str, label: str, hits: list[Hit]) -> str:
        """Mask until nothing is found, since what a placeholder has taken away can change how the rest reads."""
        self._count(hits)
        while True:
            masked = self._replaced(text, hits)
            if masked == text:
                return text
            text, hits = masked, [hit for hit in _labelled(masked, label) if not self._is_allowed(hit)]
            self._count(hits)

    def _is_allowed(self, hit: Hit) -> bool:
        return bool(getattr(self._policy, hit.kind) == "allow")

    def _count(self, hits: list[Hit]) -> None:
        self.counts.update(hit.kind for hit in hits)
        self.rejected.update(hit.kind for hit in hits if getattr(self._policy, hit.kind) == "reject")

    def _replaced(self, text: str, hits: list[Hit]) -> str:
        """The text with each hit that is not allowed replaced; the same object where there is none."""
        pieces, end = [], 0
        taken = set(PLACEHOLDER.findall(text)) if hits else set()
        for hit in hits:
            if not self._is_allowed(hit):
                pieces += [text[end : hit.start], self._placeholder(hit.kind, text[hit.start : hit.end], taken)]
                end = hit.end
        return "".join([*pieces, text[end:]]) if pieces else text

    def _placeholder(self, kind: str, value: str, taken: set[str]) -> str:
        key = kind, _same(kind, value)
        while key not in self._placeholders:
            self._numbers[kind] += 1
            candidate = f"[{kind.upper()}_{self._numbers[kind]}]"
            if candidate not in taken:  # another value may have been masked by hand
                self._placeholders[key] = candidate
        return self._placeholders[key]


def _labelled(text: str, label: str) -> list[Hit]:
    if not label:
        return find(text)
    shift = len(label) + 2
    hits = find(f"{label}: {text}")
    return [Hit(hit.kind, hit.start - shift, hit.end - shift) for hit in hits if hit.start >= shift]


def _container(text: str) -> Any:
    """The object or list that a JSON text holds; None where it holds none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return parse_json(text)
    except ValueError:
        return None


def _same(kind: str, value: str) -> str:
    """What two spellings of one value have in common."""
    value = plain(value)
    if kind in ("private_key", "jwt", "api_key"):
        return value
    if kind in ("email", "upi", "ip"):
        return value.casefold()
    letters = "".join(letter for letter in value if letter.isalnum()).upper()
    return letters[-10:] if kind == "phone" else letters


def mask_turns(turns: tuple[Turn, ...], masker: Masker) -> tuple[Turn, ...]:
    """The turns with their texts and the arguments of their calls masked; the same object where there is nothing to mask."""
    masked = [_masked_turn(turn, masker) for turn in turns]
    return turns if all(one is other for one, other in zip(turns, masked, strict=True)) else tuple(masked)


def _masked_turn(turn: Turn, masker: Masker) -> Turn:
    content, calls = masker.mask(turn["content"]), turn.get("tool_calls")
    masked = masker.mask_json(calls) if calls else calls
    if content is turn["content"] and masked == calls:
        return turn
    changed: Turn = {**turn, "content": content}
    if masked is not None:
        changed["tool_calls"] = masked
    return changed
