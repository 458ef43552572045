"""Parquet: rows by column name, batch by batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.reading.rows import Unreadable, shown
from pipeline.stage import Fault

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 256


def parquet_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Number (from 1) and value of each row. Raises Fault where the file is damaged or a column stands twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # without buffers in advance a group of rows is not held whole
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise Fault(path, f"has two columns {shown(twice)}", "rename one of them")
            for batch in file.iter_batches(batch_size=BATCH):
                for row in _rows(batch):
                    number += 1
                    yield number, row
            total = file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise Fault(
            path, f"is damaged, or no Parquet that can be read ({type(error).__name__})", "save it again"
        ) from None
    if number != total:
        raise Fault(path, f"promises {total} rows and holds {number}", "save it again")


def _rows(batch: "pa.RecordBatch") -> list[Any]:
    """The rows as Python has them, with times and decimals as text; a row with a value that Python lacks comes as the error."""
    import pyarrow as pa

    nested = [field.name for field in batch.schema if pa.types.is_nested(field.type)]
    columns = {name: _plain(batch.column(name)) for name in batch.schema.names}
    plain = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    try:
        rows: list[Any] = plain.to_pylist()
    except (ValueError, OverflowError, TypeError, KeyError, pa.ArrowException):
        return [_row(plain.slice(n, 1), nested) for n in range(plain.num_rows)]
    for row in rows:
        for name in nested:
            row[name] = _without_null(row[name])
    return rows


def _row(batch: "pa.RecordBatch", nested: list[str]) -> Any:
    import pyarrow as pa

    try:
        (row,) = batch.to_pylist()
    except (ValueError, OverflowError, TypeError, KeyError, pa.ArrowException):
        return Unreadable("holds a value that cannot be read")
    return {name: _without_null(value) if name in nested else value for name, value in row.items()}


def _plain(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    kind = column.type
    if not pa.types.is_temporal(kind) and not pa.types.is_decimal(kind):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return column


def _without_null(value: Any) -> Any:
    """A nested value without the keys that are null: in Parquet each struct of a column has the keys of all of them."""
    if isinstance(value, dict):
        return {key: _without_null(part) for key, part in value.items() if part is not None}
    return [_without_null(part) for part in value] if isinstance(value, list) else value
