"""Ingest: rows = records + duplicates + rejects, whatever the sources hold."""

import codecs
import contextlib
import csv
import io
import json
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.data.readers import Reject, read_source
from pipeline.data.records import Record, read_jsonl, read_records, write_records
from pipeline.ingest import IngestParams, ingest, main
from pipeline.stage import Fault
from tests.examples import SCHEMA, answer, contract, record, source, source_entry, turns, write_json, write_lines

COLUMNS = {"input": "message", "answer": {"reply": "reply", "urgent": "urgent", "stars": "stars"}, "tags": "tags"}
CELLS = st.text() | st.sampled_from(['a "b"\r\nc', "a;b", "\ufeff"])
TYPED = st.sampled_from(["0", "1"]) | CELLS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]) | JSON, "content": JSON})
CHAT = st.fixed_dictionaries(
    {"messages": st.lists(TURN, max_size=4) | JSON}, optional={"group": JSON, "tags": JSON | st.lists(st.text())}
)
LINES = (CHAT | JSON).flatmap(lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ingest")


def rows_in(folder, content, **changes):
    (folder / "rows").write_bytes(content)
    return list(read_source(folder / "rows", source(**changes), contract(folder)))


def assert_balanced(folder, rows):
    """Each row is counted once, and what is written is what was read."""
    records, rejects, counts = ingest(("rows", row) for row in rows)
    count = counts["rows"]
    assert count["rows"] == len(rows) == count["records"] + count["duplicates"] + count["rejects"]
    assert (count["records"], count["rejects"]) == (len(records), len(rejects))
    write_records(folder / "records.jsonl", records)
    assert read_records(folder / "records.jsonl") == records


@given(st.lists(st.binary(max_size=40) | LINES.map(str.encode), min_size=1, max_size=6))
@example(
    [codecs.BOM_UTF8 + b'{"messages": [{"role": "assistant", "content": "\\u0000\\u2028"}]}', b"\r", b"\xef\xbb\xbf"]
)
def test_any_bytes_of_a_json_lines_file_become_records_and_rejects(folder, lines):
    content = b"\n".join(lines)
    filled = [line for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip()]
    if not filled:
        with pytest.raises(Fault, match="is empty"):
            rows_in(folder, content)
        return
    rows = rows_in(folder, content)
    assert len(rows) == len(filled)
    assert_balanced(folder, rows)


@given(
    st.binary(max_size=60) | st.text(alphabet=st.sampled_from('"",\r\n\0aé\ufeff\u2028'), max_size=40).map(str.encode)
)
def test_any_bytes_of_a_table_are_rows_or_a_fault(folder, content):
    columns = {"input": "message", "answer": "reply"}
    with contextlib.suppress(Fault):
        assert_balanced(folder, rows_in(folder, b"message,reply\n" + content, form="csv", columns=columns))


@given(st.lists(st.tuples(CELLS, CELLS, TYPED, TYPED, CELLS), min_size=1, max_size=5))
def test_no_row_of_a_table_is_lost(folder, table):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("message", "reply", "urgent", "stars", "tags"), *table])
    rows = rows_in(folder, file.getvalue().encode(), form="csv", columns=COLUMNS)
    assert len(rows) == len(table)
    assert_balanced(folder, rows)
    for row, (message, reply, *_) in zip(rows, table, strict=True):
        if isinstance(row, Record):
            assert row.messages[0]["content"] == message
            assert json.loads(row.answer)["reply"] == reply


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_of_rows_that_say_the_same_the_first_stays(spec):
    rows = [
        (file, Reject(f"{file}:{n}", "bad") if kind == 0 else record(f"q{kind}", source=f"{file}:{n}"))
        for n, (file, kind) in enumerate(spec)
    ]
    records, rejects, counts = ingest(rows)
    read = [row for _, row in rows if isinstance(row, Record)]
    assert records == [row for n, row in enumerate(read) if row.id not in {other.id for other in read[:n]}]
    assert rejects == [row for _, row in rows if isinstance(row, Reject)]
    assert sum(counts.values(), Counter())["rows"] == len(rows)
    for count in counts.values():
        assert count["rows"] == count["records"] + count["duplicates"] + count["rejects"]


def chat(*contents):
    return {"messages": turns(*contents)}


def project(folder, *entries):
    """A schema, a list of sources and a folder of feedback."""
    write_json(folder / "schema.json", SCHEMA)
    write_json(folder / "raw/sources.yaml", {"sources": list(entries)})
    (folder / "feedback").mkdir()
    return folder


