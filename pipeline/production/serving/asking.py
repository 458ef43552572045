"""What becomes of a request's body on its way to the engine: as little as can be, and the rest byte for byte.

The model's name is the engine's. A conversation without a system turn gets the model's own prompt, rendered as for training and evaluation;
an answer that the client leaves open is made as it was evaluated: with the same most tokens, the likeliest each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.data.records import Turn
from pipeline.production.serving.door import Refused

Body = dict[str, msgspec.Raw]
DECODER = msgspec.json.Decoder(Body)
TURNS = msgspec.json.Decoder(list[dict[str, Any]])
SYSTEM = ("system", "developer")
LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class Asking:
    """How the engine is asked: its name for the model, the turns that go before a question, and what a client need not say.

    `prompt` is empty where none is added; `temperature` None where none is sent; `schema` is the response format of constrained answers,
    None where they are free.
    """

    model: str
    prompt: Sequence[Turn]
    max_tokens: int
    temperature: float | None
    schema: dict[str, Any] | None

    def chat(self, body: bytes) -> tuple[bytes, bool]:
        """The body for the engine, and whether the answer is streamed. Raises Refused where it is no conversation."""
        value = _read(body)
        turns = _turns(value)
        changes = self._decoding(value)
        if self.prompt and not any(turn.get("role") in SYSTEM for turn in turns):
            changes["messages"] = [*self.prompt, *turns]
        if self.schema and "response_format" not in value:
            changes["response_format"] = self.schema
        return _changed(body, value, changes), _is_streamed(value)

    def text(self, body: bytes) -> tuple[bytes, bool]:
        """The same for a bare text, which gets no prompt. Raises Refused where there is none."""
        value = _read(body)
        if "prompt" not in value:
            raise Refused(400, "the body has no prompt")
        return _changed(body, value, self._decoding(value)), _is_streamed(value)

    def _decoding(self, value: Body) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if bytes(value.get("model", b"")) != msgspec.json.encode(self.model):
            changes["model"] = self.model
        if not any(name in value for name in LIMITS):
            changes["max_tokens"] = self.max_tokens
        if self.temperature is not None and "temperature" not in value:
            changes["temperature"] = self.temperature
        return changes


def _read(body: bytes) -> Body:
    try:
        body.decode("utf-8")  # what is passed on unread is not looked at otherwise
        return DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "the body is no JSON object") from None


def _turns(value: Body) -> list[dict[str, Any]]:
    try:
        turns = TURNS.decode(value.get("messages", b"null"))
    except (msgspec.DecodeError, RecursionError):
        raise Refused(400, "messages is no list of objects") from None
    if not turns:
        raise Refused(400, "messages is empty")
    return turns


def _is_streamed(value: Body) -> bool:
    return bytes(value.get("stream", b"false")) == b"true"


def _changed(body: bytes, value: Body, changes: dict[str, Any]) -> bytes:
    return msgspec.json.encode({**value, **changes}) if changes else body
