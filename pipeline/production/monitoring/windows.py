"""The window that is looked at, and the one before it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.stage import Fault

SPAN = re.compile(r"(\d{1,6})([mhdw])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Window:
    """`since` <= time < `until`, both in UTC."""

    since: datetime
    until: datetime

    @property
    def before(self) -> "Window":
        """The window of the same length that ends where this one begins."""
        return Window(self.since - (self.until - self.since), self.since)

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"


def window_of(since: str, until: str, now: datetime) -> Window:
    """The window that a person named: SINCE as a span such as 7d or 36h before UNTIL, or as a time; UNTIL as a time, "" for now.

    A time without a zone is in UTC. Raises Fault where it is none, or the window is empty.
    """
    end = _time("UNTIL", until) if until else now
    span = SPAN.fullmatch(since.strip())
    try:
        begin = end - int(span[1]) * UNITS[span[2]] if span else _time("SINCE", since)
        found = Window(begin, end)
        _ = found.before  # it must be a time, too
    except OverflowError:
        raise Fault(f"SINCE={since}", "lies before all calendars", "take a shorter span such as 7d") from None
    if begin >= end:
        raise Fault(f"SINCE={since}", f"is not before the end, {end:%Y-%m-%d %H:%M} UTC", "take a span such as 7d")
    return found


def _time(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        remedy = "write a time such as 2026-11-20 or 2026-11-20T06:00" + (
            ", or a span such as 7d or 36h" if name == "SINCE" else ""
        )
        raise Fault(f"{name}={text}", "is no time", remedy) from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
