"""Whatever stands in a log, reading it raises nothing, counts what it left out, and gives the same requests in any order of files."""

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.production.logs.problems import MEANINGS
from pipeline.production.logs.reading import SHAPES, Logs
from tests.foreign_logs import ROWS, score
from tests.written_logs import WINDOW, entry, line, written

LINES = [line(entry(number)) for number in range(6)]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["GENERATION", "chat", "1", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def read(name: str, content: bytes, shape: str) -> tuple[list[str], Logs]:
    """Ids of the requests of a file; everything else of it is read, too."""
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), name, content)
        logs = Logs(folder, shape)
        found = [one.id for one in logs.requests(*WINDOW)]
        for other in (logs.feedback, logs.canaries, logs.counts):
            list(other(*WINDOW))
    assert set(logs.problems) <= set(MEANINGS)
    assert set(logs.places) == set(logs.problems)
    return found, logs


@settings(max_examples=40, deadline=None)
@given(
    st.binary(min_size=1, max_size=400), st.sampled_from([shape for shape in SHAPES if shape != "auto"]), st.booleans()
)
def test_random_bytes_hold_no_request_and_raise_nothing(content, shape, is_packed):
    found, logs = read("requests-1-7.jsonl", gzip.compress(content) if is_packed else content, shape)
    assert not found
    assert logs.problems or not content.strip(b"\xef\xbb\xbf \t\r\n\x0b\x0c")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, sum(map(len, LINES)) - 1))
def test_a_file_cut_anywhere_gives_its_whole_lines_and_one_fault(place):
    content = b"".join(LINES)[:place]
    whole = content.count(b"\n")
    rest = content.rsplit(b"\n", 1)[-1]
    is_whole = rest == LINES[whole][:-1]
    found, logs = read("requests-1-7.jsonl", content, "own")
    assert found == [f"request-{number}" for number in range(whole + is_whole)]
    assert logs.problems == ({"cut_line": 1} if rest and not is_whole else {})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.data())
def test_a_line_cut_in_the_middle_of_a_file_costs_itself_alone(number, data):
    kept = data.draw(st.integers(1, len(LINES[number]) - 2))
    content = b"".join([*LINES[:number], LINES[number][:kept], *LINES[number + 1 :]])
    found, logs = read("requests-1-7.jsonl", content, "own")
    assert found == [f"request-{one}" for one in range(6) if one != number]
    assert logs.problems == {"cut_line": 1}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_byte_that_flipped_costs_one_line_at_most(data):
    content = bytearray(b"".join(LINES))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    found, logs = read("requests-1-7.jsonl", bytes(content), "own")
    assert len({*found} & {f"request-{one}" for one in range(6)}) >= 4  # an end of a line that flips glues two
    assert sum(logs.problems.values()) <= 3


def broken(row, data):
    """A row in which a value somewhere is another."""
    if isinstance(row, dict) and row and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(row)))
        return row | {key: broken(row[key], data)}
    if isinstance(row, list) and row and data.draw(st.integers(0, 4)):
        at = data.draw(st.integers(0, len(row) - 1))
        return [*row[:at], broken(row[at], data), *row[at + 1 :]]
    if isinstance(row, str) and row[:1] in "[{" and row[1:] and data.draw(st.booleans()):
        return json.dumps(broken(json.loads(row), data))
    return data.draw(JSON)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ROWS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_row_with_any_value_in_it_raises_nothing(shape, data):
    rows = [*ROWS[shape].values(), *([score()] if shape == "langfuse" else [])]
    row = broken(broken(data.draw(st.sampled_from(rows)), data), data)
    whole = json.dumps(rows[0]).encode()
    _, logs = read("log.jsonl", json.dumps(row).encode() + b"\n" + whole + b"\n", shape)
    assert sum(logs.problems.values()) <= 6


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_of_lines_and_files_changes_nothing(order, place):
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate((order[:place], order[place:])):
            written(Path(folder), f"2026-03-10/requests-{number}-7.jsonl", *(LINES[one] for one in part), b"junk\n")
        logs = Logs(folder, "own")
        assert sorted(one.id for one in logs.requests(*WINDOW)) == [f"request-{one}" for one in range(6)]
        assert logs.problems == {"unreadable_line": 2}
