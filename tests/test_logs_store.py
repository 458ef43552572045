"""Logs in an object store are listed by day and streamed, with the account of the environment."""

import gzip
import json
from dataclasses import dataclass

import pytest

from pipeline.production.logs.lines import BLOCK
from pipeline.production.logs.reading import Logs
from pipeline.stage import Fault
from tests import foreign_logs as made
from tests.s3_server import BUCKET, KEYS, S3
from tests.written_logs import NOON, WINDOW, entry, line

pytestmark = pytest.mark.slow


@pytest.fixture
def store(s3, monkeypatch):
    """A place in the server's bucket, whose account is in the environment."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    return Store(s3, s3.url)


@dataclass
class Store:
    s3: S3
    place: str

    def put(self, name: str, content: bytes) -> None:
        key = f"{self.place}/{name}".split("/", 3)[3]
        self.s3.client().put_object(Bucket=BUCKET, Key=key, Body=content)


def test_a_store_is_read_by_day_like_a_folder(store):
    store.put("2026-03-10/requests-1-7.jsonl", line(entry(1)) + line(entry(2))[:50])
    store.put("2026-03-10/requests-2-7.jsonl.gz", gzip.compress(line(entry(3))))
    store.put("2026-02-01/requests-1-7.jsonl", b"junk\n")
    logs = Logs(store.place, "auto")
    assert logs.shape == "own"
    found = list(logs.requests(*WINDOW))
    assert [one.id for one in found] == ["request-1", "request-3"]
    assert found[0].place == f"{store.place}/2026-03-10/requests-1-7.jsonl:1"
    assert logs.places == {"cut_line": f"{store.place}/2026-03-10/requests-1-7.jsonl:2"}


def test_what_others_logged_into_a_store_is_read(store):
    store.put("observations_v2/1.jsonl", json.dumps(made.observation()).encode())
    store.put("scores/1.jsonl", json.dumps(made.score()).encode())
    logs = Logs(store.place, "auto")
    assert [one.id for one in logs.requests(*WINDOW)] == ["obs-1"]
    assert [(one.id, one.thumb) for one in logs.feedback(*WINDOW)] == [("obs-1", "down")]


def test_one_object_is_a_place_and_is_streamed(store):
    long = "x" * 10_000
    lines = [line(entry(number, answer=long)) for number in range(2 * BLOCK // 10_000)]
    store.put("all.jsonl", b"".join(lines))
    read = Logs(f"{store.place}/all.jsonl", "own").requests(*WINDOW)
    assert next(read).time == NOON
    assert len(list(read)) == len(lines) - 1


def test_a_store_that_has_nothing_there_or_refuses_is_a_fault(store, monkeypatch):
    with pytest.raises(Fault, match="no such folder or file; check the address"):
        list(Logs(f"{store.place}/none", "own").requests(*WINDOW))
    store.put("2026-03-10/requests-1-7.jsonl", line(entry(1)))
    for name in KEYS:
        monkeypatch.delenv(name)
    with pytest.raises(Fault, match="check the address, the network, and the account in the environment"):
        list(Logs(f"{store.place}/2026-03-10", "own").requests(*WINDOW))


@pytest.mark.parametrize(
    "address", ["s3://name:s3cr3t@bucket/logs", "s3://s3cr3t@bucket/logs", "az://box/logs?sig=s3cr3t"]
)
def test_an_address_with_an_account_in_it_is_refused_and_not_repeated(address):
    with pytest.raises(Fault, match="leave it out, and set it in the environment") as fault:
        Logs(address, "auto")
    assert "s3cr3t" not in str(fault.value)
