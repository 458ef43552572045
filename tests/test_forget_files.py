"""Files without some of their rows: the others stay byte for byte, in every container, and no half-written file is left."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.reading.files import open_rows
from pipeline.desk.forgetting.files import replacement, without_lines, without_rows
from pipeline.desk.forgetting.pieces import chunks, row_texts
from pipeline.stage import Fault

LINES = [
    '{"prompt": "a",  "completion":"b"}',
    '{"prompt": "\\u00e9\u2028", "completion": "x"}',
    '{"completion": "1", "prompt": "c"}',
]
TEXTS = [  # name, bytes, numbers that go, what is left
    ("a.jsonl", "\n".join(LINES), {1}, LINES[0] + "\n" + LINES[2]),
    ("b.jsonl", "\ufeff" + "\r\n".join(LINES) + "\r\n\n \n", {0}, "\ufeff" + "\r\n".join(LINES[1:]) + "\r\n\n \n"),
    ("c.jsonl", "\n\n" + LINES[0] + "\n\n{broken\n" + LINES[2] + "\n", {1, 2}, "\n\n" + LINES[0] + "\n\n"),
    ("d.jsonl", LINES[0] + "\n", {0}, ""),
    ("a.csv", 'text,label\r\n"two\r\nlines",red\r\nb,"a ""b"""\r\n', {0}, 'text,label\r\nb,"a ""b"""\r\n'),
    ("b.csv", '\ufefftext;label\n"a;b";red\n\nb;blue', {1}, '\ufefftext;label\n"a;b";red\n\n'),
    ("c.csv", "text|label\r" + "a|x\r" + "b|y\r", {0}, "text|label\rb|y\r"),
    ("d.csv", "\n\ntext,label\na,b\nc,d,e\nf\n", {1}, "\n\ntext,label\na,b\nf\n"),
    ("e.csv", "text,label\na,b\n", {0}, "text,label\n"),
    ("a.tsv", "text\tlabel\n\"a\tb\"\tx\nc\ty\n", {1}, "text\tlabel\n\"a\tb\"\tx\n"),
    ("a.json", '[ {"prompt": "a", "completion": "1"} ,\n {"prompt":"b"},3 ]\n', {0}, '[ {"prompt":"b"},3 ]\n'),
    ("b.json", '[{"a": 1},{"a": 1}, {"a": 2}\n]', {1, 2}, '[{"a": 1}\n]'),
    ("c.json", '[\n{"a": 1}\n]', {0}, "[\n\n]"),
    ("d.json", '{"version": {"a": 2}, "rows": [{"a": 2},\n{"a": 1}], "x": 3}', {1}, '{"version": {"a": 2}, "rows": [{"a": 2}], "x": 3}'),
    ("e.json", '{"prompt": "a", "completion": "b"}\n', {0}, ""),
]  # fmt: skip


def values(path):
    return [row for _, row in open_rows(path).rows]


@pytest.mark.parametrize(("name", "text", "gone", "left"), TEXTS, ids=[case[0] for case in TEXTS])
def test_all_other_bytes_stay(name, text, gone, left, tmp_path):
    path = tmp_path / name
    path.write_bytes(text.encode())
    path.chmod(0o640)
    without_rows(path, gone)
    assert path.read_bytes().decode() == left
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize(("name", "text", "gone", "left"), TEXTS[:1] + TEXTS[5:6] + TEXTS[10:11])
def test_packed_files_stay_packed(name, text, gone, left, packing, tmp_path):
    path = tmp_path / f"{name}.{packing}"
    path.write_bytes(packed(text.encode(), packing))
    without_rows(path, gone)
    assert unpacked(path, packing).decode() == left
    first = path.read_bytes()
    path.write_bytes(packed(text.encode(), packing))
    without_rows(path, gone)
    assert path.read_bytes() == first


def packed(text, packing):
    if packing == "gz":
        return gzip.compress(text[:5]) + gzip.compress(text[5:])
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(text)
    return out.getvalue().to_pybytes()


