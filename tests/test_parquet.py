"""Parquet: each row comes out, with what JSON can hold of it."""

import datetime
import decimal
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.reading.parquet import BATCH, parquet_rows
from pipeline.data.reading.rows import Unreadable
from pipeline.stage import Fault


def write(folder, table, **options):
    path = folder / "rows.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pylist(table), path, **options)
    return path


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 3 * BATCH])
def test_every_row_comes_with_its_number(count, tmp_path):
    path = write(tmp_path, [{"text": str(n)} for n in range(count)], row_group_size=100)
    assert list(parquet_rows(path)) == [(n + 1, {"text": str(n)}) for n in range(count)]


def test_a_key_that_is_null_in_a_struct_is_none_and_a_column_stays(tmp_path):
    calls = [{"function": {"name": "f", "arguments": None}, "id": "1"}]
    rows = [
        {"messages": [{"role": "user", "calls": None}, {"role": "assistant", "calls": calls}], "system": None},
        {"messages": [], "system": "x"},
        {"messages": None, "system": None},
    ]
    found = [row for _, row in parquet_rows(write(tmp_path, rows))]
    calls[0]["function"].pop("arguments")
    assert found == [
        {"messages": [{"role": "user"}, {"role": "assistant", "calls": calls}], "system": None},
        {"messages": [], "system": "x"},
        {"messages": None, "system": None},
    ]


TIMES = pa.array([0, 1, 2**62, -(2**62)], pa.timestamp("us"))


def test_times_and_decimals_come_as_text_and_what_has_no_text_stays(tmp_path):
    table = pa.table(
        {
            "day": pa.array([datetime.date(2026, 1, 2)] * 4),
            "time": TIMES,
            "price": pa.array([decimal.Decimal("12.50")] * 4),
            "bytes": pa.array([b"\xff"] * 4),
            "who": pa.array([uuid.UUID(int=7).bytes] * 4, pa.uuid()),
            "kind": pa.array(["x"] * 4).dictionary_encode(),
        }
    )
    rows = [row for _, row in parquet_rows(write(tmp_path, table))]
    assert len(rows) == 4
    assert (rows[0]["day"], rows[0]["price"], rows[0]["bytes"], rows[0]["kind"]) == (
        "2026-01-02",
        "12.50",
        b"\xff",
        "x",
    )
    assert rows[0]["time"].startswith("1970-01-01 00:00:00")


def test_a_row_with_a_value_that_cannot_be_read_is_lost_alone(tmp_path):
    inner = pa.StructArray.from_arrays([TIMES], names=["at"])
    table = pa.table({"text": ["a", "b", "c", "d"], "inner": inner})
    rows = [row for _, row in parquet_rows(write(tmp_path, table))]
    assert [type(row) for row in rows] == [dict, dict, Unreadable, Unreadable]
    assert rows[0]["inner"]["at"] == datetime.datetime(1970, 1, 1)


def test_a_column_that_stands_twice_is_a_fault(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["x", "x"])
    with pytest.raises(Fault, match="has two columns 'x'"):
        list(parquet_rows(write(tmp_path, table)))


def test_a_flipped_bit_in_a_page_is_a_fault(tmp_path):
    path = write(tmp_path, [{"text": f"the text {n}"} for n in range(50)], compression="none", write_page_checksum=True)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"the text 33", b"the text 34"))
    with pytest.raises(Fault, match="is damaged") as caught:
        list(parquet_rows(path))
    assert len(str(caught.value).splitlines()) == 1
