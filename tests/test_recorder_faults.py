"""What happens to the log when something breaks: nothing is lost that was said to be there, and no request waits or fails."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from pipeline.production.logs.heard import Heard
from pipeline.production.recording.channel import Channel
from tests.recorded import read, recorded, settings, stub, waited

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine():
    with stub() as (address, _):
        yield address


def writer_of(server):
    """The recorder's process: the server's only child."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    [found] = waited(lambda: children.read_text().split(), bool)
    return int(found)


class Load:
    """Clients that ask one question after the other; notes when the answer to each was there."""

    def __init__(self, server, clients=4):
        self.server, self.answered = server, {}
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]

    def ask(self):
        body = {"messages": [{"role": "user", "content": "secret"}]}
        with self.server.client() as client, contextlib.suppress(httpx2.HTTPError):
            while True:
                answer = client.post("/v1/chat/completions", json=body)
                answer.raise_for_status()
                self.answered[answer.headers["x-request-id"]] = time.monotonic()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join()


def test_no_answer_that_was_given_is_lost_when_the_server_is_killed(engine, tmp_path):
    with recorded(engine, tmp_path) as server, Load(server) as load:
        writer = writer_of(server)
        waited(lambda: len(load.answered), lambda count: count > 200)
        killed = time.monotonic()
        server.process.kill()
    waited(lambda: Path(f"/proc/{writer}").exists(), lambda there: not there)
    lines = [line["id"] for line in read(tmp_path, "requests")]
    sure = {name for name, when in load.answered.items() if when < killed - 0.1}
    assert len(sure) > 50
    assert sure - set(lines) == set()
    assert len(lines) == len(set(lines))
    assert sum(counts["written"] for counts in read(tmp_path, "counts")) == len(lines)


def test_a_full_disk_drops_records_and_no_request_and_it_goes_on_when_there_is_room(engine, tmp_path):
    """The error output, a file, stands on the same disk."""
    with recorded(engine, tmp_path) as server:
        server.ask("hello")
        server.lines()
        writer, unlimited = writer_of(server), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(writer, resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
        assert [server.ask("hello").status_code for _ in range(3)] == [200, 200, 200]
        wanted = {'gitune_dropped_total{fault="cannot_write"} 1', 'gitune_dropped_total{fault="no_space"} 2'}
        assert wanted <= set(server.metrics(*wanted))
        resource.prlimit(writer, resource.RLIMIT_FSIZE, unlimited)
        last = server.ask("hello").headers["x-request-id"]
        assert waited(lambda: [one["id"] for one in read(tmp_path, "requests")][-1:], lambda ids: ids == [last]) == [
            last
        ]
        dropped = waited(lambda: told(tmp_path), lambda found: sum(found.values()) == 3)
        assert dropped == {"cannot_write": 1, "no_space": 2}


def told(folder):
    """What was dropped, by the lines of counts."""
    found = {}
    for counts in read(folder, "counts"):
        for fault, count in counts.get("dropped", {}).items():
            found[fault] = found.get(fault, 0) + count
    return found


def test_a_place_that_cannot_be_written_is_survived_and_said(engine, tmp_path, capfd):
    place = tmp_path / "logs"
    place.write_text("no folder")
    with recorded(engine, place) as server:
        assert server.ask("hello").status_code == 200
        assert server.metrics('gitune_dropped_total{fault="cannot_write"} 1')
        place.unlink()
        server.ask("hello")
        assert len(server.lines()) == 1
    assert f"recorder: records were dropped: cannot_write 1 ({place})" in capfd.readouterr().err


def test_a_folder_that_is_taken_away_is_made_again(engine, tmp_path):
    with recorded(engine, tmp_path / "logs") as server:
        server.ask("hello")
        server.lines()
        (tmp_path / "logs").rename(tmp_path / "elsewhere")
        for file in (tmp_path / "elsewhere").glob("*/*"):
            file.unlink()
        server.ask("hello")
        assert len(server.lines()) == 1


def test_a_disk_that_stands_still_drops_what_there_is_no_room_for(engine, tmp_path):
    turn = {"role": "user", "content": "x" * 500_000}
    with recorded(engine, tmp_path, record={"buffer_mb": 3.0}) as server:
        server.ask("hello")
        server.lines()
        writer = writer_of(server)
        os.kill(writer, signal.SIGSTOP)
        statuses = [server.ask("", messages=[turn]).status_code for _ in range(12)]
        assert statuses == [200] * 12
        os.kill(writer, signal.SIGCONT)
        server.ask("hello")
        lines = server.lines(least=2)
        dropped = waited(lambda: told(tmp_path), bool)
        assert dropped["buffer_full"] > 0
        lines = waited(lambda: read(tmp_path, "requests"), lambda found: len(found) == 14 - dropped["buffer_full"])
        assert len(lines) + dropped["buffer_full"] == 14


def test_a_recorder_that_dies_is_started_again(engine, tmp_path):
    with recorded(engine, tmp_path) as server:
        server.ask("hello")
        server.lines()
        os.kill(writer_of(server), signal.SIGKILL)
        assert server.metrics('gitune_dropped_total{fault="no_recorder"} 1')
        time.sleep(1)
        server.ask("hello")
        assert len(server.lines(least=2)) == 2
        assert len(list(tmp_path.glob("*/requests-*"))) == 2


def test_two_hundred_streams_are_held_at_once(engine, tmp_path):
    async def streams(address):
        body = {"messages": [{"role": "user", "content": "slow"}], "stream": True}
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=60, limits=limits) as client:
            return await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for _ in range(200)))

    with recorded(engine, tmp_path) as server:
        answers = asyncio.run(streams(server.address))
        assert all(one.text.endswith("data: [DONE]\n\n") for one in answers)
        lines = server.lines(least=200)
    assert {line["id"] for line in lines} == {one.headers["x-request-id"] for one in answers}
    assert {line["valid"] for line in lines} == {True}


