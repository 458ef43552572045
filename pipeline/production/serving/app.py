"""The server: an ASGI app that passes questions to the engine and answers to the client, byte for byte and as they come.

What it heard it hands to a recorder, which never makes it wait. It knows no model, no file and no schema.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pipeline.production.logs.heard import Heard, Outcome
from pipeline.production.serving.asking import Asking
from pipeline.production.serving.door import Door, Gone, Receive, Refused
from pipeline.production.serving.engine import Engine, passed_on
from pipeline.production.serving.exchange import Exchange, Send, Watch, header_text
from pipeline.production.serving.feedback import checked_feedback
from pipeline.production.serving.metrics import Metrics

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

JSON = (b"content-type", b"application/json")
FIRST_WORDS = re.compile(rb'"(?:content|text|arguments|reasoning_content)"\s*:\s*"[^"]')
STATUSES = range(200, 600)  # of an answer; another one is none, and cannot be passed on
CLIENT_LEFT = 499  # the status of a request whose client left before there was one, as nginx has it


class Recorder(Protocol):
    """Takes what was heard, at once, and counts."""

    def put(self, heard: Heard, asked: bytes, answered: list[bytes]) -> None: ...

    def counted(self) -> Mapping[str, float]: ...

    def open(self, loop: asyncio.AbstractEventLoop) -> None: ...

    def close(self) -> None: ...


class App:
    """The ASGI application."""

    def __init__(self, engine: Engine, asking: Asking, door: Door, recorder: Recorder, name: str) -> None:
        self._engine, self._asking, self._door, self._recorder = engine, asking, door, recorder
        self._models = msgspec.json.encode(
            {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "gitune"}]}
        )
        self._metrics = Metrics()
        self._session: ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            exchange = Exchange(scope["path"], dict(scope["headers"]), send)
            try:
                await self._serve(exchange, scope, receive)
            except Refused as refused:
                await self._refuse(exchange, refused)
            except Gone:
                self._done(exchange, "refused", CLIENT_LEFT)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._session = self._engine.session()
                self._recorder.open(asyncio.get_running_loop())
            else:
                if self._session:
                    await self._session.close()
                self._recorder.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _serve(self, exchange: Exchange, scope: dict[str, Any], receive: Receive) -> None:
        """Answer a request. Raises Refused, Gone."""
        method, path, headers = scope["method"], exchange.path, exchange.headers
        if path == "/health" and method == "GET":
            return await self._health(exchange)
        if method == "OPTIONS" and headers.get(b"origin"):
            more = self._door.preflight(headers)
            return await self._say(exchange, 204 if more else 403, b"", more)
        self._door.check(scope, headers)
        if method == "GET" and path == "/v1/models":
            return await self._say(exchange, 200, self._models, [JSON])
        if method == "GET" and path == "/metrics":
            text = self._metrics.text(self._recorder.counted()).encode()
            return await self._say(
                exchange, 200, text, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
            )
        if method != "POST" or path not in ("/v1/chat/completions", "/v1/completions", "/v1/feedback"):
            raise Refused(404, f"there is no {method} {path[:100]} here")
        exchange.asked = await self._door.body(headers, receive)
        if path == "/v1/feedback":
            return await self._feedback(exchange)
        return await self._complete(exchange, receive)

    async def _health(self, exchange: Exchange) -> None:
        if await self._engine.answers():
            return await self._say(exchange, 200, b'{"status":"ok"}', [JSON])
        return await self._say(exchange, 503, b'{"status":"the engine does not answer"}', [JSON])

    async def _feedback(self, exchange: Exchange) -> None:
        try:
            checked_feedback(exchange.asked)
        except Refused:
            self._metrics.feedback[400] += 1
            raise
        self._metrics.feedback[202] += 1
        heard = Heard(kind="feedback", time=exchange.arrived, user=header_text(exchange.headers, b"x-user"))
        self._recorder.put(heard, exchange.asked, [])
        await self._say(exchange, 202, b'{"status":"taken"}', [JSON])

    async def _complete(self, exchange: Exchange, receive: Receive) -> None:
        """Ask the engine and pass its answer on, unless the client hangs up before."""
        try:
            ask = self._asking.chat if exchange.path.endswith("chat/completions") else self._asking.text
            body, exchange.is_streamed = ask(exchange.asked)
        except Refused:
            self._record(exchange, "refused", 400)
            raise
        self._metrics.in_flight += 1
        task = asyncio.current_task()
        assert task
        watch = Watch(receive, exchange, task)
        try:
            await self._pass(exchange, body)
        except asyncio.CancelledError:
            if not watch.has_left:  # the server ends, and what was answered so far is not all of it
                exchange.outcome, exchange.status = "engine_failed", exchange.status or 503
                raise
            task.uncancel()
            exchange.outcome, exchange.status = "hung_up", exchange.status or CLIENT_LEFT
        finally:
            watch.end()
            self._metrics.in_flight -= 1
            self._done(exchange, exchange.outcome, exchange.status)
            self._record(exchange, exchange.outcome, exchange.status)

    async def _pass(self, exchange: Exchange, body: bytes) -> None:
        from aiohttp import ClientError, ClientPayloadError

        assert self._session
        address = self._engine.base_url + exchange.path.removeprefix("/v1")
        try:
            async with self._session.post(
                address, data=body, headers=self._engine.headers(exchange.headers), allow_redirects=False
            ) as response:
                if response.status not in STATUSES:
                    raise ClientPayloadError
                if response.content_type == "text/event-stream":
                    await self._stream(exchange, response)
                else:
                    await self._whole(exchange, response)
        except (ClientError, OSError) as error:  # a timeout is one
            exchange.outcome = "engine_failed"
            if not exchange.status:
                exchange.status = 504 if isinstance(error, TimeoutError) else 502
                await self._say(exchange, exchange.status, _error("the engine gave no answer"), [JSON])
            else:  # without the last piece the client can tell that there is no end
                await exchange.send({"type": "http.response.body", "body": STREAM_ENDS, "more_body": True})

    async def _whole(self, exchange: Exchange, response: "ClientResponse") -> None:
        answer = await response.read()
        exchange.answered, exchange.status = [answer], response.status
        await self._say(exchange, response.status, answer, passed_on(response))

    async def _stream(self, exchange: Exchange, response: "ClientResponse") -> None:
        exchange.status, exchange.is_streamed = response.status, True
        await exchange.send(self._start(exchange, response.status, passed_on(response)))
        async for piece in response.content.iter_any():
            exchange.answered.append(piece)
            await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
            if exchange.first_token_s is None and FIRST_WORDS.search(piece):
                exchange.first_token_s = exchange.passed_s
        exchange.is_said = True
        await exchange.send({"type": "http.response.body", "body": b""})

    def _start(self, exchange: Exchange, status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        own = [(b"x-request-id", exchange.id.encode()), *self._door.shared(exchange.headers)]
        return {"type": "http.response.start", "status": status, "headers": [*headers, *own]}

    async def _say(self, exchange: Exchange, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        length = [(b"content-length", str(len(body)).encode())] if status != 204 else []
        exchange.is_said = True
        await exchange.send(self._start(exchange, status, [*headers, *length]))
        await exchange.send({"type": "http.response.body", "body": body})

    async def _refuse(self, exchange: Exchange, refused: Refused) -> None:
        self._done(exchange, "refused", refused.status)
        more = [(b"retry-after", str(refused.wait_s).encode())] if refused.wait_s else []
        more += [(b"connection", b"close")] if refused.status == 413 else []  # what comes of it is not read
        await self._say(exchange, refused.status, _error(refused.words), [JSON, *more])

    def _done(self, exchange: Exchange, outcome: Outcome, status: int) -> None:
        self._metrics.requests[status, outcome] += 1
        if outcome != "refused":
            self._metrics.total.add(exchange.passed_s)
        if exchange.first_token_s is not None:
            self._metrics.first_token.add(exchange.first_token_s)

    def _record(self, exchange: Exchange, outcome: Outcome, status: int) -> None:
        heard = exchange.heard(outcome, status)
        self._recorder.put(heard, exchange.asked, exchange.answered)


def _error(words: str) -> bytes:
    return msgspec.json.encode({"error": {"message": words, "type": "server"}})


STREAM_ENDS = b"data: " + _error("the engine broke off") + b"\n\n"
