"""The time that a run looks at, as a person writes it: 7d, 36h (90m, 2w), or a day or a moment of ISO 8601, in UTC where it has no zone."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.production.logs.times import moment_of, span_of
from pipeline.stage import Fault

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # no log is older (pipeline.production.logs)


@dataclass(frozen=True)
class Window:
    """From `since` up to `until`, which is not in it; both in UTC."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"{_shown(self.since)} to {_shown(self.until)}"


def window_of(since: str, until: str, now: datetime) -> Window:
    """The window that two words name; no `until` is now. Raises Fault for what is no time, and for a window that ends before it begins."""
    end = _moment(until, now, "UNTIL") if until.strip() else now
    start = _moment(since, end, "SINCE")
    if start >= end:
        raise Fault(f"SINCE={since}", f"is not before {_shown(end)}", "name an earlier time")
    return Window(start, end)


def _moment(text: str, now: datetime, setting: str) -> datetime:
    try:
        span = span_of(text)
        found = moment_of(text) if span is None else now - span
    except ValueError:
        raise Fault(f"{setting}={text}", "is no time", "write 7d, 36h, or a day such as 2031-01-02") from None
    except OverflowError:
        found = datetime.min.replace(tzinfo=UTC)
    if found < EARLIEST:
        raise Fault(f"{setting}={text}", "lies before all logs", f"name a time after {EARLIEST:%Y-%m-%d}")
    return found


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes").replace("+00:00", "Z")
