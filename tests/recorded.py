"""The server of a test: a process of its own, in front of the stub engine, with a log below a folder.

python -m tests.recorded <settings as JSON>
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
import yaml

from pipeline.production.logs.heard import Settings
from pipeline.production.recording.channel import Channel
from pipeline.production.serving.app import App
from pipeline.production.serving.asking import Asking
from pipeline.production.serving.door import Door
from pipeline.production.serving.engine import Engine
from pipeline.production.serving.listening import listening, run_on
from pipeline.production.serving.params import ServeParams
from tests.project import ROOT
from tests.stub_engine import GOOD

SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["red", "green"]}, "reply": {"type": "string"}},
    "required": ["label", "reply"],
}
GOOD_ANSWER = GOOD
PROMPT = [{"role": "system", "content": "Answer as JSON."}]
SERVE = {
    "host": "127.0.0.1", "port": 0, "engine": "vllm", "start_s": 60.0, "timeout_s": 20.0, "adds_prompt": True, "constrained": False,
    "token_env": "", "max_body_mb": 1.0, "rate": 0.0, "burst": 1, "origins": [],
}  # fmt: skip
RECORD = {"sample": 1.0, "keep_days": 30, "file_mb": 64.0, "buffer_mb": 8.0, "counts_s": 0.2, "user_key_env": ""}
MODEL = {"revision": "abc", "model": "m1", "data": "d1", "price_in": None, "price_out": None}


def policy():
    return yaml.safe_load((ROOT / "params.yaml").read_text())["ingest"]["personal_data"]


def settings(folder, rules=None, **changes):
    values = {**RECORD, **MODEL, "schema": json.dumps(SCHEMA), "rules": rules or {}, "policy": policy()}
    return Settings(folder=str(folder), **(values | changes))


@dataclass
class Server:
    """A server that runs: its address, its process, the folder of its log."""

    address: str
    process: subprocess.Popen
    logs: Path

    def client(self, **more):
        return httpx2.Client(base_url=self.address, trust_env=False, timeout=30.0, **more)

    def ask(self, text, **more):
        headers = more.pop("headers", {})
        body = {"model": "x", "messages": [{"role": "user", "content": text}], **more}
        with self.client() as client:
            return client.post("/v1/chat/completions", json=body, headers=headers)

    def lines(self, kind="requests", least=1):
        """The lines of a kind, as soon as there are so many."""
        return waited(lambda: read(self.logs, kind), lambda found: len(found) >= least)

    def metrics(self, *wanted):
        """The lines of /metrics, as soon as all that are wanted are among them."""
        with self.client() as client:
            return waited(lambda: client.get("/metrics").text.splitlines(), lambda found: set(wanted) <= set(found))


def read(folder, kind):
    return [
        json.loads(line) for file in sorted(Path(folder).glob(f"*/{kind}-*")) for line in file.read_text().splitlines()
    ]


def waited(look, is_there, seconds=30.0):
    """What a look gives, as soon as it is there; after so many seconds as it is."""
    end = time.monotonic() + seconds
    while not is_there(found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def stub():
    """The stub engine; gives its address up to /v1, and its process."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.stub_engine", str(port)], cwd=ROOT) as process:
        waited(lambda: answers(port), bool)
        try:
            yield f"http://127.0.0.1:{port}/v1", process
        finally:
            process.kill()


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def recorded(engine, folder, env=None, serve=None, record=None, prompt=PROMPT, schema=None):
    """A server before an engine; ended in peace where the test did not end it."""
    port = free_port()
    told = {
        "engine": engine, "serve": SERVE | {"port": port} | (serve or {}), "prompt": prompt, "schema": schema, "folder": str(folder),
        "record": record or {},
    }  # fmt: skip
    words = [sys.executable, "-m", "tests.recorded", json.dumps(told)]
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, **(env or {})}) as process:
        waited(lambda: answers(port), bool)
        try:
            yield Server(f"http://127.0.0.1:{port}", process, Path(folder))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def main(told):
    params = ServeParams.model_validate(told["serve"])
    asking = Asking("engine-name", told["prompt"], 33, 0.0, told["schema"])
    channel = Channel(settings(told["folder"], **told["record"]))
    engine = Engine(told["engine"], "engine-key", params.timeout_s)
    run_on(listening(params), App(engine, asking, Door(params, params.token()), channel, "gitune"))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
