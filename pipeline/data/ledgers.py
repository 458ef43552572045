"""Ledgers: what people and paid services said, append-only, one file an author and day.

A ledger is a folder of JSON Lines files; the order of files is the order of their names. Lines that two branches both
brought count once.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.data.records import digest, read_jsonl
from pipeline.stage import checked


class Reply(BaseModel):
    """What a teacher wrote when it was asked to vary a seed example. `reply` is its text, unparsed and untrusted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    seed: str
    axis: str
    model: str
    date: str
    reply: str


class Review(BaseModel):
    """A person's decision on a record, by its id."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    record: str
    decision: Literal["approve", "reject"]
    reviewer: str
    date: str
    reason: str


def _entries(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and content of each line, a line that says the same as an earlier one left out."""
    seen: set[str] = set()
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_jsonl(path):
            key = digest(value)
            if key not in seen:
                seen.add(key)
                yield f"{path}:{number}", value


def read_replies(folder: Path) -> list[tuple[str, Reply]]:
    """Place and reply of each entry of the teacher's ledger."""
    return [(place, checked(Reply, value, place)) for place, value in _entries(folder)]


def approved_ids(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Ids that people approved, and those on which they disagree (which count as not approved).

    A reviewer's later word replaces the earlier one.
    """
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for place, value in _entries(folder):
        review = checked(Review, value, place)
        words[review.record][review.reviewer] = review.decision
    disputed = frozenset(record for record, said in words.items() if len(set(said.values())) > 1)
    return frozenset(record for record, said in words.items() if set(said.values()) == {"approve"}), disputed
