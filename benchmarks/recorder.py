"""Measure the recorder: what it adds to an answer, what it takes of the capacity, and what it drops.

    python -m benchmarks.recorder [--rounds 8] [--seconds 6]

A stub engine of the tests is asked directly, through a bare pass-through proxy of the same framework (uvicorn, aiohttp) and through the
server with its recorder, one after the other in short rounds whose order turns, so that a noisy machine is noisy to all. Load comes from
autocannon of npm, an open loop: 50 connections of one request a second each. Prints Markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.project import ROOT
from tests.recorded import answers, free_port, read, recorded, stub, waited

TOOLS, AUTOCANNON = Path(".cache/autocannon"), "autocannon@9.0.0"
RATE, CLIENTS = 50, 32
TURNS = [{"role": "user", "content": "My parcel has not come yet, and I have waited for a week. Where is it? " * 4}]
BODY = {"model": "gitune", "messages": TURNS, "temperature": 0.0, "max_tokens": 192}
NAMES = ("direct", "bare proxy", "recorder")


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least that passes a request on with uvicorn and aiohttp; its engine stands in the environment."""
    from aiohttp import ClientSession, TCPConnector

    if scope["type"] != "http":
        return
    if "session" not in KEPT:
        KEPT["session"] = ClientSession(connector=TCPConnector(limit=0, keepalive_timeout=2.0), auto_decompress=False)
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    address = os.environ["ENGINE"] + scope["path"].removeprefix("/v1")
    async with KEPT["session"].post(address, data=body, headers={"Content-Type": "application/json"}) as response:
        kept = [
            one for one in response.raw_headers if one[0].lower() not in (b"transfer-encoding", b"connection", b"date")
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        async for piece in response.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


KEPT: dict[str, Any] = {}


@contextmanager
def bare_proxy(engine: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    words = ["uvicorn", "benchmarks.recorder:bare", "--port", str(port), "--log-level", "critical", "--no-access-log"]
    with subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, "ENGINE": engine}) as process:
        waited(lambda: answers(port), bool)
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.kill()


def fired(address: str, seconds: float, rate: int | None, clients: int, **more: Any) -> dict[str, Any]:
    """The milliseconds of each answer; without a rate as many as there can be."""
    wanted: dict[str, Any] = {"url": f"{address}/v1/chat/completions", "body": json.dumps({**BODY, **more})}
    wanted |= {"connections": clients, "duration": seconds, **({"overallRate": rate} if rate else {})}
    done = subprocess.run(
        ["node", "benchmarks/load.cjs", json.dumps(wanted)],
        cwd=ROOT,
        env={**os.environ, "NODE_PATH": str((TOOLS / "node_modules").resolve())},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if set(found["statuses"]) != {"200"} or found["errors"]:
        raise SystemExit(f"{address}: {found['statuses']}, {found['errors']} errors")
    return found


def install() -> None:
    if not (TOOLS / "node_modules/autocannon").is_dir():
        TOOLS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", str(TOOLS), AUTOCANNON], check=True)


def quantile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def latencies(places: dict[str, str], rounds: int, seconds: float, **more: Any) -> list[str]:
    """Rows of what is added, over all rounds, and per round."""
    found: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    for number in range(rounds):
        for name in NAMES if number % 2 else NAMES[::-1]:
            found[name].append(fired(places[name], seconds, RATE, RATE, **more)["times"])
    rows = []
    for name in NAMES:
        every = [time for times in found[name] for time in times]
        cells = [f"{quantile(every, share):.2f}" for share in (0.5, 0.99)]
        for other in ("direct", "bare proxy"):
            pairs = list(zip(found[name], found[other], strict=True))
            cells += [
                f"{statistics.median(quantile(a, q) - quantile(b, q) for a, b in pairs):+.2f}" for q in (0.5, 0.99)
            ]
        rows.append(f"| {name} | {len(every)} | {' | '.join(cells)} |")
    return rows


def used_s(process: Any) -> float:
    """Seconds of the processor that a process has used so far, and those that it started."""
    times = [one.cpu_times() for one in (process, *process.children())]
    return sum(one.user + one.system for one in times)


def cost(places: dict[str, str], processes: dict[str, Any], rounds: int, seconds: float, **more: Any) -> list[str]:
    """Milliseconds of a processor for an answer, which a neighbour's load does not change much: the proxy, the server alone, both."""
    found: dict[str, list[float]] = {"bare proxy": [], "server": [], "server and recorder": []}
    for _ in range(rounds):
        for name in NAMES[1:]:
            own, both = processes[name].cpu_times(), used_s(processes[name])
            count = len(fired(places[name], seconds, RATE, RATE, **more)["times"])
            then = processes[name].cpu_times()
            alone = (then.user + then.system - own.user - own.system) * 1000 / count
            found["server" if name == "recorder" else name].append(alone)
            if name == "recorder":
                found["server and recorder"].append((used_s(processes[name]) - both) * 1000 / count)
    return [f"| {name} | {statistics.median(times):.2f} |" for name, times in found.items()]


def capacity(places: dict[str, str], rounds: int, seconds: float, **more: Any) -> str:
    """Answers a second, and the ratio of each pair."""
    found: dict[str, list[float]] = {name: [] for name in NAMES[1:]}
    for number in range(rounds):
        for name in NAMES[1:] if number % 2 else NAMES[:0:-1]:
            said = fired(places[name], seconds, None, CLIENTS, **more)
            found[name].append(len(said["times"]) / said["seconds"])
    ratios = sorted(one / other for one, other in zip(found["recorder"], found["bare proxy"], strict=True))
    rates = " / ".join(f"{statistics.median(found[name]):.0f}" for name in found)
    return f"{rates} a second; ratio {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    given = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as folder, stub() as (engine, _), bare_proxy(engine) as (proxy, pid):
        with recorded(engine, folder, record={"buffer_mb": 64.0}) as server:
            places = dict(zip(NAMES, (engine.removesuffix("/v1"), proxy, server.address), strict=True))
            processes = {"bare proxy": psutil.Process(pid), "recorder": psutil.Process(server.process.pid)}
            for place in places.values():
                fired(place, 2, RATE, RATE)
            for kind, more in (("whole", {}), ("streamed", {"stream": True})):
                print(f"| {kind}, {RATE}/s | n | p50 ms | p99 ms | p50 over direct | p99 | p50 over bare | p99 |")
                print("|---|---|---|---|---|---|---|---|")
                print("\n".join(latencies(places, given.rounds, given.seconds, **more)), flush=True)
                print("ms of a processor an answer:")
                print("\n".join(cost(places, processes, given.rounds, given.seconds, **more)), flush=True)
                print(
                    f"capacity, {kind}, bare / recorder: {capacity(places, given.rounds, given.seconds, **more)}",
                    flush=True,
                )
            with server.client() as client:
                print(
                    "\n".join(
                        one
                        for one in client.get("/metrics").text.splitlines()
                        if "records_total{" in one or "dropped" in one
                    )
                )
        counts = read(folder, "counts")
        print(f"seen {sum(one['seen'] for one in counts)}, written {sum(one.get('written', 0) for one in counts)}")


if __name__ == "__main__":
    main()