def test_a_recorder_that_stands_still_does_not_keep_the_server_from_ending(engine, tmp_path):
    turn = {"role": "user", "content": "x" * 500_000}
    with recorded(engine, tmp_path) as server:
        server.ask("hello")
        server.lines()
        writer = writer_of(server)
        os.kill(writer, signal.SIGSTOP)
        try:
            assert [server.ask("", messages=[turn]).status_code for _ in range(8)] == [200] * 8
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) is not None
        finally:
            os.kill(writer, signal.SIGCONT)


def test_a_recorder_that_is_told_to_end_writes_what_it_has(engine, tmp_path):
    """As systemd tells all processes of a unit."""
    with recorded(engine, tmp_path) as server:
        server.ask("hello")
        server.lines()
        os.kill(writer_of(server), signal.SIGTERM)
        server.ask("hello")
        assert len(server.lines(least=2)) == 2
        assert not any("dropped_total{" in line for line in server.metrics())


def test_a_recorder_that_cannot_be_started_fails_no_request(tmp_path, monkeypatch):
    """As where the machine has no process left."""
    loop = asyncio.new_event_loop()
    channel = Channel(settings(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    channel.open(loop)
    channel.put(Heard(kind="request", id="req-1"), b"{}", [])
    assert channel.counted() == {'dropped_total{fault="no_recorder"}': 1.0}
    channel.close()
    loop.close()


def test_what_waits_for_a_recorder_that_dies_is_counted(engine, tmp_path):
    turn = {"role": "user", "content": "x" * 500_000}
    with recorded(engine, tmp_path) as server:
        server.ask("hello")
        server.lines()
        writer = writer_of(server)
        os.kill(writer, signal.SIGSTOP)
        assert [server.ask("", messages=[turn]).status_code for _ in range(8)] == [200] * 8
        os.kill(writer, signal.SIGKILL)
        lost = waited(lambda: [line for line in server.metrics() if "no_recorder" in line], bool)
    assert 5 <= int(lost[0].split()[-1]) <= 8  # the pipe had taken some
