"""What the expectations look at: one row a record, filled in one pass, a column a question."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.checking.language import Guess
from pipeline.data.records import Record, Turn

UNNAMED = ("", "none", "unknown", "?", "-")  # what stands where no licence was named
Columns = dict[str, list[Any]]


class Features:
    """The columns, and what is counted on the way. `complaints` says by row why an answer does not meet the schema."""

    def __init__(self, contract: Contract, denied: Iterable[str], guess: Guess) -> None:
        self._contract, self._guess = contract, guess
        self._denied = {licence.strip().lower() for licence in denied}
        self.columns: Columns = {}
        self.complaints: dict[int, str] = {}
        self.labels: Counter[str] = Counter()
        self.slices: Counter[str] = Counter()
        self.size = 0

    def add(self, record: Record, contradicts: bool) -> None:
        """Take in the next record."""
        complaint, label = self._contract.judged(record.answer)
        language, licence = self._guess(record.question), record.licence.strip().lower()
        if complaint:
            self.complaints[self.size] = complaint
        row = {
            "id": record.id,
            "turns": len(record.messages),
            "roles_alternate": alternates(record.messages),
            "ends_with_assistant": record.messages[-1]["role"] == "assistant",
            "empty_turns": sum(_is_empty(turn) for turn in (*record.messages, *record.rejected)),
            "question_chars": sum(len(turn["content"]) for turn in record.asked),
            "answer_chars": len(record.answer),
            "answer_meets_schema": complaint is None,
            "label": label or "",
            "language": language,
            "licence_is_named": licence not in UNNAMED,
            "licence_is_allowed": licence not in self._denied,
            "contradicts": contradicts,
        }
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)
        self.labels[label or ""] += 1
        self.slices.update({*record.tags, label or "", language})
        self.size += 1

    def finish(self, unreviewed_share: float, required: Mapping[str, int]) -> dict[str, str]:
        """Add the columns that speak of the whole table. Returns the required slices that are short, in words."""
        short = {
            name: f"{name} has {self.slices[name]} of {least}"
            for name, least in sorted(required.items())
            if self.slices[name] < least
        }
        has_labels = self._contract.label_field is not None
        shares = {label: count / self.size if has_labels else 0.0 for label, count in self.labels.items()}
        self.columns["label_share"] = [shares[label] for label in self.columns["label"]]
        self.columns["unreviewed_share"] = [unreviewed_share] * self.size
        self.columns["short_slices"] = [len(short)] * self.size
        return short


def alternates(turns: Iterable[Turn]) -> bool:
    """Whether user and assistant take turns, the user first; a call of tools is answered by tools, then the assistant goes on."""
    awaited = {"user"}
    for turn in turns:
        role = turn["role"]
        if role not in awaited:
            return False
        if role == "assistant":
            awaited = {"tool"} if turn.get("tool_calls") else {"user"}
        else:
            awaited = {"assistant"} if role == "user" else {"tool", "assistant"}
    return True


def _is_empty(turn: Turn) -> bool:
    return not turn["content"].strip() and not turn.get("tool_calls") and turn["role"] != "tool"
