"""The files of the log: whole lines, by day and size, and gone when they are old."""

import hashlib
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.production.logs.heard import Heard, head
from pipeline.production.recording.files import Files
from pipeline.production.recording.inflow import _frames
from pipeline.production.recording.key import user_key
from pipeline.production.recording.reading import streamed, whole
from pipeline.production.recording.writer import is_sampled
from tests.project import ROOT

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Clock:
    """A wall clock, and one that does not jump."""

    def __init__(self):
        self.time, self.passed = NOON, 0.0

    def now(self):
        return self.time

    def steady(self):
        return self.passed


@pytest.fixture
def clock():
    return Clock()


def files(folder, clock, most=1000, days=2):
    return Files(folder, most, days, clock.now, clock.steady)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jsonl"))


def test_a_file_is_turned_over_before_it_is_too_long(tmp_path, clock):
    out = files(tmp_path, clock, most=25)
    for _ in range(4):
        clock.time += timedelta(microseconds=1)
        assert out.write("requests", "2026-11-27", [b"0123456789\n"]) == (1, {})
    assert [path.read_bytes().count(b"\n") for path in sorted(tmp_path.rglob("*.jsonl"))] == [2, 2]
    pid = os.getpid()
    assert names(tmp_path)[0] == f"2026-11-27/requests-20261127T120000000001-{pid}.jsonl"


def test_a_line_longer_than_a_file_has_one_of_its_own(tmp_path, clock):
    out = files(tmp_path, clock, most=5)
    assert out.write("requests", "2026-11-27", [b"0123456789\n"]) == (1, {})


def test_days_and_kinds_have_files_of_their_own_and_each_start_opens_new_ones(tmp_path, clock):
    for _ in range(2):
        out = files(tmp_path, clock)
        out.write("requests", "2026-11-27", [b"a\n"])
        out.write("requests", "2026-11-26", [b"a\n"])
        out.write("feedback", "2026-11-27", [b"a\n"])
        out.close()
        clock.time += timedelta(seconds=1)
    assert len(names(tmp_path)) == 6


def test_a_clock_that_was_put_back_writes_over_nothing(tmp_path, clock):
    files(tmp_path, clock).write("requests", "2026-11-27", [b"first\n"])
    out = files(tmp_path, clock)

    def later():
        clock.time += timedelta(microseconds=1)
        return clock.time - timedelta(microseconds=1)

    out._now = later
    assert out.write("requests", "2026-11-27", [b"second\n"]) == (1, {})
    assert [path.read_bytes() for path in sorted(tmp_path.rglob("*.jsonl"))] == [b"first\n", b"second\n"]


def test_old_days_go_and_what_is_not_ours_stays(tmp_path, clock):
    for day in ("2026-11-20", "2026-11-24", "2026-11-25", "2026-11-27"):
        files(tmp_path, clock).write("requests", day, [b"a\n"])
    (tmp_path / "2026-11-20/notes.txt").write_text("mine")
    (tmp_path / "2020-1-1").mkdir()
    assert files(tmp_path, clock).forget() == 1
    assert [path.split("/")[0] for path in names(tmp_path)] == ["2026-11-25", "2026-11-27"]
    assert (tmp_path / "2026-11-20/notes.txt").is_file()
    assert (tmp_path / "2020-1-1").is_dir()


def test_a_clock_that_jumps_deletes_nothing(tmp_path, clock):
    out = files(tmp_path, clock)
    out.write("requests", "2026-11-27", [b"a\n"])
    clock.time += timedelta(days=400)
    assert out.forget() == 0
    clock.passed += 400 * 86400.0
    assert out.forget() == 1


PARTLY = """
import resource, sys
from pathlib import Path
from pipeline.production.recording.files import Files
out = Files(Path(sys.argv[1]), 10**6, 1)
print(out.write("requests", "2026-11-27", [b"0123456789\\n"]))
resource.setrlimit(resource.RLIMIT_FSIZE, (40, resource.RLIM_INFINITY))
print(out.write("requests", "2026-11-27", [b"0123456789\\n"] * 4))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(out.write("requests", "2026-11-27", [b"0123456789\\n"]))
"""


