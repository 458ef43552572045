"""A server of the OpenAI protocol for the tests of engines: it has the model of a folder, or stumbles in the way that it is told.

    python tests/engine_server.py --model <folder> --port <port> --served-model-name <name> --dtype <dtype> [--way <way>]

It knows nothing of the pipeline: the model is loaded with transformers as it stands in the folder, and asked one prompt at a time, without
padding, under its own chat template and settings. Ways other than `model` load none, and say {"label": "red"}; each request is noted
in the file --notes, with how many were under way.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WAYS = (
    "model", "says", "dies", "sleeps", "crashes", "hangs", "busy", "fails", "fails_one", "few", "garbage", "refuses", "template",
    "stays", "unnamed", "no_list",
)  # fmt: skip


class Model:
    """The model of the folder; `answer` gives text, finish, and the tokens of both sides."""

    def __init__(self, folder, dtype):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.lock = threading.Lock()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()

    def answer(self, body):
        import torch

        ids = (
            body.get("prompt")
            or self.tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True)["input_ids"]
        )
        with self.lock, torch.inference_mode():
            out = self.model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=body["max_tokens"]
            )
        said = out[0, len(ids) :].tolist()
        ends = self.model.generation_config.eos_token_id
        has_ended = said[-1] in (ends if isinstance(ends, list) else [ends])
        return (
            self.tokenizer.decode(said, skip_special_tokens=True),
            "stop" if has_ended else "length",
            len(ids),
            len(said),
        )


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        given = self.server.given
        if given.way == "no_list":
            return self.send(200, b"<html>hello</html>")
        name = "another" if given.way == "unnamed" else given.served_model_name
        return self.send(200, {"object": "list", "data": [{"id": name, "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.under_way += 1
            number = self.server.number = self.server.number + 1
            if self.server.given.notes:
                with self.server.given.notes.open("a") as file:
                    file.write(json.dumps({"path": self.path, "body": body, "under_way": self.server.under_way}) + "\n")
        self.react(body, number)

    def react(self, body, number):
        way = self.server.given.way
        if way == "crashes" and number == 2:
            print("CUDA error: out of memory", flush=True)
            os._exit(1)
        if way == "hangs":
            time.sleep(60)
        if way == "busy" and number <= 2:
            return self.send(503, {"error": {"message": "loading"}}, {"Retry-After-Ms": "1"})
        if way == "fails" or (way == "fails_one" and "river" in json.dumps(body)):
            return self.send(500, {"error": {"message": "EngineCore has an <error>"}}, {"Retry-After-Ms": "1"})
        if way == "refuses":
            return self.send(400, {"error": {"message": "seed is not supported"}})
        if way == "garbage":
            return self.send(200, b"\xff not JSON")
        usage = {}
        if self.server.model:
            text, finish, read, wrote = self.server.model.answer(body)
            usage = {"usage": {"prompt_tokens": read, "completion_tokens": wrote}}
        else:
            time.sleep(0.05)
            text, finish = '{"label": "red"}', "stop"
        if way == "template":
            usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 1}}
        said = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        choices = [] if way == "few" and number % 2 else [{"index": 0, "finish_reason": finish, **said}]
        return self.send(200, {"id": "c", "choices": choices, **usage})

    def send(self, status, content, headers=None):
        with self.server.lock:
            self.server.under_way -= self.command == "POST"
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing."""


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "served-model-name", "dtype"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--way", choices=WAYS, default="model")
    parser.add_argument("--notes", type=Path)
    given = parser.parse_args()
    print("loading the weights", flush=True)
    if given.way == "dies":
        print("ValueError: no GPU\x1b[0m of that name", flush=True)
        sys.exit(3)
    if given.way == "sleeps":
        time.sleep(60)
    if given.way == "stays":  # it does not listen to SIGTERM, and has a child
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        given.notes.write_text(json.dumps({"pids": [os.getpid(), child.pid]}) + "\n")
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.given, server.lock, server.number, server.under_way = given, threading.Lock(), 0, 0
    server.model = Model(given.model, given.dtype) if given.way == "model" else None
    server.serve_forever()


if __name__ == "__main__":
    main()
