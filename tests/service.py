"""A service on this machine that speaks the OpenAI protocol, and counts what it is asked."""

import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline.remote.service import Service

os.environ["NO_PROXY"] = "127.0.0.1"  # whatever proxy this machine has
KEY = "sk-not-a-real-key-51c9"
Reaction = tuple[int, dict[str, str], Any]  # status, headers, and a body: JSON, or bytes as they are


class LocalService(ThreadingHTTPServer):
    """`asked` holds path, headers and body of each request so far; one beyond the number `last` waits for its answer."""

    daemon_threads = True

    def __init__(self, react: Callable[[dict[str, Any], int], Reaction]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.react = react
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.last = math.inf
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that was killed is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: LocalService

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            number = len(self.server.asked)
        while number > self.server.last:
            time.sleep(0.001)
        status, headers, content = self.server.react(body, number)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def local_service(react: Callable[[dict[str, Any], int], Reaction]) -> Iterator[LocalService]:
    """The service, running; `react` gets the body of a request and its number from 1."""
    server = LocalService(react)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def completion(content: Any, **changes: Any) -> dict[str, Any]:
    """A completion as a service sends it."""
    message = {"role": "assistant", "content": content, "refusal": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage, **changes}


def says(content: Any, wait_s: float = 0, **changes: Any) -> Callable[[dict[str, Any], int], Reaction]:
    """A service that always says the same."""

    def react(_body: dict[str, Any], _number: int) -> Reaction:
        time.sleep(wait_s)
        return 200, {}, completion(content, **changes)

    return react


def service(address: str = "http://127.0.0.1:9/v1", **changes: Any) -> Service:
    values = {
        "base_url": address,
        "model": "teacher-1",
        "api_key_env": "SAMPLE_KEY",
        "temperature": 0.5,
        "max_tokens": 40,
        "structured_output": True,
        "price_in": 2.0,
        "price_out": 10.0,
    }
    return Service.model_validate({**values, **changes})