@pytest.mark.slow
def test_a_disk_that_takes_a_part_keeps_the_whole_lines_of_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PARTLY, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["(1, Counter())", "(2, Counter({'no_space': 2}))", "(1, Counter())"]
    assert [path.read_bytes() for path in sorted(tmp_path.rglob("*.jsonl"))] == [b"0123456789\n" * 3, b"0123456789\n"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


FULL = """
import resource, sys
from pathlib import Path
from pipeline.production.recording.files import Files
out = Files(Path(sys.argv[1]), 10**6, 1)
for limit in (0, 5):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for _ in range(20):
        assert out.write("requests", "2026-11-27", [b"0123456789\\n"])[0] == 0
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert out.write("requests", "2026-11-27", [b"0123456789\\n"])[0] == 1
"""


@pytest.mark.slow
def test_a_full_disk_does_not_fill_with_empty_files(tmp_path):
    subprocess.run([sys.executable, "-c", FULL, tmp_path], cwd=ROOT, check=True)
    assert [path.read_bytes() for path in tmp_path.rglob("*.jsonl")] == [b"0123456789\n"]


def test_frames_are_whole_wherever_the_pipe_cuts_them():
    frames = [head(Heard(kind="request", id=str(n)), b"asked" * n, 3) + b"ans" for n in range(5)]
    sent = b"".join(frames)
    for size in (1, 7, 50, 1000):
        rest, found = bytearray(), []
        for at in range(0, len(sent), size):
            rest += sent[at : at + size]
            some, used = _frames(rest)
            found += some
            del rest[:used]
        assert [(asked, answered) for _, asked, answered in found] == [(b"asked" * n, b"ans") for n in range(5)]
        assert not rest


def test_a_key_is_made_once_for_its_owner_alone_and_the_environment_goes_first(tmp_path, monkeypatch):
    key = user_key(tmp_path, "LOG_KEY")
    assert key == user_key(tmp_path, "LOG_KEY")
    assert len(key) == 32
    assert (tmp_path / "user.key").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "user.key"]
    monkeypatch.setenv("LOG_KEY", "a word")
    assert user_key(tmp_path, "LOG_KEY") == b"a word"
    (tmp_path / "file").touch()
    assert user_key(tmp_path / "file", "") != user_key(tmp_path / "file", "")


@pytest.mark.parametrize("kept", [b"a1" * 100, b"our own long word", b"\xff" * 80])
def test_a_key_of_any_length_is_one_and_others_cannot_read_it_any_more(tmp_path, kept):
    (tmp_path / "user.key").write_bytes(kept)
    (tmp_path / "user.key").chmod(0o644)
    key = user_key(tmp_path, "")
    assert key == user_key(tmp_path, "")
    assert len(hashlib.blake2b(b"asha", key=key).digest()) == 64
    assert (tmp_path / "user.key").stat().st_mode & 0o777 == 0o600


def test_an_empty_key_of_a_full_disk_is_made_anew_and_kept(tmp_path):
    (tmp_path / "user.key").touch()
    assert user_key(tmp_path, "") == user_key(tmp_path, "")
    assert [one.name for one in tmp_path.iterdir()] == ["user.key"]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_requests_is_kept_by_their_ids(share):
    kept = [is_sampled(f"req-{n}", share) for n in range(2000)]
    assert kept == [is_sampled(f"req-{n}", share) for n in range(2000)]
    assert abs(sum(kept) / 2000 - share) < 0.04


def test_an_answer_is_read_out_of_what_came_however_little_it_was():
    event = b'data: {"choices":[{"index":0,"delta":{"content":"ab"}}]}\n\n'
    assert streamed(event + event[:-20]).text == "ab"
    assert streamed(b"").text is None
    assert streamed(b'data: {"choices":[]}\n\ndata: [DONE]\n\n: ping\n\n').finish == ""
    other = b'data: {"choices":[{"index":1,"delta":{"content":"cd"}}]}\n\n'
    assert streamed(event + other + event.replace(b"\n", b"\r\n")).text == "abab"
    call = b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"%s":"%s"}}]}}]}\n\n'
    pieces = call % (b"name", b"look") + call % (b"arguments", b"{}")
    assert streamed(pieces).text == '[{"arguments": "{}", "name": "look"}]'
    for body in (
        b"",
        b"null",
        b"[1]",
        b'{"choices":[null]}',
        b'{"choices":[{"message":null}]}',
        b'{"usage":{"prompt_tokens":"3"}}',
    ):
        assert (whole(body).text, whole(body).tokens_in) == (None, None)
    assert whole(b'{"choices":[{"text":"bare","finish_reason":"stop"}]}').text == "bare"
