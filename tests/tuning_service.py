"""A fine-tuning service on this machine: it checks what it is sent, trains nothing, and can fail in every way.

python -m tests.tuning_service <folder>     serves until it is killed; writes its address and what it was asked into the folder
"""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

os.environ["NO_PROXY"] = "127.0.0.1"
KEY = "sk-not-a-real-key-77d0"
BASE, TUNED = "small-1", "ft:small-1:gitune:x"
TURNS = {"system", "user", "assistant"}


class TuningService(ThreadingHTTPServer):
    """`fails` has, by "METHOD path-pattern", a status and a body that are sent instead, as often as they are listed.

    `outcome` is what becomes of a job; `looks` how often it is running before that.
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
            for number, (pattern, status, content) in enumerate(self.server.fails):
                if re.fullmatch(pattern, name):
                    del self.server.fails[number]
                    return self._send(status, content)
            content = self._react(name, path, body)
        self._send(404, {"error": {"message": f"no {path}"}}) if content is None else self._send(200, content)
        return None

    def _react(self, name: str, path: str, body: bytes | None) -> Any:
        server = self.server
        if name == "GET /models":
            return {"data": server.models} if server.models is not None else None
        if name == "GET /files":
            return {"data": list(server.files.values()), "has_more": False}
        if name == "POST /files":
            return self._file(body or b"")
        if name.startswith("GET /files/"):
            return server.files.get(path.rsplit("/", 1)[1])
        if name == "GET /fine_tuning/jobs":
            return {"data": list(server.jobs.values())[::-1], "has_more": False}
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
        keys = set(row)
        turns = row["messages"] if keys == {"messages"} else row["input"]["messages"]
        if keys not in ({"messages"}, {"input", "preferred_output", "non_preferred_output"}):
            self.server.complaints.append(f"odd row: {sorted(keys)}")
        if not {turn["role"] for turn in turns} <= TURNS:
            self.server.complaints.append("odd role")

    def _job(self, body: dict[str, Any]) -> Any:
        known = {"model", "training_file", "validation_file", "suffix", "seed", "method", "metadata"}
        if set(body) - known or len(body["metadata"]) > 16 or body["training_file"] not in self.server.files:
            self.server.complaints.append(f"odd job: {body}")
        number = f"job-{len(self.server.jobs)}"
        self.server.jobs[number] = {"id": number, "status": "running", "looked": 0, **body}
        self.server.asked.append(("job", body))
        return self.server.jobs[number]

    def _chat(self, body: dict[str, Any]) -> Any:
        self.server.asked.append(("chat", body))
        label = "red" if body["model"] == TUNED else "no"
        message = {"role": "assistant", "content": json.dumps({"label": label})}
        return {"choices": [{"message": message}], "usage": {"prompt_tokens": 20, "completion_tokens": 5}}

    def _of_job(self, path: str) -> Any:
        _, _, _, number, *more = [*path.split("/"), ""][:6]
        job = self.server.jobs.get(number)
        if job is None:
            return None
        if more[:1] == ["events"]:
            metrics = {"step": 10, "train_loss": 0.5, "valid_loss": 0.6}
            rows = [
                {"id": f"{number}-2", "type": "metrics", "message": f"step 10 {KEY}\x1b[31m", "data": metrics},
                {"id": f"{number}-1", "type": "message", "message": "validating", "data": None},
            ]
            return {"data": rows, "has_more": False}
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
        if job["looked"] > self.server.looks and job["status"] == "running":
            job |= self.server.outcome
        return job

    def _send(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


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
