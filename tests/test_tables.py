"""Shapes in CSV and Parquet, where a row is made of columns."""

import csv
import io
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.reading.readers import read_source
from pipeline.stage import Fault
from tests.examples import contract, source, turns
from tests.rows import AGAINST, CALL, ONE, SAME, TABLE, called, example, said, user


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes")


@pytest.mark.parametrize(("shape", "row"), TABLE)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_have_the_shapes_too_with_tags_as_text(shape, row, kind, folder):
    row = {**row, "group": "c7", "tags": "b; a;;b"}
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([list(row), list(row.values())])
        path.write_bytes(text.getvalue().encode())
    shapes = Counter()
    (record,) = read_source(path, source(None), contract(folder), shapes)
    assert shapes == {shape: 1}
    assert (record.messages, record.group, record.tags) == (ONE, "c7", ("a", "b"))


@pytest.mark.parametrize(("shape", "row"), [*SAME, *AGAINST])
def test_parquet_holds_every_shape(shape, row, folder):
    try:
        table = pa.Table.from_pylist([row, row])
    except pa.ArrowInvalid:
        pytest.skip("a column of Parquet has one type")
    path = folder / "rows.parquet"
    pq.write_table(table, path)
    shapes = Counter()
    first, second = read_source(path, source(None), contract(folder), shapes)
    assert shapes == {shape: 2}
    assert first.id == second.id == example(folder, row).id
    assert second.source == f"{path}:2"


def test_a_call_of_a_tool_comes_out_of_parquet_without_the_keys_of_other_calls(folder):
    other = {"id": "c2", "type": "function", "function": {"name": "price", "arguments": {"item": "x"}}}
    rows = [called({"order": 7}), {"messages": [user("a"), said("b", tool_calls=[other])]}]
    rows[0].pop("tools")
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    first, second = read_source(path, source(None), contract(folder))
    assert second.messages[1]["tool_calls"] == [other]
    assert first.messages[1]["tool_calls"] == [CALL]


def test_a_value_of_parquet_that_is_no_json_makes_a_reject_where_it_is_wanted(folder):
    path = folder / "rows.parquet"
    answers = pa.StructArray.from_arrays([pa.array([b"x", b"y"])], names=["colour"])
    pq.write_table(pa.table({"prompt": ["a", "b"], "completion": answers}), path)
    assert [row.reason for row in read_source(path, source(None), contract(folder))] == [
        "completion holds a value that is no JSON"
    ] * 2
    pq.write_table(pa.table({"prompt": ["a"], "completion": ["b"], "seen": [b"\xff"]}), path)
    (record,) = read_source(path, source(None), contract(folder))
    assert record.messages == turns("a", "b")


def test_an_empty_parquet_is_a_fault(folder):
    path = folder / "rows.parquet"
    pq.write_table(pa.table({"prompt": pa.array([], pa.string())}), path)
    with pytest.raises(Fault, match="is empty"):
        list(read_source(path, source(None), contract(folder)))
