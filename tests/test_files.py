"""Files of rows: whatever a file is called, its content tells what it is, and every row of it comes out with its place."""

import codecs
import csv
import gzip
import io
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.reading.files import container_of, open_rows
from pipeline.data.reading.json_files import json_document
from pipeline.data.reading.rows import LONGEST, TOO_LONG, Unreadable
from pipeline.stage import Fault

ROWS = [{"question": "a", "answer": "b"}, {"question": 'two\nlines, "quoted"; \u2028', "answer": "é"}]
CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def table(divider=",", rows=ROWS):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=divider)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parquet(rows, **options):
    data = pa.BufferOutputStream()
    pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows), data, **options)
    return data.getvalue().to_pybytes()


def zstd(data):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return packed.getvalue().to_pybytes()


def write(folder, content, name="rows"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def values(path):
    return [row for _, row in open_rows(path).rows]


def places(path):
    return [line for line, _ in open_rows(path).rows]


TEXTS = [  # content, container
    (LINES, "jsonl"),
    (json.dumps(ROWS), "json"),
    (json.dumps(ROWS, indent=2), "json"),
    ("[\n" + ",\n".join(json.dumps(row) for row in ROWS) + "\n]\n", "json"),
    ("\n \n" + json.dumps({"version": 1, "data": ROWS}), "json"),
    (json.dumps({"names": ["x"], "train": ROWS, "none": [], "more": {"deep": [{}]}}, indent=1), "json"),
    (table(","), "csv"),
    (table(";"), "csv"),
    (table("|"), "csv"),
    (table("\t"), "tsv"),
]


@pytest.mark.parametrize(("text", "container"), TEXTS)
@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize(("pack", "ending"), [(bytes, ""), (gzip.compress, ".gz"), (zstd, ".zst")])
@pytest.mark.parametrize("name", ["rows", "rows.txt"])
def test_a_text_is_told_by_its_content_packed_or_not(text, container, start, pack, ending, name, tmp_path):
    path = write(tmp_path, pack(start + text.encode()), name)
    assert container_of(path) == container + ending
    assert values(path) == ROWS


def test_parquet_is_told_by_its_content(tmp_path):
    path = write(tmp_path, parquet(ROWS), "rows.jsonl")
    assert container_of(path) == "parquet"
    assert list(open_rows(path).rows) == [(1, ROWS[0]), (2, ROWS[1])]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.ndjson.gz"])
def test_lines_of_objects_are_json_lines_whatever_the_name(name, tmp_path):
    pack = gzip.compress if name.endswith(".gz") else bytes
    assert values(write(tmp_path, pack(LINES.encode()), name)) == ROWS


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_an_array_is_an_array_whatever_the_name_but_in_a_table(name, tmp_path):
    assert container_of(write(tmp_path, json.dumps(ROWS, indent=1), name)) == ("csv" if "csv" in name else "json")


ONE = json.dumps(CHAT)
FEW = [  # content, name, container, rows
    (ONE, "rows", "jsonl", 1),
    (json.dumps(CHAT, indent=2), "rows", "json", 1),
    (json.dumps({"text": "a", "label": "b"}, indent=2), "rows", "json", 1),
    (json.dumps({"data": [CHAT, CHAT]}), "rows", "json", 2),
    (json.dumps({"data": [CHAT, CHAT]}), "rows.jsonl", "jsonl", 1),
    (json.dumps({"data": [CHAT]}) + "\n" + ONE, "rows", "jsonl", 2),
    ('{"messages": [\n' + ONE, "rows", "jsonl", 2),
    ('{"messages": [\n' + ONE, "rows.json", "jsonl", 2),
    ("{\n{\n{\n" + ONE, "rows.jsonl", "jsonl", 4),
    ("[1]\n" + ONE, "rows", "jsonl", 2),
    ("[1]\n", "rows", "json", 1),
    ('[{"a": 1}, "b", 3, null, [], {"c": }, tru]', "rows", "json", 7),
    ("oops\n" + ONE, "rows", "jsonl", 2),
    ("oops\noops\n" + ONE, "rows.ndjson", "jsonl", 3),
    ("text\noops\n" + ONE.replace(",", " "), "rows", "csv", 2),
]


@pytest.mark.parametrize(("text", "name", "container", "count"), FEW)
def test_what_could_be_two_things_is_the_likelier_one(text, name, container, count, tmp_path):
    path = write(tmp_path, text, name)
    assert (container_of(path), len(values(path))) == (container, count)


@pytest.mark.parametrize(("key", "container"), [("messages", "jsonl"), ("data", "json")])
def test_a_long_first_line_is_told_by_its_first_key(key, container, tmp_path):
    line = json.dumps({key: [{"role": "user", "content": "é" * 5 * 2**20}]}, ensure_ascii=False)
    path = write(tmp_path, f"{line}\n" + (ONE if key == "messages" else ""))
    assert container_of(path) == container
    assert len(values(path)) == (2 if key == "messages" else 1)


def test_each_row_has_the_line_on_which_it_begins(tmp_path):
    assert places(write(tmp_path, "\ufeff\n" + LINES.replace("\n", "\r\n\n"))) == [2, 4]
    assert places(write(tmp_path, json.dumps(ROWS))) == [1, 1]
    assert places(write(tmp_path, "\n" + json.dumps(ROWS, indent=1))) == [3, 7]
    assert places(write(tmp_path, '{"data": [\n{},\n\n{}, {}]}')) == [2, 4, 4]
    assert places(write(tmp_path, "\n\n" + json.dumps(CHAT, indent=1))) == [3]
    assert places(write(tmp_path, 'a,b\n\n\n"x\ny",z\n\nx,y\n')) == [4, 7]


class Drops(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size=-1):
        return super().read(min(size, 3) if size > 0 else 3)


NAMES = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", '{"', "[", "]},", "é", "\n", "\u2028"]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | NAMES
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


@given(st.lists(JSON, max_size=6), st.sampled_from([None, 0, 1]), st.booleans())
def test_an_array_read_piece_by_piece_gives_its_elements(rows, indent, is_ascii):
    data = json.dumps(rows, indent=indent, ensure_ascii=is_ascii).encode()
    for file in (Drops(data), io.BytesIO(data)):
        assert [row for _, row in json_document(file, "x")] == rows


@given(st.dictionaries(NAMES, JSON, max_size=6), st.lists(st.dictionaries(NAMES, JSON), min_size=1, max_size=4))
def test_an_object_gives_its_one_list_of_rows(others, rows):
    lists = sum(isinstance(value, list) and isinstance((value or [0])[0], dict) for value in others.values())
    data = json.dumps({**others, "the rows": rows}).encode()
    if lists:
        with pytest.raises(Fault, match="more than one list of rows"):
            list(json_document(Drops(data), "x"))
    else:
        assert [row for _, row in json_document(Drops(data), "x")] == rows


BROKEN = [  # content, fault
    ('[{"a": 1} {"a": 2}]', ":1: is not JSON"),
    ('[{"a": 1},\n{"a": 2}', ":2: ends before its JSON does"),
    ('[{"a": 1},\n{"a": "2}]', ":2: ends before its JSON does"),
    ("[1,\n\n]", ":3: is not JSON"),
    ("[1,", "ends before"),
    ("[", "ends before"),
    ("[" * 100_000, "ends before"),
    ('["a', "ends before"),
    ("[1]\n\n{}\n]", ":3: goes on after the end of its JSON"),
    ('{"a": [{}], "b": [{}]}', "more than one list of rows"),
    ('{"a": [{}],\n "b"}', ":2: is not JSON"),
    ('{"a" [{}]}', "is not JSON"),
    ('{"a": [{}]', "ends before"),
    ("{]", "is not JSON"),
]


@pytest.mark.parametrize(("text", "fault"), BROKEN)
@pytest.mark.parametrize("kind", [io.BytesIO, Drops])
def test_a_broken_document_is_a_fault_with_its_line(text, fault, kind):
    with pytest.raises(Fault, match=fault) as caught:
        list(json_document(kind(text.encode()), "x"))
    assert str(caught.value).startswith("x:")


def test_a_large_array_is_never_held_whole(tmp_path):
    row = json.dumps({"question": "q" * 400_000, "answer": "a"})
    path = write(tmp_path, "[" + ",\n".join([row] * 100) + "]")
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_rows(path).rows) == 100
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20 < path.stat().st_size / 1.5
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("start", "end"), [('{"prompt": "', '"}\n'), ("prompt\n", "\n")])
def test_a_line_at_the_bound_is_read_and_a_longer_one_is_not(start, end, tmp_path):
    head = start.rpartition("\n")[2]
    fits = "x" * (LONGEST - len(head) - len(end))
    path = write(tmp_path, f"{start}{fits}{end}{head}{fits}x{end}{head}y{end}")
    first, second, third = values(path)
    assert (first, third) == ({"prompt": fits}, {"prompt": "y"})
    assert isinstance(second, Unreadable)
    assert str(second) == TOO_LONG


