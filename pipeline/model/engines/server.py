"""A server of the OpenAI protocol on this machine: started, waited for, and stopped whatever happens."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.model.engines import warden
from pipeline.model.engines.command import PLACE, EngineParams
from pipeline.remote.failures import masked
from pipeline.stage import Fault

if TYPE_CHECKING:
    from httpx2 import Client

HOST, KEY = "127.0.0.1", "of-this-machine"  # a word where a server wants a key; none is secret
LOOK_S, TELL_S, MOST_READ = 0.2, 10.0, 4096
# The server has the model; it is to ask nobody else, and to tell nobody
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}


@dataclass(frozen=True)
class Served:
    """A server that is ready: its address, the name that it knows the model by, and the file of what it prints."""

    base_url: str
    model: str
    log: Path


@contextmanager
def serving(params: EngineParams, model: Path, dtype: str, log: Path, say: Callable[[str], None]) -> Iterator[Served]:
    """Start the server with the model of a folder. Raises Fault, which names the log, where it does not come up."""
    port, name = _port(params.port), f"gitune-{model.name[:12]}"
    words = params.words(model=str(model.absolute()), port=str(port), served_name=name, dtype=dtype)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", warden.__file__, *words],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(words[0]),
        )
    try:
        address = f"http://{HOST}:{port}/v1"
        known = _ready(process, address, params.start_s, log, say)
        yield Served(address, _name(known, name if "{served_name}" in params.command else "", address), log)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()


def _environment(program: str) -> dict[str, str]:
    """Ours, with the folder of the program first: what it calls by name is what is installed beside it."""
    beside = str(Path(shutil.which(program) or program).parent.absolute())
    return {**os.environ, **ENVIRONMENT, "PATH": os.pathsep.join([beside, os.environ.get("PATH", "")])}


def last_line(log: Path) -> str:
    """What the server printed last."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MOST_READ))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return masked(lines[-1].strip(), KEY) if lines else "nothing"


def _port(wanted: int) -> int:
    """The port, or any free one. Raises Fault where another program has it."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, wanted))
        except OSError:
            raise Fault(f"{PLACE}.port", f"{wanted} is taken", "free it, or write 0 for any free one") from None
        return int(one.getsockname()[1])


def _ready(
    process: "subprocess.Popen[bytes]", address: str, start_s: float, log: Path, say: Callable[[str], None]
) -> list[str]:
    """Names of the models that the server has, as soon as it answers."""
    import httpx2

    began, told = time.monotonic(), 0.0
    with httpx2.Client(trust_env=False, timeout=5.0) as client:
        while (known := _models(client, address)) is None:
            passed = time.monotonic() - began
            if process.poll() is not None:
                fault = f"the server ended with {process.returncode} before it answered: {last_line(log)}"
                raise Fault(log, fault, f"mend what it says, or {PLACE.split(': ')[1]}.command")
            if passed > start_s:
                fault = f"{start_s:g} s are over, and the server does not answer; it printed last: {last_line(log)}"
                raise Fault(f"{PLACE}.start_s", fault, f"raise it, or read {log}")
            if passed - told > TELL_S:
                told = passed
                say(f"the server starts, {passed:.0f} s: {last_line(log)}")
            time.sleep(LOOK_S)
    return known


def _models(client: "Client", address: str) -> list[str] | None:
    """Names of models, or None where the server does not answer yet."""
    import httpx2

    try:
        response = client.get(f"{address}/models")
    except httpx2.HTTPError:
        return None
    if response.status_code != 200:
        return None
    try:
        listed: Any = response.json()["data"]
        return [str(one["id"]) for one in listed]
    except (ValueError, LookupError, TypeError):
        raise Fault(f"{address}/models", "lists no models", "start a server of the OpenAI protocol") from None


def _name(known: list[str], wanted: str, address: str) -> str:
    """The name to ask for: ours where the command gives it, else the only one that there is."""
    if wanted in known or (not wanted and len(known) == 1):
        return wanted or known[0]
    fault = f"has {', '.join(known)[:200] or 'no model'}, and not {wanted or 'one model'}"
    raise Fault(address, fault, f"give the model that name with {{served_name}} in {PLACE.split(': ')[1]}.command")
