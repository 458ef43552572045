"""Logs for tests: lines of ours with made-up requests, and folders that hold them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = (NOON.replace(hour=0), NOON.replace(hour=0) + DAY)
ANSWER = '{"category": "refund", "response": "It is on its way.", "escalate": false}'


def entry(number: int, time: datetime = NOON, **more: Any) -> Entry:
    """A request that was answered; `number` is in its id and its question."""
    asked = ({"role": "system", "content": "Answer as JSON."}, {"role": "user", "content": f"Where is order {number}?"})
    plain = {"id": f"request-{number}", "time": time, "messages": asked, "answer": ANSWER, "finish": "stop"}
    return Entry(**plain | more)


def line(value: Entry | Feedback | Canary | Counts) -> bytes:
    """A line of ours."""
    return msgspec.json.encode(value) + b"\n"


def written(folder: Path, name: str, *lines: bytes) -> Path:
    """A file of such a name with these lines."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path
