"""Ledgers: what people and paid services said, append-only, one file an author and day.

A ledger is a folder of JSON Lines files; the order of files is the order of their names. Lines are only ever added, so two
branches merge by keeping the lines of both.
"""

import json
import os
import unicodedata
from collections.abc import Collection, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import regex
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.data.disk import keep_names
from pipeline.data.records import digest, read_jsonl
from pipeline.stage import Fault, checked


class Entry(BaseModel):
    """A line of a ledger: no unknown key, none missing. `date` is YYYY-MM-DD."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    date: str


class Reply(Entry):
    """What a teacher wrote when it was asked to vary a seed example.

    `request` is the digest of what was asked, `reply` its text, unparsed and untrusted; tokens and `cost` (US dollars) are
    what the service counted.
    """

    request: str
    seed: str
    axis: str
    model: str
    reply: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


class Review(Entry):
    """A person's decision on a record, by its id.

    An `edit` carries the turns as they are to be (`pipeline.data.reviews` checks them), and under `becomes` the id of the
    record that they make; it may be left out where the record has neither tools nor rejected turns.
    """

    record: str
    decision: Literal["approve", "edit", "reject"]
    reviewer: Annotated[str, Field(pattern=r"\S")]
    reason: str
    messages: list[dict[str, Any]] | None = None
    becomes: str | None = None

    @model_validator(mode="after")
    def _edit_has_turns(self) -> "Review":
        if (self.decision == "edit") != bool(self.messages):
            raise ValueError("messages are needed for an edit, and for an edit only")
        if self.becomes is not None and (self.decision != "edit" or self.becomes == self.record):
            raise ValueError("becomes is for an edit, and names another record")
        return self


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Rating(Entry):
    """A person's vote between two answers to an example. By ids and digests alone: no text of a question or an answer.

    `first` and `second` are the digests of the two answers in the order in which they were shown. `date` and `time` are in UTC,
    so that a vote that was changed later is known as the later one on any machine.
    """

    date: Annotated[str, Field(pattern=r"^\d{4}-[01]\d-[0-3]\d$")]
    time: Annotated[str, Field(pattern=r"^[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}$")]
    example: Annotated[str, Field(pattern=r"\S")]
    first: Digest
    second: Digest
    dimension: str
    vote: Literal["first", "second", "tie"]
    rater: Annotated[str, Field(pattern=r"\S")]

    @model_validator(mode="after")
    def _is_a_vote(self) -> "Rating":
        _ = self.moment  # raises ValueError for a day that no month has
        if self.first == self.second:
            raise ValueError("first and second are one answer, on which nobody can vote")
        return self

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(f"{self.date}T{self.time}+00:00")


class Opinion(Entry):
    """What a judge wrote when it was asked which of two answers to an example is better, on one dimension.

    `request` is the digest of what was asked, `first` and `second` those of the answers in the order in which they stood there. `reply`
    is its text, unparsed and untrusted, and `finish` why it ended there (pipeline.remote.service.Answer).
    """

    request: Digest
    example: Annotated[str, Field(pattern=r"\S")]
    dimension: str
    first: Digest
    second: Digest
    model: str
    reply: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


E = TypeVar("E", bound=Entry)


def read_ledger(folder: Path, kind: type[E]) -> list[tuple[str, E]]:
    """Place and content of each entry, in order. Raises Fault at the first line that is no such entry."""
    return [(place, checked(kind, value, place)) for place, value in _lines(folder)]


def read_replies(folder: Path) -> list[tuple[str, Reply]]:
    """Place and reply of each entry of the teacher's ledger; of those that say the same the first one counts."""
    entries: dict[str, tuple[str, Reply]] = {}
    for place, reply in read_ledger(folder, Reply):
        entries.setdefault(digest(reply.model_dump()), (place, reply))
    return list(entries.values())


def read_reviews(folder: Path) -> list[tuple[str, Review]]:
    """Place and decision of each entry of the reviewers' ledger: all of them, since who approves, rejects and approves again approves."""
    return read_ledger(folder, Review)


def read_ratings(folder: Path, dimensions: Collection[str]) -> list[Rating]:
    """The votes of the raters' ledger, in order. Raises Fault for one on a dimension that is none of these."""
    entries = read_ledger(folder, Rating)
    for place, entry in entries:
        if entry.dimension not in dimensions:
            names = ", ".join(dimensions)
            raise Fault(
                f"{place}: dimension",
                f"is {entry.dimension[:40]!r}, and rate.dimensions has {names}",
                "name it there, or take the line out",
            )
    return [entry for _, entry in entries]


def read_opinions(folder: Path) -> dict[str, Opinion]:
    """The judge's replies by request; of those to the same one, which two branches may both have paid for, the first counts."""
    found: dict[str, Opinion] = {}
    for _, entry in read_ledger(folder, Opinion):
        found.setdefault(entry.request, entry)
    return found


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_jsonl(path):
            yield f"{path}:{number}", value


def append(folder: Path, who: str, entry: Entry) -> Path:
    """Add an entry to today's file of its author, on the disk before this returns. Gives the file."""
    path = folder / f"{date.today().isoformat()}-{author_of(who)}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    line = _line(entry)
    with path.open("ab+") as file:
        is_new = not file.tell()
        if not is_new and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            line = b"\n" + line  # the last writer was killed in the middle of a line; that line is a fault of its own
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        keep_names(folder)
    return path


def author_of(who: str) -> str:
    """A name as part of a file's name. Raises Fault where it has no letter and no digit."""
    plain = unicodedata.normalize("NFC", who).lower()
    author = regex.sub(r"[^\p{L}\p{M}\p{N}]+", "-", plain)[:60].strip("-")
    if not author:
        raise Fault(f"{who!r}", "is no name that a file can have", "give a name with letters")
    return author


def person(name: str) -> str:
    """A person's name without what people spell now so, now so."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _line(entry: Entry) -> bytes:
    """An entry as a line. Half a surrogate pair, which a service may send and UTF-8 cannot hold, becomes a question mark."""
    text = json.dumps(entry.model_dump(exclude_none=True), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"
