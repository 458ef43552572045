"""Made-up days of production in the logs' own shape, as many requests as wanted, streamed to disk; the same seed gives the same bytes.

A request is about a kilobyte: a system prompt, a question out of a few thousand with a number of its own, an answer as JSON. Of a hundred
answers three are no valid JSON and one is empty; one request in twenty is spoken of afterwards. Times are in order, spread over the day
as people are awake.
"""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.rows import Rows
from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback

FIRST_DAY = date(2026, 3, 10)
QUESTIONS, ANSWERS, USERS = 4000, 1000, 20_000
INVALID, EMPTY, SPOKEN_OF, DOWN = 0.03, 0.01, 0.05, 0.3
REVISIONS = ("4f1c" * 10, "9ab0" * 10)
SYSTEM = "You answer questions of customers of a shop. Reply with one JSON object: category, response, escalate. " * 3
DAY_S = 86_400


class Day:
    """The requests of a day, in the order of their times, and what was said of them."""

    def __init__(self, day: date, count: int, seed: int) -> None:
        source = Rows(seed)
        self.rng, self.count = source.rng, count
        self.begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self._questions = [" ".join(source.message()) for _ in range(QUESTIONS)]
        self._answers = [source.answer() for _ in range(ANSWERS)]
        self._users = [f"{source.rng.getrandbits(64):016x}" for _ in range(USERS)]

    def requests(self) -> Iterator[Entry]:
        """Every request, with a verdict and all its measures."""
        for number in range(self.count):
            yield self._request(number)

    def _time(self, number: int) -> datetime:
        """Most requests come around noon, fewest at night."""
        share = (number + 0.5) / self.count
        return self.begin + timedelta(seconds=DAY_S * (share + 0.1 * math.sin(2 * math.pi * share)))

    def _request(self, number: int) -> Entry:
        rng, answer = self.rng, self.rng.choice(self._answers)
        luck, total = rng.random(), rng.lognormvariate(0.3, 0.5)
        failed: tuple[str, ...] = ()
        if luck < EMPTY:
            answer, failed = "", ("empty",)
        elif luck < EMPTY + INVALID:
            answer, failed = answer[:-20], ("not_json",)
        question = f"{rng.choice(self._questions)} (case {number})"
        return Entry(
            id=f"{rng.getrandbits(96):024x}",
            time=self._time(number),
            revision=REVISIONS[2 * number > self.count],
            model="5e0d" * 8,
            data="77aa" * 8,
            messages=({"role": "system", "content": SYSTEM}, {"role": "user", "content": question}),
            answer=answer,
            finish="length" if failed == ("not_json",) else "stop",
            tokens_in=120 + len(question) // 4,
            tokens_out=len(answer) // 4,
            first_token_s=round(0.2 * total, 4),
            total_s=round(total, 4),
            cost=0.0001,
            valid=not failed,
            failed=failed,
            user=rng.choice(self._users),
            tags=(("web", "app", "mail")[number % 3],),
            streamed=number % 2 == 0,
        )

    def said(self, entry: Entry) -> Feedback | None:
        """What somebody says of one in so many answers, some minutes later."""
        if self.rng.random() >= SPOKEN_OF:
            return None
        is_down = self.rng.random() < DOWN
        later = entry.time + timedelta(minutes=self.rng.expovariate(0.2))
        return Feedback(id=entry.id, time=later, thumb="down" if is_down else "up", user=entry.user)


def write(folder: Path, count: int, seed: int = 1, day: date = FIRST_DAY, files: int = 4) -> int:
    """Write a day with so many requests, by as many writers one after the other; returns the bytes of its requests."""
    made, encode, size = Day(day, count, seed), msgspec.json.Encoder().encode, 0
    place = folder / day.isoformat()
    place.mkdir(parents=True, exist_ok=True)
    requests = made.requests()
    for number in range(files):
        with _file(place, "requests", number).open("wb") as lines, _file(place, "feedback", number).open("wb") as words:
            for _ in range(count * number // files, count * (number + 1) // files):
                entry = next(requests)
                size += lines.write(encode(entry) + b"\n")
                said = made.said(entry)
                if said is not None:
                    words.write(encode(said) + b"\n")
    counted = Counts(time=made.begin + timedelta(hours=23), seen=count, written=count)
    canary = Canary(id="refund", time=made.begin + timedelta(hours=9), revision=REVISIONS[0], answer="{}", passed=True)
    _file(place, "counts", 0).write_bytes(encode(counted) + b"\n")
    _file(place, "canaries", 0).write_bytes(encode(canary) + b"\n")
    return size


def _file(place: Path, kind: str, number: int) -> Path:
    return place / f"{kind}-{1_773_100_000 + number}-{100 + number}.jsonl"


def window(day: date = FIRST_DAY) -> tuple[datetime, datetime]:
    """The day's begin and end."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)
