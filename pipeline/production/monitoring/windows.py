"""The window that is looked at, and the one before it."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.production.logs.times import moment_of, span_of
from pipeline.stage import Fault


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
    span = span_of(since)
    try:
        begin = _time("SINCE", since) if span is None else end - span
        found = Window(begin, end)
        _ = found.before  # it must be a time, too
    except OverflowError:
        raise Fault(f"SINCE={since}", "lies before all calendars", "take a shorter span such as 7d") from None
    if begin >= end:
        raise Fault(f"SINCE={since}", f"is not before the end, {end:%Y-%m-%d %H:%M} UTC", "take a span such as 7d")
    return found


def _time(name: str, text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError:
        remedy = "write a time such as 2026-11-20 or 2026-11-20T06:00" + (
            ", or a span such as 7d or 36h" if name == "SINCE" else ""
        )
        raise Fault(f"{name}={text}", "is no time", remedy) from None
