"""Which requests failed: what an answer failed by itself, and what people said of it; requests are streamed, words on them are kept."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import regex

from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry, Feedback

OF_NO_MODEL = ("hung_up", "engine_failed")  # finishes that say nothing of the answer
NAMED = "named"  # by a person, on the command line
T = TypeVar("T")
FAILED = {
    "not_json": "invalid",
    "schema": "invalid",
    "rule": "flagged",
    "refusal": "refused",
    "empty": "empty",
    "cut": "cut",
}


@dataclass
class Said:
    """What was said of an answer: the latest word on each thing. `comments` are all, in the order of their times, as `users` are."""

    words: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def hear(self, word: Feedback) -> None:
        """Take in a later word."""
        for name in ("thumb", "correction", "escalated", "done"):
            if (value := getattr(word, name)) is not None:
                self.words[name] = value
        for name in ("incident", "user"):
            if value := getattr(word, name):
                self.words[name] = value
        if word.user:
            self.users.append(word.user)
        if word.comment.strip():
            self.comments.append(word.comment)

    @property
    def correction(self) -> str:
        return str(self.words.get("correction") or "").strip()

    @property
    def incident(self) -> str:
        """As it was given."""
        return str(self.words.get("incident", ""))

    @property
    def user(self) -> str:
        return str(self.words.get("user", ""))

    def kinds(self) -> Iterator[str]:
        """What it makes of the answer."""
        if self.correction:
            yield "corrected"
        if self.words.get("thumb") == "down":
            yield "thumbs_down"
        if self.words.get("escalated"):
            yield "escalated"
        if self.words.get("done") is False:
            yield "not_done"


def heard(feedback: Iterable[Feedback]) -> dict[str, Said]:
    """What was said, by request, whatever the order of the lines."""
    found: dict[str, Said] = {}
    for word in sorted(feedback, key=lambda one: (one.time, msgspec.json.encode(one))):
        found.setdefault(word.id, Said()).hear(word)
    return found


def incident_name(text: str) -> str:
    """The name of an incident as files and messages can hold it: letters, digits, points and dashes."""
    return regex.sub(r"[^\p{L}\p{M}\p{N}._-]+", "-", text)[:60].strip("-")


@dataclass(frozen=True)
class Failure:
    """A request that failed, and how, in the order of `feedback.kinds`."""

    entry: Entry
    said: Said
    kinds: tuple[str, ...]


class Sample(Generic[T]):
    """So many things by name, those of the lowest turn first, then by hash of the name; `seen` counts all.

    A name may come again, as ids of foreign logs do on another day; what came first goes first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[int, int, int, T]] = []
        self.seen = 0

    def add(self, name: str, thing: T, turn: int = 0) -> None:
        """Keep a thing, or not."""
        self.seen += 1
        rank = -int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, (-turn, rank, -self.seen, thing))
        elif (-turn, rank) > self._kept[0][:2]:
            heapq.heapreplace(self._kept, (-turn, rank, -self.seen, thing))

    def __iter__(self) -> Iterator[T]:
        return (thing for *_, thing in sorted(self._kept, key=lambda one: one[:3], reverse=True))


def failures(
    requests: Iterable[Entry],
    said: dict[str, Said],
    judge: Judge,
    since: datetime,
    named: frozenset[str],
    unfailed: Sample[Entry],
) -> Iterator[tuple[Entry, Said, set[str]]]:
    """The requests that failed. What came in before `since` counts only where somebody said something of it, or it is `named`."""
    nothing = Said()
    for entry in requests:
        words, is_named = said.get(entry.id, nothing), entry.id in named
        if entry.time < since and words is nothing and not is_named:
            continue
        kinds = {NAMED} if is_named else set()
        kinds |= {*words.kinds(), *_failed(entry, judge)} if _has_answer(entry) else set()
        if kinds:
            yield entry, words, kinds
        elif _has_answer(entry):
            unfailed.add(entry.id, entry)


def _has_answer(entry: Entry) -> bool:
    """Whether the model is to blame for what came of a request: not where the client left, or the engine or the service failed."""
    return entry.finish not in OF_NO_MODEL and entry.status < 400


def _failed(entry: Entry, judge: Judge) -> Iterator[str]:
    """The kinds of what an answer failed by itself; it is judged here where nobody did when it was logged."""
    names = entry.failed if entry.valid is not None else judge.failed(entry.answer, entry.finish)
    for name in names:
        if kind := FAILED.get(name.partition(":")[0]):
            yield kind


def ordered(kinds: Iterable[str], order: Sequence[str]) -> tuple[str, ...]:
    """The kinds that are taken, the worst first."""
    wanted = [NAMED, *order]
    return tuple(sorted((kind for kind in kinds if kind in wanted), key=wanted.index))
