"""Times as a person writes them: a span such as 7d or 36h, or a moment of ISO 8601, in UTC where it has no zone."""

import re
from datetime import UTC, datetime, timedelta

SPAN = re.compile(r"(\d{1,6})([mhdw])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def span_of(text: str) -> timedelta | None:
    """The length of a span, None where the text is none."""
    found = SPAN.fullmatch(text.strip())
    return int(found[1]) * UNITS[found[2]] if found else None


def moment_of(text: str) -> datetime:
    """A moment, in UTC. Raises ValueError where the text is none, OverflowError where no calendar has it in UTC."""
    found = datetime.fromisoformat(text.strip())
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
