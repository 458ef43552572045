"""A fine-tuning service on this machine: it checks what it is sent, trains nothing, and can fail in every way.

python -m tests.tuning_service <folder>     serves until it is killed; writes its address and what it was asked into the folder
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

os.environ["NO_PROXY"] = "127.0.0.1"
KEY = "sk-not-a-real-key-77d0"
BASE, TUNED = "small-1", "ft:small-1:gitune:x"
OWN = {
    "model": BASE,
    "api_key_env": "SAMPLE_TUNING_KEY",
    "price": 3.0,
    "max_cost": 1.0,
    "poll_s": 0.01,
    "wait_h": 0.01,
    "epochs": 2,
}
TURNS = {"system", "user", "assistant"}
METRICS = {"step": 10, "train_loss": 0.5, "valid_loss": 0.6}
CUT = b"cut"  # a body that breaks off


class TuningService(ThreadingHTTPServer):
    """`fails` has, by "METHOD path-pattern", a status and a body that are sent instead, as often as they are listed; CUT breaks off.

    `late` has the same of requests that are heard before they fail. `outcome` is what becomes of a job, `looks` how often it is
    running before that, `events` what is told of it, the newest first, in pages of `page`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.models: list[dict[str, Any]] | None = [
            {"id": BASE},
            {"id": "old-1", "shutdown_date": "2026-01-14T00:00:00Z"},
        ]
        self.asked: list[tuple[str, Any]] = []
        self.fails: list[tuple[str, int, Any]] = []
        self.late: list[tuple[str, int, Any]] = []
        self.keeps_metadata, self.knows_pages, self.page = True, True, 100
        self.echo: dict[str, Any] = {}
        self.finish_reason, self.usage = "stop", {"prompt_tokens": 20, "completion_tokens": 5}
        self.while_created: Callable[[], None] = lambda: None
        self.at_look: Callable[[], None] = lambda: None
        self.events: list[dict[str, Any]] = [
            {"id": "e2", "type": "metrics", "message": f"step 10 {KEY}\x1b[31m", "data": METRICS, "created_at": 2},
            {"id": "e1", "type": "message", "message": "validating", "data": None, "created_at": 1},
        ]
        self.outcome: dict[str, Any] = {"status": "succeeded", "fine_tuned_model": TUNED, "trained_tokens": 1234}
        self.file_status, self.looks, self.complaints = "processed", 2, list[str]()
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that was killed is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: TuningService

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes | None) -> None:
        with self.server.lock:
            path = self.path.removeprefix("/v1").partition("?")[0]
            name = f"{self.command} {path}"
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                self.server.complaints.append(f"{name}: wrong key")
            if failed := _taken(self.server.fails, name):
                return self._send(*failed)
            content = self._react(name, path, body)
            if failed := _taken(self.server.late, name):
                return self._send(*failed)
        self._send(404, {"error": {"message": f"no {path}"}}) if content is None else self._send(200, content)
        return None

    def _react(self, name: str, path: str, body: bytes | None) -> Any:
        server = self.server
        if name == "GET /models":
            return {"data": server.models} if server.models is not None else None
        if name == "GET /files":
            return self._paged(list(server.files.values()))
        if name == "POST /files":
            return self._file(body or b"")
        if name.startswith("GET /files/"):
            return server.files.get(path.rsplit("/", 1)[1])
        if name == "GET /fine_tuning/jobs":
            return self._paged([self._shown(job) for job in list(server.jobs.values())[::-1]])
        if name == "POST /fine_tuning/jobs":
            return self._job(json.loads(body or b"{}"))
        if name == "POST /chat/completions":
            return self._chat(json.loads(body or b"{}"))
        return self._of_job(path)

    def _file(self, body: bytes) -> Any:
        """A multipart upload: purpose, name and content."""
        assert b'name="purpose"\r\n\r\nfine-tune' in body
        found = re.search(rb'filename="([^"]+)"\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', body, re.DOTALL)
        assert found
        rows = [json.loads(line) for line in found[2].decode().splitlines()]
        for row in rows:
            self._check_row(row)
        number = f"file-{len(self.server.files)}"
        self.server.files[number] = {
            "id": number,
            "filename": found[1].decode(),
            "status": self.server.file_status,
            "rows": rows,
        }
        if self.server.file_status == "error":
            self.server.files[number]["status_details"] = f"line 1 is wrong {KEY}"
        self.server.asked.append(("file", rows))
        return self.server.files[number]

    def _check_row(self, row: dict[str, Any]) -> None:
        """As the service's own documents have it."""
        keys, is_pair = set(row), "input" in row
        turns = row["input"]["messages"] if is_pair else row["messages"]
        if keys != ({"input", "preferred_output", "non_preferred_output"} if is_pair else {"messages"}):
            self.server.complaints.append(f"odd row: {sorted(keys)}")
        answers = [*row["preferred_output"], *row["non_preferred_output"]] if is_pair else turns[-1:]
        if [turn["role"] for turn in answers] != ["assistant"] * (2 if is_pair else 1):
            self.server.complaints.append("odd answers")
        if is_pair and turns[-1]["role"] != "user":
            self.server.complaints.append("a pair asks nothing")
        for turn in [*turns, *answers]:
            if turn["role"] not in TURNS or set(turn) - {"role", "content", "weight"} or not turn["content"]:
                self.server.complaints.append(f"odd turn: {turn}")
            if turn.get("weight", 0) not in (0, 1) or ("weight" in turn and (is_pair or turn["role"] != "assistant")):
                self.server.complaints.append(f"odd weight: {turn}")

    def _job(self, body: dict[str, Any]) -> Any:
        server = self.server
        known = {"model", "training_file", "validation_file", "suffix", "seed", "method", "metadata"}
        pairs = body["metadata"].items()
        if (
            set(body) - known
            or len(pairs) > 16
            or any(len(key) > 64 or not 0 < len(text) <= 512 for key, text in pairs)
        ):
            server.complaints.append(f"odd job: {body}")
        if {body["training_file"], body.get("validation_file", "file-0")} - set(server.files):
            server.complaints.append(f"no such file: {body}")
        if set(body["method"]) != {"type", body["method"]["type"]} or len(body.get("suffix", "")) > 64:
            server.complaints.append(f"odd method: {body}")
        server.while_created()
        number = f"job-{len(server.jobs)}"
        server.jobs[number] = {"id": number, "status": "running", "created_at": len(server.jobs), "looked": 0, **body}
        server.jobs[number] |= server.echo
        server.asked.append(("job", body))
        return self._shown(server.jobs[number])

    def _shown(self, job: dict[str, Any]) -> dict[str, Any]:
        left_out = set() if self.server.keeps_metadata else {"metadata"}
        return {key: value for key, value in job.items() if key not in left_out}

    def _paged(self, rows: list[dict[str, Any]]) -> Any:
        """Rows after the one that is named, and whether there are more."""
        query = parse_qs(urlsplit(self.path).query)
        names, size = [row["id"] for row in rows if "id" in row], self.server.page
        if not self.server.knows_pages:
            return {"data": rows, "has_more": True}
        first = names.index(query["after"][0]) + 1 if "after" in query else 0
        return {"data": rows[first : first + size], "has_more": first + size < len(rows)}

    def _chat(self, body: dict[str, Any]) -> Any:
        self.server.asked.append(("chat", body))
        label = "red" if body["model"] == TUNED else "no"
        message = {"role": "assistant", "content": json.dumps({"label": label})}
        choice = {"message": message, "finish_reason": self.server.finish_reason}
        return {"choices": [choice], "usage": self.server.usage}

    def _of_job(self, path: str) -> Any:
        _, _, _, number, *more = [*path.split("/"), ""][:6]
        job = self.server.jobs.get(number)
        if job is None:
            return None
        if more[:1] == ["cancel"]:
            job["status"] = "cancelled"
            self.server.asked.append(("cancel", number))
            return self._shown(job)
        if more[:1] == ["events"]:
            return self._paged(self.server.events)
        if more[:1] == ["checkpoints"]:
            rows = [
                {
                    "id": "c1",
                    "fine_tuned_model_checkpoint": "ck-1",
                    "step_number": 10,
                    "metrics": {"full_valid_loss": 0.55},
                }
            ]
            return {"data": rows, "has_more": False}
        job["looked"] += 1
        self.server.at_look()
        if job["looked"] > self.server.looks and job["status"] == "running":
            job |= self.server.outcome
        return self._shown(job)

    def _send(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) + (10 if content is CUT else 0)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _taken(fails: list[tuple[str, int, Any]], name: str) -> tuple[int, Any] | None:
    """The first failure for a request, which is used up."""
    for number, (pattern, status, content) in enumerate(fails):
        if re.fullmatch(pattern, name):
            del fails[number]
            return status, content
    return None


def asked(service: TuningService, kind: str) -> list[Any]:
    """The bodies of what was asked, of a kind."""
    return [body for name, body in service.asked if name == kind]


def error(text: str) -> dict[str, Any]:
    """As a service says it."""
    return {"error": {"message": text, "type": "x", "param": None, "code": None}}


@contextmanager
def tuning_service() -> Iterator[TuningService]:
    """The service, running."""
    server = TuningService()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
