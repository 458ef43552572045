"""`transformers serve` as the engine: enough for a laptop, a question at a time, with what it lacks made up for here.

It lists its models from a cache of the hub, which may not be there, so it is asked for its health. It knows a model by the words of its
command alone, so it is started beside the folder, and the name that it gives away holds no path of this machine.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.model.engines import warden
from pipeline.model.engines.server import HOST, last_line
from pipeline.stage import PARAMS_FILE, Fault

LOOK_S, TELL_S, ANSWER_S = 0.2, 10.0, 5.0
# The model is here; nobody else is asked for it, or told of it
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}
INSTALL = "run make setup-serve"


@contextmanager
def laptop(
    folder: Path, dtype: str, device: str, start_s: float, log: Path, say: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """Start it with the model of a folder; gives its address up to /v1 and its name for the model.

    Raises Fault, which names the log, where it does not come up. However this process ends, it ends too.
    """
    program = Path(sys.executable).parent / "transformers"
    if not program.is_file():
        raise Fault(program, "is not there", INSTALL)
    port = _free_port()
    words = [
        str(program),
        "serve",
        folder.name,
        "--host",
        HOST,
        "--port",
        str(port),
        "--device",
        device,
        "--dtype",
        dtype,
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", warden.__file__, *words],
            cwd=folder.parent,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **OFFLINE},
        )
    try:
        _wait(process, f"http://{HOST}:{port}/health", start_s, log, say)
        yield f"http://{HOST}:{port}/v1", folder.name
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _wait(
    process: "subprocess.Popen[bytes]", address: str, start_s: float, log: Path, say: Callable[[str], None]
) -> None:
    began, told = time.monotonic(), 0.0
    while not _is_well(address):
        passed = time.monotonic() - began
        if process.poll() is not None:
            fault = f"the engine ended with {process.returncode} before it answered: {last_line(log)}"
            remedy = INSTALL if "transformers[serving]" in log.read_text("utf-8", "replace") else "mend what it says"
            raise Fault(log, fault, remedy)
        if passed > start_s:
            fault = f"{start_s:g} s are over, and the engine does not answer; it printed last: {last_line(log)}"
            raise Fault(f"{PARAMS_FILE}: serve.start_s", fault, f"raise it, or read {log}")
        if passed - told > TELL_S:
            told = passed
            say(f"the engine starts, {passed:.0f} s: {last_line(log)}")
        time.sleep(LOOK_S)


def _is_well(address: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=ANSWER_S) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
