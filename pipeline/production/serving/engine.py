"""The engine behind the server: asked over HTTP, its answer passed on as it comes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

CONNECT_S, LOOK_S = 10.0, 1.0
KEPT_S = (
    2.0  # a connection that nobody uses; servers close theirs after five seconds, and a request that meets that is lost
)
LEFT_OUT = frozenset(  # what is of one connection, and what the server says itself
    (
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"x-request-id", b"date", b"server", b"access-control-allow-origin", b"content-length", b"content-encoding"),
    )
)


@dataclass(frozen=True)
class Engine:
    """Where the engine is: its address up to /v1, the key that it wants or "", seconds that it may be silent."""

    base_url: str
    key: str = field(repr=False)
    timeout_s: float

    def session(self) -> "ClientSession":
        """Connections to it, as many as are needed; nothing of the environment, no cookies.

        What an engine packs that was asked not to is unpacked: the log has to read it.
        """
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        return ClientSession(
            connector=TCPConnector(limit=0, keepalive_timeout=KEPT_S),
            timeout=ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self.timeout_s),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
        )

    def headers(self, given: Mapping[bytes, bytes]) -> dict[str, str]:
        """What goes along with a body; no word of who the client is."""
        key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        accept = given.get(b"accept", b"*/*").decode("latin-1")
        return {"Content-Type": "application/json", "Accept": accept, "Accept-Encoding": "identity", **key}

    async def answers(self) -> bool:
        """Whether somebody listens there."""
        parts = urlsplit(self.base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(LOOK_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except OSError:  # TimeoutError is one
            return False
        writer.close()
        return True


def passed_on(response: "ClientResponse") -> list[tuple[bytes, bytes]]:
    """The headers of its answer that are the client's business."""
    return [(name, value) for raw, value in response.raw_headers if (name := raw.lower()) not in LEFT_OUT]
