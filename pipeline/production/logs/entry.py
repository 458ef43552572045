"""What a log of production holds: a line a request, and a line for each thing that was said of an answer afterwards.

Ours is a folder: `<folder>/<YYYY-MM-DD>/<kind>-<start>-<pid>.jsonl`, the day in UTC, `kind` one of KINDS. A file is written by one
process, appended to a whole line at a time, and never written again once that process is gone. A process that was killed can leave half
a line at the end of its file, and nowhere else.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

KINDS = ("requests", "feedback", "canaries", "counts")
Kind = Literal["requests", "feedback", "canaries", "counts"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request and its answer. What is not known is left out.

    `time` is when the request came in, with its zone. `revision` is the commit whose tuned model answered, `model` the digest of that
    model's folder (or the name of a hosted one), `data` that of the split that it learnt from. `messages` are as the client sent them,
    personal data masked; `answer` is None where there was none. `finish` is the engine's word (stop, length, tool_calls,
    content_filter), or ours: hung_up (the client left), engine_failed. `valid` is None where nothing was checked; `failed` names what
    the answer failed: not_json, schema:<field>, empty, cut, refusal, rule:<name>. Seconds are from the request's arrival; `cost` is in
    US dollars. `user` is a keyed digest. `tags` are slices that the client named. `redacted` counts what was masked, by rule. `place`
    is file and line, known to readers alone.
    """

    id: str
    time: datetime
    revision: str = ""
    model: str = ""
    data: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    answer: str | None = None
    finish: str = ""
    status: int = 200
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    cost: float | None = None
    valid: bool | None = None
    failed: tuple[str, ...] = ()
    user: str = ""
    tags: tuple[str, ...] = ()
    streamed: bool = False
    redacted: dict[str, int] = {}
    place: str = ""

    @property
    def question(self) -> str:
        """The last turn of a user, as text."""
        for turn in reversed(self.messages):
            if turn.get("role") == "user":
                content = turn.get("content")
                return content if isinstance(content, str) else msgspec.json.encode(content).decode()
        return ""


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said of an answer, by the id of its request; each is a line of its own, and the latest word on a thing counts.

    `correction` is the answer that would have been right, `escalated` says that a person had to take over, `done` whether the task was
    done, `incident` names what it belongs to, such as REFUND-123.
    """

    id: str
    time: datetime
    thumb: Literal["up", "down"] | None = None
    correction: str | None = None
    escalated: bool | None = None
    done: bool | None = None
    comment: str = ""
    incident: str = ""
    user: str = ""
    redacted: dict[str, int] = {}
    place: str = ""


class Canary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A canary that was asked: its id in `task/canaries`, what came back, and whether it passed."""

    id: str
    time: datetime
    revision: str = ""
    model: str = ""
    answer: str = ""
    passed: bool
    total_s: float | None = None
    place: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a recorder counted since its last such line: requests seen, written, left out by sampling, and dropped by fault."""

    time: datetime
    seen: int = 0
    written: int = 0
    sampled_out: int = 0
    dropped: dict[str, int] = {}
    place: str = ""
