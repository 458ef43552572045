"""Our own logs are read by day and kind, each request once, and nothing that is wrong with a line stops it."""

import gzip
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from benchmarks import production_days
from pipeline.production.logs.entry import Canary, Counts, Feedback
from pipeline.production.logs.lines import LONGEST
from pipeline.production.logs.problems import MEANINGS
from pipeline.production.logs.reading import Logs
from pipeline.production.logs.seen import Seen
from pipeline.stage import Fault
from tests.project import ROOT
from tests.written_logs import ANSWER, DAY, NOON, WINDOW, entry, line, written

FILE = "2026-03-10/requests-1-7.jsonl"


def numbers(logs: Logs, window=WINDOW) -> list[int]:
    return [int(one.id.split("-")[1]) for one in logs.requests(*window)]


def test_a_request_comes_back_as_it_was_written_with_its_place(tmp_path):
    file = written(tmp_path, FILE, line(entry(1)), line(entry(2, user="ab", tags=("web",), cost=0.5, valid=False)))
    first, second = Logs(str(tmp_path), "own").requests(*WINDOW)
    assert (first.id, first.answer, first.question) == ("request-1", ANSWER, "Where is order 1?")
    assert (second.user, second.tags, second.cost, second.valid) == ("ab", ("web",), 0.5, False)
    assert (first.place, second.place) == (f"{file}:1", f"{file}:2")


def test_each_kind_is_read_from_its_own_files(tmp_path):
    written(tmp_path, FILE, line(entry(1)))
    written(tmp_path, "2026-03-10/feedback-1-7.jsonl", line(Feedback(id="request-1", time=NOON, thumb="down")))
    written(tmp_path, "2026-03-10/canaries-1-7.jsonl", line(Canary(id="c", time=NOON, passed=True)))
    written(tmp_path, "2026-03-10/counts-1-7.jsonl", line(Counts(time=NOON, seen=3, dropped={"disk": 1})))
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [1]
    assert [one.thumb for one in logs.feedback(*WINDOW)] == ["down"]
    assert [one.passed for one in logs.canaries(*WINDOW)] == [True]
    assert [one.dropped for one in logs.counts(*WINDOW)] == [{"disk": 1}]
    assert not logs.problems


def test_a_window_has_its_begin_and_not_its_end_and_reaches_into_the_next_days_folder(tmp_path):
    since, until = WINDOW
    times = [since - timedelta(microseconds=1), since, until - timedelta(microseconds=1), until]
    written(tmp_path, FILE, *(line(entry(number, time)) for number, time in enumerate(times)))
    written(tmp_path, "2026-03-11/requests-2-7.jsonl", line(entry(4, until - timedelta(seconds=1))))
    assert numbers(Logs(str(tmp_path), "own")) == [1, 2, 4]


def test_files_of_days_outside_the_window_are_not_opened(tmp_path):
    written(tmp_path, "2026-03-01/requests-1-7.jsonl", b"junk\n", line(entry(1)))
    written(tmp_path, FILE, line(entry(2)))
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [2]
    assert not logs.problems


def test_days_come_one_after_the_other(tmp_path):
    for day in (12, 10, 11):
        written(tmp_path, f"2026-03-{day}/requests-1-7.jsonl", line(entry(day, NOON.replace(day=day))))
    assert numbers(Logs(str(tmp_path), "own"), (NOON - DAY, NOON + 4 * DAY)) == [10, 11, 12]


def test_the_window_is_in_any_zone(tmp_path):
    india = timezone(timedelta(hours=5, minutes=30))
    written(tmp_path, FILE, line(entry(1, NOON.astimezone(india))))
    assert numbers(Logs(str(tmp_path), "own"), (NOON.astimezone(india), NOON + DAY)) == [1]


