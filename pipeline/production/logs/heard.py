"""What a server heard, as it hands it to the recorder: the bytes as they were, unread, with what only the server can know.

A server must not wait, so it does not read what passes through it; the recorder does. A frame is a head of FRAME, then a Heard as JSON,
then what was asked and what was answered, byte for byte.
"""

import struct
from datetime import datetime
from typing import Literal

import msgspec

FRAME = struct.Struct("<III")  # bytes of the Heard, of what was asked, of what was answered
Kind = Literal["settings", "request", "feedback", "dropped"]
Outcome = Literal["answered", "hung_up", "engine_failed", "refused"]


class Heard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request, a word of feedback, or how many of both the server itself had to drop, by fault.

    `time` is when it came in. `outcome` refused: it never reached the engine. `first_token_s` and `total_s` are seconds since it came in,
    by a clock that does not jump. `user` and `tags` are as the client's headers say them.
    """

    kind: Kind
    id: str = ""
    time: datetime | None = None
    outcome: Outcome = "answered"
    status: int = 200
    streamed: bool = False
    first_token_s: float | None = None
    total_s: float | None = None
    user: str = ""
    tags: tuple[str, ...] = ()
    dropped: dict[str, int] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder is told first, once: what it writes of whom, where, and how it judges. `policy` is that on personal data.

    Prices are US dollars a million tokens, None where nobody pays by the token.
    """

    folder: str
    sample: float
    keep_days: int
    file_mb: float
    buffer_mb: float
    counts_s: float
    user_key_env: str
    revision: str
    model: str
    data: str
    price_in: float | None
    price_out: float | None
    schema: str
    rules: dict[str, str]
    policy: dict[str, str]


ENCODER, DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Heard)


def head(heard: Heard, asked: bytes, answered: int) -> bytes:
    """The first bytes of a frame, to which those of the answer are added."""
    said = ENCODER.encode(heard)
    return FRAME.pack(len(said), len(asked), answered) + said + asked
