"""Engines that answer as none should, and a server that is ended or cannot begin."""

import asyncio
import contextlib
import gzip
import json
import socketserver
import threading

import pytest

from pipeline.production.serve import _on_port
from pipeline.production.serving.app import App
from pipeline.production.serving.asking import Asking
from pipeline.production.serving.door import Door
from pipeline.production.serving.engine import Engine
from pipeline.production.serving.listening import listening, take
from pipeline.production.serving.params import ServeParams
from pipeline.stage import Fault
from tests.recorded import GOOD_ANSWER, SERVE, recorded

BODY = json.dumps({"choices": [{"message": {"content": GOOD_ANSWER}, "finish_reason": "stop"}]}).encode()


@contextlib.contextmanager
def saying(reply):
    """An engine that answers each request with the same bytes, nothing for None; its address up to /v1."""

    class Reply(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(2**16)
            if reply is None:
                self.request.recv(1)  # until the other end has gone
            else:
                self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Reply) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def packed(kind, body):
    body = gzip.compress(body)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code"), [(99, 502), (101, 502), (999, 502), (299, 299), (599, 599)])
def test_a_status_that_is_none_is_an_engine_that_failed(tmp_path, status, code):
    reply = b"HTTP/1.1 %03d X\r\ncontent-length: 2\r\n\r\n{}" % status
    with saying(reply) as engine, recorded(engine, tmp_path) as server:
        assert server.ask("hello").status_code == code
        [line] = server.lines()
    assert (line.get("finish") == "engine_failed") == (code == 502)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "finish"), [(b"", "engine_failed"), (b'"}}', "engine_failed"), (b"\n\ndata: [DONE]\n\n", "")]
)
def test_events_that_break_off_where_a_closed_connection_ends_them_are_no_answer(tmp_path, end, finish):
    event = b'data: {"choices": [{"delta": {"content": "{\\"label\\": "}}]}'
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + event + end
    with saying(reply) as engine, recorded(engine, tmp_path) as server:
        server.ask("hello", stream=True)
        [line] = server.lines()
    assert line.get("finish", "") == finish
    assert ("failed" in line) == (finish != "engine_failed")


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_an_engine_packed_unasked_is_read(tmp_path, streamed):
    event = json.dumps({"choices": [{"delta": {"content": GOOD_ANSWER}, "finish_reason": "stop"}]}).encode()
    reply = packed("text/event-stream", b"data: %s\n\n" % event) if streamed else packed("application/json", BODY)
    with saying(reply) as engine, recorded(engine, tmp_path) as server:
        assert GOOD_ANSWER in server.ask("hello", stream=streamed).text.replace('\\"', '"')
        [line] = server.lines()
    assert (line["answer"], line["valid"]) == (GOOD_ANSWER, True)


class Heard:
    """A recorder that keeps what it is given."""

    def __init__(self):
        self.kept = []

    def put(self, heard, *_):
        self.kept.append(heard)

    def counted(self):
        return {}

    def open(self, loop):
        pass

    def close(self):
        pass


async def cancelled(app):
    """A question whose answer the server's end cuts off, as uvicorn does it after a while."""
    asked = [{"type": "http.request", "body": b'{"messages": [{"role": "user", "content": "x"}]}'}]
    live = asyncio.Queue()
    await live.put({"type": "lifespan.startup"})
    up = asyncio.create_task(app({"type": "lifespan"}, live.get, nothing))
    await asyncio.sleep(0.1)
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "client": None}
    receive = lambda: asyncio.sleep(0, asked.pop()) if asked else asyncio.sleep(60)  # noqa: E731
    task = asyncio.create_task(app(scope, receive, nothing))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    await live.put({"type": "lifespan.shutdown"})
    await up


async def nothing(_):
    pass


@pytest.mark.slow
def test_an_answer_that_the_end_of_the_server_cuts_off_is_no_answer():
    params, heard = ServeParams.model_validate(SERVE), Heard()
    with saying(None) as engine:
        app = App(Engine(engine, "", 20.0), Asking("m", [], 5, None, None), Door(params, ""), heard, "gitune")
        asyncio.run(cancelled(app))
    assert [(one.outcome, one.status) for one in heard.kept] == [("engine_failed", 503)]


@pytest.mark.parametrize("port", ["²", "-1", "65536", "9" * 5000, "8080\n", "٣"])
def test_a_port_that_is_none_is_told(port):
    with pytest.raises(Fault, match="is no port"):
        _on_port(ServeParams.model_validate(SERVE), port)


def test_two_servers_that_begin_at_once_do_not_both_get_the_port():
    with listening(ServeParams.model_validate(SERVE)) as one:
        params = ServeParams.model_validate(SERVE | {"port": one.getsockname()[1]})
        with listening(params) as other:
            take(one)
            with pytest.raises(Fault, match="cannot be listened on"):
                take(other)
