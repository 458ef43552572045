"""Ledgers: what people and paid services said, append-only, one file an author and day.

A ledger is a folder of JSON Lines files; the order of files is the order of their names.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Decisions:
    """Ids of records by what people said of them. Where reviewers disagree, the record is disputed and nothing else."""

    approved: frozenset[str]
    rejected: frozenset[str]
    disputed: frozenset[str]


def _entries(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and content of each line."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_jsonl(path):
            yield f"{path}:{number}", value


def read_replies(folder: Path) -> list[tuple[str, Reply]]:
    """Place and reply of each entry of the teacher's ledger; an entry that two branches brought counts once."""
    replies: dict[str, tuple[str, Reply]] = {}
    for place, value in _entries(folder):
        replies.setdefault(digest(value), (place, checked(Reply, value, place)))
    return list(replies.values())


def read_decisions(folder: Path) -> Decisions:
    """What people said of records; a reviewer's later word replaces the earlier one."""
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for place, value in _entries(folder):
        review = checked(Review, value, place)
        words[review.record][review.reviewer] = review.decision
    agreed = {record: set(said.values()) for record, said in words.items()}
    return Decisions(
        frozenset(record for record, said in agreed.items() if said == {"approve"}),
        frozenset(record for record, said in agreed.items() if said == {"reject"}),
        frozenset(record for record, said in agreed.items() if len(said) > 1),
    )
