"""Whatever is in a file, each row of it becomes a record or a reject, or the file is refused in one line."""

import csv
import gzip
import io
import json
import math
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.reading.files import container_of
from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.records import RECORD, Record, line_of, record_id
from pipeline.stage import Fault
from tests.examples import answer, contract, source
from tests.rows import AGAINST, SAME, called
from tests.test_files import parquet, table, zstd

pytestmark = pytest.mark.slow

ROWS = [row for _, row in [*SAME, *AGAINST]] + [called('{"order": 7}')]
WORDS = sorted(
    {key for row in ROWS for key in row}
    | {"role", "content", "from", "value", "type", "text", "group", "tags", "weight"}
)
LONG = "0123456789" * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@cache
def schema_in(folder):
    """The contract of the tests; no fixture, since hypothesis writes out what a test is given."""
    return contract(folder)


def drain(path, **changes):
    """All rows of a file, or the fault; what must be true of them in any case is asserted."""
    fault, rows = None, []
    try:
        container_of(path)
        rows = list(read_source(path, source(None, **changes), schema_in(path.parent)))
    except Fault as found:
        fault = found
    if fault is not None:
        assert str(fault).startswith(f"{path}:")
        assert len(str(fault).splitlines()) == 1
        return fault
    for row in rows:
        if isinstance(row, Reject):
            assert row.place.startswith(f"{path}:")
            assert row.reason.isprintable()
            assert LONG[:41] not in row.reason
        else:
            assert RECORD.decode(line_of(row)) == row
            assert row.id == record_id(row.messages, row.rejected, row.tools)
            assert all(type(turn["content"]) is str for turn in (*row.messages, *row.rejected))
            assert any(turn["role"] == "assistant" for turn in row.messages)
    return rows


def put(folder, data, name="rows"):
    path = folder / name
    path.write_bytes(data)
    return path


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [10**30, -(2**63), 2**64, 1e308, -0.0, 1.5, "", "\ud83d", "\0", "\x1b[2J", "\u2028", LONG, answer(), "[", "{"]
    )
    | st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def mutated(draw):
    """A row of some shape in which anything may have been put in the place of anything."""

    def change(value):
        if draw(st.integers(0, 9)) == 0:
            return draw(VALUES)
        if isinstance(value, dict):
            return {key: change(part) for key, part in value.items() if draw(st.integers(0, 19))}
        return [change(part) for part in value] if isinstance(value, list) else value

    row = change(draw(st.sampled_from(ROWS)))
    if isinstance(row, dict) and draw(st.booleans()):
        row = {**row, draw(st.sampled_from(WORDS) | st.text(max_size=3)): draw(VALUES)}
    return row


def lines_of(rows):
    """JSON Lines that begin with an object: a list alone on its line would be an array of rows."""
    return "".join(json.dumps(row) + "\n" for row in [{}, *rows]).encode()


@settings(max_examples=150)
@given(rows=st.lists(mutated(), min_size=1, max_size=5))
def test_wrong_types_at_any_key_make_rejects_in_lines_and_in_arrays(rows, folder):
    lines = drain(put(folder, lines_of(rows), "rows.jsonl"))[1:]
    array = drain(put(folder, json.dumps(rows, indent=1).encode()))
    assert len(lines) == len(array) == len(rows)
    assert [type(row) for row in lines] == [type(row) for row in array]
    assert [row.id for row in lines if isinstance(row, Record)] == [row.id for row in array if isinstance(row, Record)]


@given(
    rows=st.lists(mutated(), min_size=1, max_size=3),
    columns=st.fixed_dictionaries(
        {
            "input": st.sampled_from(WORDS),
            "answer": st.sampled_from(WORDS)
            | st.dictionaries(st.sampled_from(["reply", "colour", "urgent", "stars"]), st.sampled_from(WORDS)),
            "group": st.none() | st.sampled_from(WORDS),
            "tags": st.none() | st.sampled_from(WORDS),
        }
    ),
)
def test_wrong_types_under_a_column_map_make_rejects(rows, columns, folder):
    path = put(folder, lines_of(rows), "rows.jsonl")
    assert len(drain(path, columns=columns)) == len(rows) + 1


TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
STRUCT = pa.struct(
    [("role", pa.string()), ("content", pa.binary()), ("weight", pa.float64()), ("at", pa.timestamp("us"))]
)
COLUMNS = [
    pa.array(["a", None, ""]),
    pa.array(["{", "[", LONG]),
    pa.array([1, None, -(2**63)]),
    pa.array([math.nan, 1.0, math.inf]),
    pa.array([True, False, None]),
    pa.array([b"\xff", None, b""]),
    pa.array([2**62, 0, None], pa.timestamp("ns", tz="UTC")),
    pa.array([2**62, 0, None], pa.timestamp("us")),
    pa.array([1, 2, None], pa.duration("us")),
    pa.array([1, None, 3], pa.decimal128(38, 2)),
    pa.array([None, None, None]),
    pa.array(["a", "b", "a"]).dictionary_encode(),
    pa.array([TURNS, TURNS[:1], None]),
    pa.array([[{**turn, "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]} for turn in TURNS], [], TURNS]),
    pa.array(
        [[{"role": "assistant", "content": b"\xff", "weight": math.nan, "at": 2**62}], None, []], pa.list_(STRUCT)
    ),
    pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    pa.array([["a", None], [], None]),
    pa.array([{"messages": TURNS}, {"messages": None}, None]),
    pa.StringArray.from_buffers(3, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb")),
]


KINDS = st.integers(0, len(COLUMNS) - 1)


@settings(max_examples=150)
@given(
    columns=st.dictionaries(
        st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8"), max_size=3), KINDS, min_size=1
    )
    | st.sampled_from(ROWS).flatmap(lambda row: st.fixed_dictionaries(dict.fromkeys(row, KINDS)))
)
def test_parquet_of_any_types_loses_no_row(columns, folder):
    path = folder / "rows.parquet"
    pq.write_table(pa.table({name: COLUMNS[kind] for name, kind in columns.items()}), path)
    assert len(drain(path)) == 3


PIECES = st.sampled_from(
    [
        *(bytes([letter]) for letter in b'{}[]",:\n\r\\ ;\t|\xff\0'),
        *(b"\r\n", b"\xef\xbb\xbf", b"NaN", b"1e999", b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b'"\\ud83d"'),
        *(b"PAR1", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"prompt,completion", b'{"prompt": "a", "completion": "b"}'),
        '{"messages": [], "é": "\u2028"}'.encode(),
    ]
)
NAMES = st.sampled_from(
    ["rows", "rows.jsonl", "rows.json", "rows.csv", "rows.tsv.gz", "rows.jsonl.zst", "rows.parquet"]
)


@settings(max_examples=200)
@given(
    data=st.binary(max_size=60) | st.lists(PIECES, max_size=12).map(b"".join),
    name=NAMES,
    pack=st.sampled_from([bytes, gzip.compress, zstd]),
)
def test_any_bytes_give_rows_or_one_fault(data, name, pack, folder):
    path = put(folder, pack(data), name)
    rows = drain(path)
    if not isinstance(rows, Fault):
        assert len(rows) == expected(data, container_of(path), len(rows))


def expected(data, container, otherwise):
    """How many rows a text holds, counted by other means."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    if container.startswith("jsonl"):
        return sum(not line.isspace() and line != b"" for line in text.split(b"\n"))
    if container.startswith("csv"):
        counts = [
            sum(row != [] for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=mark)) - 1
            for mark in ",;|"
        ]
        return otherwise if otherwise in counts else counts[0]
    if container.startswith("json"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return otherwise
        return len(value) if isinstance(value, list) else otherwise
    return otherwise


LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PAIRS = [{"prompt": f"question {n}", "completion": f'an "answer"\n{n}'} for n in range(20)]
FILES = {
    "jsonl": LINES,
    "json": json.dumps(ROWS).encode(),
    "pretty": json.dumps(ROWS, indent=2).encode(),
    "object": json.dumps({"version": 1, "names": ["a"], "data": ROWS}, indent=1).encode(),
    "csv": table(",", PAIRS).encode(),
    "tsv": table("\t", PAIRS).encode(),
    "jsonl.gz": gzip.compress(LINES),
    "jsonl.zst": zstd(LINES),
    "parquet": parquet(PAIRS),
    "plain.parquet": parquet([called('{"order": 7}', tools=None)] * 50, compression="none", use_dictionary=False),
    "sum.parquet": parquet(PAIRS, write_page_checksum=True),
}


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_gives_rows_or_one_fault(kind, data, folder):
    damaged = bytearray(FILES[kind])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=4)):
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = damaged[: data.draw(st.none() | st.integers(0, len(damaged)))]
    path = put(folder, bytes(damaged), f"rows.{kind}")
    rows = drain(path)
    if not isinstance(rows, Fault) and "." not in kind:  # a packed text has no rows of its own
        assert len(rows) == expected(bytes(damaged), container_of(path), len(rows))


@given(
    lines=st.lists(
        st.sampled_from([b'{"prompt": "a", "completion": "b"}', b"", b" \r", b"oops", b"{}", b"[1]", b'{"prompt": 1}']),
        max_size=9,
    )
)
def test_every_line_that_is_not_blank_is_a_row(lines, folder):
    rows = drain(put(folder, b"\n".join(lines), "rows.jsonl"))
    wanted = [number for number, line in enumerate(lines, 1) if line.strip()]
    if not wanted:
        assert isinstance(rows, Fault)
    elif not isinstance(rows, Fault) and container_of(folder / "rows.jsonl") == "jsonl":
        places = [row.place if isinstance(row, Reject) else row.source for row in rows]
        assert [int(place.rpartition(":")[2]) for place in places] == wanted


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=3, max_size=3), min_size=1
    ),
    mark=st.sampled_from(",;|\t"),
)
def test_every_row_of_a_table_comes_with_its_cells(rows, mark, folder):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([["question", "reply", "colour"], *rows])
    found = drain(put(folder, text.getvalue().encode(), "rows.csv"))
    assert [row.question for row in found] == [row[0] for row in rows]
    assert [json.loads(row.answer) for row in found] == [{"reply": row[1], "colour": row[2]} for row in rows]