@pytest.mark.slow
def test_a_bracket_that_is_never_closed_is_not_read_to_the_end(tmp_path):
    path = write(tmp_path, "[\n[" + " " * (LONGEST + 3 * 2**20))
    with pytest.raises(Fault, match=rf":2: is {TOO_LONG}, or a bracket or a quote is not closed"):
        values(path)


FOREIGN = [
    (LINES.encode("utf-16"), "is UTF-16"),
    (LINES.encode("utf-16-be"), "no text, or UTF-16"),
    (b"\x7fELF\x02\x01\0\0\0", "no text"),
    (b"PK\x03\x04 ...", "ZIP archive or an Excel file"),
    (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "packed twice"),  # no clock in the name of a test
    (gzip.compress(parquet(ROWS), mtime=0), "Parquet that is packed"),
    (zstd(parquet(ROWS)), "Parquet that is packed"),
    (b"BZh91AY&SY", "bzip2"),
]


@pytest.mark.parametrize(("content", "fault"), FOREIGN)
def test_what_is_no_text_is_a_fault(content, fault, tmp_path):
    with pytest.raises(Fault, match=fault) as caught:
        open_rows(write(tmp_path, content))
    assert len(str(caught.value).splitlines()) == 1


PACKINGS = {
    "gzip": gzip.compress(LINES.encode() * 900),
    "zstd": zstd(LINES.encode() * 900),
    "parquet": parquet(ROWS * 900),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_that_is_cut_off_is_a_fault(packing, tmp_path):
    whole = PACKINGS[packing]
    assert len(values(write(tmp_path, whole))) == 1800
    for length in (4, 5, 8, 12, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path = write(tmp_path, whole[:length])
        with pytest.raises(Fault, match=r"is damaged") as caught:
            values(path)
        assert len(str(caught.value).splitlines()) == 1


def test_packed_files_in_a_row_are_one(tmp_path):
    for pack in (gzip.compress, zstd):
        assert values(write(tmp_path, pack(LINES.encode()) * 2)) == ROWS * 2


def test_a_file_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(Fault, match="no such file"):
        open_rows(tmp_path / "gone.jsonl")
    with pytest.raises(Fault, match="cannot be read"):
        open_rows(tmp_path)
