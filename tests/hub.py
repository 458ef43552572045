"""A hub of models that runs on this machine, and commands that take it for huggingface.co."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHA = "0123456789" * 4
FILES = {
    "config.json": b'{"model_type": "toy"}',
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
    "pytorch_model.bin": b"pickled code",
}
NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
REFUSED = {  # status and code; the gated one tells what it is, and keeps its files
    "toy/gated": (403, "GatedRepo"),
    "toy/shut": (403, "GatedRepo"),
    "toy/secret": (401, "RepoNotFound"),
    "toy/none": (404, "RepoNotFound"),
    "toy/broken": (500, "ServerError"),
}


class Hub(BaseHTTPRequestHandler):
    """Refuses the models above, and serves any other as the same toy; toy/bare has no safetensors."""

    def do_GET(self):
        path = self.path.split("?")[0].removeprefix("/api/models")
        model = "/".join(path.split("/")[1:3])
        asked = path.removeprefix(f"/{model}")
        is_file = not self.path.startswith("/api/")
        if model in REFUSED and (is_file or model != "toy/gated"):
            self.send(b"{}", {"X-Error-Code": REFUSED[model][1]}, REFUSED[model][0])
        elif is_file:
            body = FILES[asked.removeprefix(f"/resolve/{SHA}/")]
            tag = hashlib.sha256(body).hexdigest()  # the client takes it for a file name
            self.send(body, {"ETag": f'"{tag}"', "X-Repo-Commit": SHA})
        else:
            names = [name for name in FILES if model != "toy/bare" or not name.endswith(".safetensors")]
            self.send(json.dumps(self.tree(names) if "/tree/" in asked else self.info(model, names)).encode(), {})

    do_HEAD = do_GET  # noqa: N815  # names are the server's

    def info(self, model, names):
        siblings = [{"rfilename": name} for name in names]
        return {"id": model, "sha": SHA, "siblings": siblings, "cardData": {"license": "mit"}, "tags": []}

    def tree(self, names):
        return [
            {"type": "file", "path": name, "size": len(FILES[name]), "oid": f"blob{n}"} for n, name in enumerate(names)
        ]

    def send(self, body, headers, status=200):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def running_hub() -> Iterator[ThreadingHTTPServer]:
    """A hub that runs; `hub.stop()` takes it down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.stop = lambda: (server.shutdown(), server.server_close(), thread.join())
    yield server
    if thread.is_alive():
        server.stop()


def make(folder, hub, *arguments):
    """Run a module in a folder, with the hub in the place of huggingface.co and an empty cache of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def last_line(done):
    """What a run that failed says at last; above it may only stand a bar of progress."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]
