"""Who gets in: token, origin, rate, size of the body. Each refusal is a status and words."""

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.production.serving.params import ServeParams

Receive = Callable[[], Awaitable[dict[str, Any]]]
MOST_CALLERS = 10_000  # whose rate is remembered; of more the one not seen for longest is forgotten


class Refused(Exception):
    """A request that is not let in; `wait_s` are seconds after which it may come again."""

    def __init__(self, status: int, words: str, wait_s: int = 0) -> None:
        super().__init__(words)
        self.status, self.words, self.wait_s = status, words, wait_s


class Gone(Exception):
    """The client hung up before it had said all."""


@dataclass
class Bucket:
    """How many requests a caller may make at once, and when that was so."""

    left: float
    at: float


class Door:
    """Lets requests in."""

    def __init__(self, params: ServeParams, token: str, now: Callable[[], float] = time.monotonic) -> None:
        self._token = token.encode()
        self._rate, self._burst, self._now = params.rate, float(params.burst), now
        self._origins = {origin.encode() for origin in params.origins}
        self._most = int(params.max_body_mb * 2**20)
        self._buckets: dict[str, Bucket] = {}

    def check(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> None:
        """Raises Refused where the caller may not come in, or not now.

        A page of another origin is refused by its header, since a browser sends its request before it asks whether it may read the answer.
        """
        origin = headers.get(b"origin")
        if origin and origin not in self._origins:
            raise Refused(403, "pages of this origin are not let in; name it under serve.origins")
        caller = (scope.get("client") or ("",))[0]
        given = headers.get(b"authorization", b"")
        if self._token:
            kind, _, said = given.partition(b" ")
            if kind.lower() != b"bearer" or not hmac.compare_digest(said.strip(), self._token):
                self._count(f"stranger {caller}")
                raise Refused(401, "send the token of this server as Authorization: Bearer <token>")
            caller = hashlib.blake2b(self._token, digest_size=8).hexdigest()
        self._count(caller)

    def _count(self, caller: str) -> None:
        """One request more. Raises Refused where that is too many."""
        if not self._rate:
            return
        now = self._now()
        bucket = self._buckets.pop(caller, None) or Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + max(0.0, now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets[caller] = bucket  # the one seen last stands last
        if len(self._buckets) > MOST_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        if bucket.left < 1:
            raise Refused(429, "too many requests; wait, and come again", int((1 - bucket.left) / self._rate) + 1)
        bucket.left -= 1

    async def body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """All of the body. Raises Refused as soon as it is known to be too long, Gone where the client left."""
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_long()
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):  # as it mostly is
            if len(message["body"]) > self._most:
                raise self._too_long()
            whole: bytes = message["body"]
            return whole
        pieces = bytearray()
        while message["type"] == "http.request":
            pieces += message.get("body", b"")
            if len(pieces) > self._most:
                raise self._too_long()
            if not message.get("more_body"):
                return bytes(pieces)
            message = await receive()
        raise Gone

    def _too_long(self) -> Refused:
        return Refused(413, f"the body has more than {self._most / 2**20:g} MiB; send less, or raise serve.max_body_mb")

    def shared(self, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The headers by which a browser lets a page of a named origin read the answer."""
        origin = headers.get(b"origin")
        if not origin or origin not in self._origins:
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
            (b"vary", b"origin"),
        ]

    def preflight(self, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The headers of the answer to a browser that asks first."""
        more = [
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", b"authorization, content-type, x-user, x-tags"),
            (b"access-control-max-age", b"600"),
        ]
        shared = self.shared(headers)
        return [*shared, *more] if shared else []
