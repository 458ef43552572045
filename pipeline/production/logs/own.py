"""Our own lines, typed: which files hold which kind, and each line as what it is, or the fault that it has."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback
from pipeline.production.logs.lines import blocks
from pipeline.production.logs.problems import Found
from pipeline.production.logs.seen import Seen

Line = TypeVar("Line", Entry, Feedback, Canary, Counts)
KIND_OF: dict[type, str] = {Entry: "requests", Feedback: "feedback", Canary: "canaries", Counts: "counts"}
DECODERS: dict[type, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in KIND_OF}
NAME = re.compile(r"(?:^|/)(requests|feedback|canaries|counts)-[^/]*\.jsonl(?:\.gz|\.zst)?$")
BEGIN = (b'{"id":"', b'{"time":"')  # how a line begins
GLUED = 8  # how many beginnings are tried in a line that is none
AHEAD = timedelta(minutes=5)  # clocks of servers differ
BACK = timedelta(minutes=15)  # a line is written when its request ends, so times are in order but for this
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # an earlier time is that of a clock that was never set
NO_DATE = "Invalid RFC3339"


def kind_of(name: str) -> str | None:
    """The kind of a file of ours, by its name."""
    named = NAME.search(name)
    return named[1] if named else None


def is_line(head: bytes) -> bool:
    """Whether a file that begins so is one of requests of ours, whatever its name."""
    try:
        return bool(DECODERS[Entry].decode(head.split(b"\n", 1)[0]).messages) and b'"choices"' not in head
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


class Ids:
    """Which lines were seen, by the day of their time. Of the days before the last few that were met, all is forgotten."""

    def __init__(self, days: int = 4) -> None:
        self._days: dict[int, Seen] = {}  # the one that was met last stands last
        self._kept, self._day, self._seen = days, -1, Seen()

    def is_new(self, value: str | bytes, day: int) -> bool:
        """Whether the line of that day was not seen before."""
        if day != self._day:
            self._turn_to(day)
        return self._seen.add(value)

    def _turn_to(self, day: int) -> None:
        seen = self._days.pop(day, None)
        self._day = day
        self._seen = self._days[day] = Seen() if seen is None else seen
        if len(self._days) > self._kept:
            del self._days[next(iter(self._days))]


def read(file: io.BufferedReader, shown: str, kind: type[Line], ids: Ids, found: Found) -> Iterator[Line]:
    """The lines of a file, in its order. What cannot be read, and what was read before, is counted and left out."""
    decode = DECODERS[kind].decode
    latest, ahead = EARLIEST, datetime.now(UTC) + AHEAD
    for first, lines, is_ended in blocks(file, found):
        for number, line in enumerate(lines, first):
            try:
                entry: Line | None = decode(line)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                entry = _mended(line, kind, error if is_ended else None, number, found)
            if entry is None:
                continue
            time = entry.time
            if time.tzinfo is None or time < EARLIEST:
                found.add("bad_time", number)
                continue
            if time > latest:
                latest = time
                if time > ahead:
                    found.add("future_time", number)
            elif time < latest - BACK:
                found.add("clock_back", number)
                latest = time
            if not ids.is_new(entry.id if isinstance(entry, Entry) else line, time.toordinal()):
                found.add("duplicate", number)
                continue
            force_setattr(entry, "place", f"{shown}:{number}")
            yield entry


def _mended(line: bytes, kind: type[Line], error: Exception | None, number: int, found: Found) -> Line | None:
    """What can be had of a line that is none: the whole line that follows half of one, where two were glued. `error` is None at an end."""
    if error is not None and not line.strip():
        return None
    for begin in BEGIN:
        at = line.find(begin, 1)
        for _ in range(GLUED):
            if at < 0:
                break
            try:
                entry: Line = DECODERS[kind].decode(line[at:])
            except (msgspec.MsgspecError, ValueError, RecursionError):
                at = line.find(begin, at + 1)
                continue
            found.add("cut_line", number)
            return entry
    found.add(_fault(error), number)
    return None


def _fault(error: Exception | None) -> str:
    """What a line is called that cannot be read."""
    if error is None or "truncated" in str(error):
        return "cut_line"
    if isinstance(error, msgspec.ValidationError):
        return "bad_time" if NO_DATE in str(error) or "`time`" in str(error) else "other_schema"
    return "unreadable_line"