def run_main(folder, max_rejects=0, out="out"):
    paths = [folder / name for name in ("raw/sources.yaml", "feedback", "schema.json", out, f"{out}.json")]
    main(IngestParams(max_rejects=max_rejects), *paths)
    return json.loads((folder / f"{out}.json").read_text())


def fault_of(folder, **options):
    with pytest.raises(Fault) as caught:
        run_main(folder, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture
def two_sources(tmp_path):
    """A chat file with a copy and two broken lines, a table with a copy of the chat, and a line of feedback."""
    table = source_entry("b.csv", "csv", columns={"input": "message", "answer": "reply"}, licence="CC0")
    project(tmp_path, source_entry("a.jsonl"), table)
    write_lines(tmp_path / "raw/a.jsonl", chat("one", answer()), "{", chat("one", answer()), chat("two"))
    (tmp_path / "raw/b.csv").write_text("message,reply\none,plain\ntwo,plain\none,plain\n")
    write_lines(tmp_path / "feedback/2031-01-02.jsonl", chat("two", "plain"), chat("three", "plain"))
    (tmp_path / "raw/README.md").write_text("a remark")
    return tmp_path


def test_the_report_balances_by_source(two_sources):
    report = run_main(two_sources, max_rejects=2)
    assert [report[key] for key in ("rows", "records", "duplicates", "rejects")] == [9, 4, 3, 2]
    for count in report["sources"].values():
        assert count["rows"] == count["records"] + count["duplicates"] + count["rejects"]
    rows = {file: count["rows"] for file, count in report["sources"].items()}
    wanted = {"raw/a.jsonl": 4, "raw/b.csv": 3, "feedback/2031-01-02.jsonl": 2}
    assert rows == {str(two_sources / file): count for file, count in wanted.items()}
    records = read_records(two_sources / "out/records.jsonl")
    assert [(row.messages[0]["content"], row.origin, row.answered_by, row.licence) for row in records] == [
        ("one", "human", "human", "Apache-2.0"),
        ("one", "human", "human", "CC0"),
        ("two", "human", "human", "CC0"),
        ("three", "production", "corrected", "own"),
    ]
    places = [row["place"] for _, row in read_jsonl(two_sources / "out/rejects.jsonl")]
    assert places == [f"{two_sources / 'raw/a.jsonl'}:{line}" for line in (2, 4)]


def test_a_source_and_a_feedback_file_of_one_name_are_counted_apart(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    write_lines(tmp_path / "raw/a.jsonl", chat("one", answer()))
    write_lines(tmp_path / "feedback/a.jsonl", chat("two", answer()), chat("three", answer()))
    assert sorted(count["rows"] for count in run_main(tmp_path)["sources"].values()) == [1, 2]


def test_one_reject_too_many_stops_the_stage_at_the_first_place(two_sources):
    assert fault_of(two_sources, max_rejects=1).startswith(f"{two_sources / 'raw/a.jsonl'}:2: not JSON")
    assert not (two_sources / "out").exists()


def test_the_same_sources_give_the_same_bytes(two_sources):
    assert run_main(two_sources, 2, "one") == run_main(two_sources, 2, "two")
    for name in ("records.jsonl", "rejects.jsonl"):
        assert (two_sources / "one" / name).read_bytes() == (two_sources / "two" / name).read_bytes()


def test_the_list_and_the_folder_must_agree(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    assert fault_of(tmp_path).startswith(f"{tmp_path / 'raw/a.jsonl'}: is listed in sources.yaml and is not there")
    write_lines(tmp_path / "raw/a.jsonl", chat("one", answer()))
    assert run_main(tmp_path)["records"] == 1
    write_lines(tmp_path / "raw/b.jsonl", chat("two", answer()))
    assert fault_of(tmp_path).startswith(f"{tmp_path / 'raw/b.jsonl'}: is not listed")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([source_entry("a.jsonl"), source_entry("a.jsonl", "prompt_completion")], "lists a.jsonl twice"),
        ([source_entry("../a.jsonl")], "lists ../a.jsonl, which is a path"),
        ([], "lists no source"),
        ([source_entry("a.jsonl", "parquet")], "sources.0.format"),
        ([source_entry("a.jsonl", note="x")], "sources.0.note"),
        ([source_entry("a.csv", "csv")], "columns are needed"),
        ([source_entry("a.jsonl", columns={"input": "m", "answer": "r"})], "columns are needed"),
    ],
)
def test_a_wrong_list_of_sources_is_a_fault_with_its_place(tmp_path, entries, words):
    project(tmp_path, *entries)
    line = fault_of(tmp_path)
    assert line.startswith(str(tmp_path / "raw/sources.yaml"))
    assert words in line
