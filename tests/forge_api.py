"""GitHub's REST API as far as comments and pull requests of ours need it, on a local server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "team/model"
ROOT = f"/repos/{REPOSITORY}"


class ForgeApi(ThreadingHTTPServer):
    """`heads` says which pull request a branch has, as `owner:branch`; `comments` is what stands below each, by number.

    `opened` is what was asked to be opened or changed, by number: title, body, head and base.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heads: dict[str, list[dict[str, Any]]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.opened: dict[int, dict[str, Any]] = {}
        self.refused = 0
        self.tokens = set[str]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def by_bots(self, number: int) -> list[str]:
        """The comments that a program wrote below a pull request."""
        return [one["body"] for one in self.comments.get(number, []) if one["user"]["type"] == "Bot"]


class Handler(BaseHTTPRequestHandler):
    """What the comment's client asks; anything else fails."""

    server: ForgeApi

    def _answer(self, value: Any) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        self.send_response(self.server.refused or 200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def _sent(self) -> dict[str, Any]:
        sent: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return sent

    def _body(self) -> str:
        return str(self._sent()["body"])

    def _open(self) -> None:
        sent, number = self._sent(), 40 + len(self.server.opened)
        self.server.opened[number] = sent
        self.server.heads[f"{REPOSITORY.partition('/')[0]}:{sent['head']}"] = [{"number": number}]
        self._answer({"number": number})

    def _comments(self, path: str) -> list[dict[str, Any]]:
        number = path.removeprefix(f"{ROOT}/issues/").removesuffix("/comments")
        return self.server.comments.setdefault(int(number), [])

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        if place.path == f"{ROOT}/pulls":
            return self._answer(self.server.heads.get(query["head"], []))
        start, size = (int(query["page"]) - 1) * int(query["per_page"]), int(query["per_page"])
        return self._answer(self._comments(place.path)[start : start + size])

    def do_POST(self) -> None:
        if self.path == f"{ROOT}/pulls":
            return self._open()
        taken = max((one["id"] for all_ in self.server.comments.values() for one in all_), default=0)
        self._comments(self.path).append({"id": taken + 1, "user": {"type": "Bot"}, "body": self._body()})
        return self._answer({})

    def do_PATCH(self) -> None:
        if self.path.startswith(f"{ROOT}/pulls/"):
            self.server.opened[int(self.path.removeprefix(f"{ROOT}/pulls/"))] |= self._sent()
            return self._answer({})
        number = int(self.path.removeprefix(f"{ROOT}/issues/comments/"))
        written = (one for all_ in self.server.comments.values() for one in all_)
        next(one for one in written if one["id"] == number)["body"] = self._body()
        return self._answer({})

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_api() -> Iterator[ForgeApi]:
    """The server, in a thread of its own."""
    server = ForgeApi()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