def unpacked(path, packing):
    if packing == "gz":
        return gzip.decompress(path.read_bytes())
    with pa.input_stream(str(path), compression="zstd") as stream:
        return stream.read()


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
@pytest.mark.parametrize("gone", [{0}, {1, 2, 3}, {6}, {0, 1, 2, 3, 4, 5}, set(range(7))])
def test_parquet_keeps_rows_schema_and_metadata(gone, compression, tmp_path):
    path = tmp_path / "a.parquet"
    turns = [[{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}] for n in range(7)]
    schema = pa.schema(
        [
            pa.field("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
            ("n", pa.int16()),
        ],
        metadata={"made by": "a test"},
    )
    pq.write_table(
        pa.table({"messages": turns, "n": range(7)}, schema=schema), path, row_group_size=3, compression=compression
    )
    with pq.ParquetFile(path) as file:
        before = file.schema_arrow
    without_rows(path, gone)
    with pq.ParquetFile(path) as file:
        assert file.schema_arrow.equals(before, check_metadata=True)
        assert file.read()["n"].to_pylist() == [n for n in range(7) if n not in gone]
        kinds = {file.metadata.row_group(n).column(0).compression for n in range(file.num_row_groups)}
    assert kinds <= {{"none": "UNCOMPRESSED"}.get(compression, compression.upper())}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6),
    st.sets(st.integers(0, 5)),
    st.sampled_from([",", "\t", ";"]),
)
def test_any_table_loses_what_goes_and_nothing_else(tmp_path_factory, rows, gone, divider):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"'

    path = tmp_path_factory.getbasetemp() / "any.csv"
    lines = [f"{quoted(one)}{divider}{quoted(other)}\r\n" for one, other in rows]
    path.write_bytes(f"text{divider}label\r\n".encode() + "".join(lines).encode())
    without_rows(path, gone)
    left = [line for number, line in enumerate(lines) if number not in gone]
    assert path.read_bytes().decode() == f"text{divider}label\r\n" + "".join(left)


JSON = st.dictionaries(
    st.text(max_size=3), st.one_of(st.integers(), st.text(max_size=5), st.lists(st.booleans(), max_size=2))
)
GAPS = st.sampled_from(["", " ", "\n", "\r\n\t"])


@given(st.lists(JSON, min_size=1, max_size=6), st.sets(st.integers(0, 5)), GAPS, GAPS)
def test_any_array_stays_json_with_the_others_in_order(tmp_path_factory, rows, gone, before, after):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(f"[{before}" + f"{before},{after}".join(map(json.dumps, rows)) + f"{after}]\n", newline="")
    is_array = open_rows(path).container == "json"
    known = values(path)
    without_rows(path, gone)
    left = [row for number, row in enumerate(known) if number not in gone]
    assert values(path) == left
    if is_array:
        assert json.loads(path.read_bytes()) == left


def test_rows_come_as_the_bytes_that_they_are(tmp_path):
    for name, text, _, _ in TEXTS:
        path = tmp_path / name
        path.write_bytes(text.encode())
        texts = list(row_texts(path))
        assert len(texts) == len(values(path))
        assert all(one in text.encode() for one in texts)


def test_what_cannot_be_cut_stays_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    text = b'{"x": {"y": [{"a": 1}]}, "rows": [{"a": 1}]}'
    path.write_bytes(text)
    with pytest.raises(
        Fault, match=r"a\.json: cannot be rewritten without changing other rows; take the rows out by hand"
    ):
        without_rows(path, {0})
    assert path.read_bytes() == text
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


LEDGER = "one\n\ntwo\r\nthree"


@pytest.mark.parametrize(("gone", "left"), [({1}, "\ntwo\r\nthree"), ({4}, "one\n\ntwo\r\n"), ({1, 3, 4}, None)])
def test_lines_go_and_an_empty_text_too(gone, left, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(LEDGER.encode())
    without_lines(path, gone)
    assert (path.read_bytes().decode() if path.exists() else None) == left
    assert {one.name for one in tmp_path.iterdir()} <= {"a.txt"}


def test_a_link_becomes_a_file_and_its_target_stays(tmp_path):
    target, path = tmp_path / "cached", tmp_path / "a.jsonl"
    target.write_text(LINES[0] + "\n" + LINES[2] + "\n")
    target.chmod(0o444)
    path.symlink_to(target)
    without_rows(path, {0})
    assert not path.is_symlink()
    assert (path.read_text(), target.read_text()) == (LINES[2] + "\n", LINES[0] + "\n" + LINES[2] + "\n")
    assert os.access(path, os.W_OK)


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacement(path) as new:
            new.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.txt": "old"}


def test_what_a_file_says_is_read_through_its_packing(tmp_path):
    pq.write_table(pa.table({"text": ["a needle"]}), tmp_path / "a", compression="zstd")
    (tmp_path / "b").write_bytes(packed(b"a needle", "gz"))
    (tmp_path / "c").write_bytes(packed(b"a needle", "zst"))
    (tmp_path / "d").write_bytes(b"\x1f\x8bno archive, a needle")
    (tmp_path / "e").write_bytes(b"PAR1 no table, a needle")
    for path in sorted(tmp_path.iterdir()):
        assert b"a needle" in b"".join(chunks(path)), path.name
