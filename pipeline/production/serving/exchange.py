"""A request under way: what is known of it so far, and whether its client still waits for the answer."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.production.logs.heard import Heard, Outcome
from pipeline.production.serving.door import Receive

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = Mapping[bytes, bytes]
MOST_TAGS, MOST_HEADER = 20, 1000
WATCH_S = 0.2  # after which one looks whether the client is still there; most answers are said by then


@dataclass
class Exchange:
    """A request under way: what is known of it so far."""

    path: str
    headers: Headers
    send: Send
    id: str = field(default_factory=lambda: f"req-{secrets.token_hex(12)}")
    arrived: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    asked: bytes = b""
    answered: list[bytes] = field(default_factory=list)
    outcome: Outcome = "answered"
    status: int = 0
    is_streamed: bool = False
    is_said: bool = False  # all of it is on its way: who leaves now has hung up on nothing
    first_token_s: float | None = None

    @property
    def passed_s(self) -> float:
        return time.monotonic() - self.began

    def heard(self, outcome: Outcome, status: int) -> Heard:
        """What of it goes to the recorder, besides the bytes."""
        return Heard(
            kind="request",
            id=self.id,
            time=self.arrived,
            outcome=outcome,
            status=status,
            streamed=self.is_streamed,
            first_token_s=self.first_token_s,
            total_s=self.passed_s,
            user=header_text(self.headers, b"x-user"),
            tags=_tags(self.headers),
        )


class Watch:
    """Cancels a task when the client hangs up before it has its answer. Begins after a moment: most answers are there by then."""

    def __init__(self, receive: Receive, exchange: Exchange, task: "asyncio.Task[Any]") -> None:
        self.has_left = False
        self._receive, self._exchange, self._task = receive, exchange, task
        self._watching: asyncio.Task[None] | None = None
        self._begin = asyncio.get_running_loop().call_later(WATCH_S, self._start)

    def _start(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._exchange.is_said:
            self.has_left = True
            self._task.cancel()

    def end(self) -> None:
        self._begin.cancel()
        if self._watching:
            self._watching.cancel()


def header_text(headers: Headers, name: bytes) -> str:
    with contextlib.suppress(KeyError):
        return headers[name][:MOST_HEADER].decode("utf-8", "replace")
    return ""


def _tags(headers: Headers) -> tuple[str, ...]:
    named = (tag.strip() for tag in header_text(headers, b"x-tags").split(","))
    return tuple(tag for tag in named if tag)[:MOST_TAGS]