@pytest.mark.parametrize("name", ["2026-03-10/requests-1-7.jsonl.gz", FILE])
def test_a_packed_file_is_told_by_its_bytes(tmp_path, name):
    written(tmp_path, name, gzip.compress(line(entry(1)) + line(entry(2))))
    assert numbers(Logs(str(tmp_path), "own")) == [1, 2]


def test_zstd_is_unpacked(tmp_path):
    import pyarrow as pa

    packed = pa.Codec("zstd").compress(line(entry(1)), asbytes=True)
    written(tmp_path, "2026-03-10/requests-1-7.jsonl.zst", packed)
    assert numbers(Logs(str(tmp_path), "own")) == [1]


def test_one_file_is_a_place(tmp_path):
    file = written(tmp_path, "taken out.jsonl", line(entry(1)))
    assert numbers(Logs(str(file), "own")) == [1]


WHOLE, SECOND = line(entry(1)), line(entry(2))
FAULTS = {
    "cut_line": WHOLE + SECOND[:40],
    "unreadable_line": WHOLE + b"\x00\xff\x13{]\n" + SECOND,
    "other_schema": WHOLE + b'{"id": 7}\n' + SECOND,
    "long_line": WHOLE + b'{"id":"' + b"x" * (LONGEST + 2**23) + b'"}\n' + SECOND,
    "bad_time": WHOLE + WHOLE.replace(b"12:00:00Z", b"12:00:00").replace(b"request-1", b"request-3") + SECOND,
    "clock_back": line(entry(1, NOON + DAY / 4)) + SECOND,
    "duplicate": WHOLE + WHOLE + SECOND,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_counted_with_its_place_and_the_rest_is_read(tmp_path, fault):
    file = written(tmp_path, FILE, FAULTS[fault])
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == ([1] if fault == "cut_line" else [1, 2])
    assert logs.problems == {fault: 1}
    assert logs.places == {fault: f"{file}:2"}
    assert fault in MEANINGS


def test_a_whole_line_that_was_glued_to_half_of_one_is_saved(tmp_path):
    written(tmp_path, FILE, WHOLE[:60] + SECOND, line(entry(3)))
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [2, 3]
    assert logs.problems == {"cut_line": 1}


def test_a_last_line_without_its_end_counts_where_it_is_whole(tmp_path):
    written(tmp_path, FILE, WHOLE, SECOND.rstrip())
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [1, 2]
    assert not logs.problems


def test_a_time_that_has_not_come_is_told(tmp_path):
    later = datetime.now(UTC) + DAY
    written(tmp_path, FILE, WHOLE, line(entry(2, later)))
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [1]
    assert logs.problems == {"future_time": 1}


def test_what_is_wrong_with_a_file_is_counted(tmp_path):
    written(tmp_path, FILE)
    written(tmp_path, "2026-03-10/notes.txt", b"hello")
    packed = gzip.compress(b"".join(line(entry(number)) for number in range(20_000)))
    written(tmp_path, "2026-03-10/requests-2-7.jsonl.gz", packed[: len(packed) // 2])
    written(tmp_path, "2026-03-10/requests-3-7.jsonl").unlink()
    (tmp_path / "2026-03-10/requests-3-7.jsonl").symlink_to(tmp_path / "gone")
    logs = Logs(str(tmp_path), "own")
    assert 1000 < len(numbers(logs)) < 20_000
    assert dict(logs.problems, cut_line=1) == {
        "empty_file": 1,
        "other_file": 1,
        "cut_file": 1,
        "vanished_file": 1,
        "cut_line": 1,
    }


def test_a_file_that_is_read_twice_is_counted_once(tmp_path):
    written(tmp_path, FILE, WHOLE, b"junk\n")
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == numbers(logs, (NOON - DAY, NOON + DAY)) == [1]
    assert logs.problems == {"unreadable_line": 1}


def test_a_copied_file_adds_nothing(tmp_path):
    said = line(Feedback(id="request-1", time=NOON, thumb="down"))
    for copy in (1, 2):
        written(tmp_path, f"2026-03-10/requests-{copy}-7.jsonl", WHOLE, SECOND)
        written(tmp_path, f"2026-03-10/feedback-{copy}-7.jsonl", said)
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [1, 2]
    assert len(list(logs.feedback(*WINDOW))) == 1
    assert logs.problems == {"duplicate": 3}


def test_a_clock_that_is_wild_for_some_lines_does_not_hide_what_is_logged_twice(tmp_path):
    wild = [line(entry(100 + year, NOON.replace(year=year))) for year in (2031, 2032, 2033, 2034, 2035)]
    written(tmp_path, FILE, *wild, *(line(entry(number)) for number in (1, 2, 1)))
    logs = Logs(str(tmp_path), "own")
    assert numbers(logs) == [1, 2]
    assert logs.problems["duplicate"] == 1


def test_of_many_ids_each_is_new_once():
    seen, ids = Seen(), [f"{number:x}" for number in range(20_000)]
    assert all(map(seen.add, ids))
    assert not any(map(seen.add, ids))
    assert len(seen) == len(ids)


def test_a_file_that_grows_while_it_is_read_is_read_up_to_where_it_is(tmp_path):
    file = written(tmp_path, FILE, *(line(entry(number)) for number in range(100)))
    read = Logs(str(tmp_path), "own").requests(*WINDOW)
    first = next(read)
    with file.open("ab") as more:
        more.write(line(entry(100)))
    assert first.id == "request-0"
    assert len(list(read)) in (99, 100)


def test_a_place_that_is_not_there_is_a_fault_in_one_line(tmp_path):
    with pytest.raises(Fault, match="no such folder or file; check the path"):
        list(Logs(str(tmp_path / "none"), "own").requests(*WINDOW))
    with pytest.raises(Fault, match="is no shape; take one of"):
        Logs(str(tmp_path), "cuneiform")


def test_an_address_without_its_package_says_what_to_install():
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from pipeline.production.logs.reading import Logs\n"
        "Logs('s3://bucket/logs', 'own')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "requirements/remote-s3.txt" in run.stderr.splitlines()[-1]


class Torn(MemoryFileSystem):
    """A store whose connection breaks after some reads, with an error of its own that is no OSError."""

    protocol = "torn"
    store = {}  # noqa: RUF012  # as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012

    def open(self, path, mode="rb", **more):
        file = super().open(path, mode, **more)
        read, reads = file.read, iter(range(2))

        def some(size=-1):
            if next(reads, None) is None:
                raise RuntimeError("the connection was reset")
            return read(size)

        if "r" in mode:
            file.read = some
        return file


def test_a_store_that_breaks_off_gives_what_it_gave():
    fsspec.register_implementation("torn", Torn, clobber=True)
    lines = [line(entry(number, answer="x" * 10_000)) for number in range(400)]
    Torn().pipe("torn://logs/2026-03-10/requests-1-7.jsonl", b"".join(lines))
    logs = Logs("torn://logs", "auto")
    assert 0 < len(numbers(logs)) < len(lines)
    assert logs.problems["unreadable_file"] == 1


def test_an_address_of_no_store_is_a_fault():
    with pytest.raises(Fault, match="give a folder, a file, or an address such as s3://"):
        Logs("nowhere://logs", "own")


def test_a_made_up_day_of_the_benchmarks_is_read_whole_and_is_the_same_twice(tmp_path):
    sizes = [production_days.write(tmp_path / name, 300) for name in "ab"]
    logs = Logs(str(tmp_path / "a"), "auto")
    window = production_days.window()
    ids = {one.id for one in logs.requests(*window)}
    assert len(ids) == 300
    assert {one.id for one in logs.feedback(*window)} <= ids
    assert [one.seen for one in logs.counts(*window)] == [300]
    assert not logs.problems
    first, second = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.jsonl"))] for name in "ab")
    assert sizes[0] == sizes[1]
    assert first == second
