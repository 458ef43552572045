"""Files without some of their rows: every other byte stays, and whoever is killed in between leaves the old file or the new one."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, cast

from pipeline.data.disk import keep_names
from pipeline.data.reading.files import open_rows
from pipeline.desk.forgetting.pieces import BY_HAND, Gone, rest_of, unpacked
from pipeline.desk.forgetting.terms import row_digest
from pipeline.stage import Fault

MISSING = object()
PACKINGS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}  # as a Parquet file calls them, and as its writer does


def without_rows(path: Path, gone: Gone) -> None:
    """Take the rows of these numbers (from 0, in the order of `open_rows`) out of a file of rows; Parquet is written again.

    Raises Fault, with the file as it was, where the outcome would not be all the others.
    """
    container, _, packing = open_rows(path).container.partition(".")
    with replacement(path) as new:
        if container == "parquet":
            _write_parquet(path, new, gone)
        else:
            with unpacked(path) as file, _packed(new, packing) as out:
                out.writelines(rest_of(container, file, path, gone))
        _check(path, new, gone)


def without_lines(path: Path, gone: Gone) -> None:
    """Take the lines of these numbers (from 1) out of a text. One of which nothing is left but blanks is deleted."""
    with path.open("rb") as file:
        is_empty = not any(line.strip() for number, line in enumerate(file, 1) if number not in gone)
    if is_empty:
        path.unlink()
        return
    with replacement(path) as new, path.open("rb") as file, new.open("wb") as out:
        out.writelines(line for number, line in enumerate(file, 1) if number not in gone)


def unfinished(path: Path) -> Path:
    """What is written before it takes the place of a file; whoever is killed leaves it there."""
    return path.with_name(f".forget-{path.name}")


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """A file in the same folder that takes the place of `path` in one step, on the disk, when the context ends well."""
    new = unfinished(path)
    try:
        yield new
        if path.exists():
            new.chmod(path.stat().st_mode & 0o777 | 0o200)  # what DVC linked from its cache cannot be written to
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
        keep_names(path.parent)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _packed(path: Path, packing: str) -> Iterator[IO[bytes]]:
    """A file to write to, packed as the old one was; no date and no name in it."""
    if packing == "zst":
        import pyarrow as pa

        with pa.output_stream(str(path), compression="zstd") as out:
            yield out
        return
    with path.open("wb") as plain:
        if packing == "gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as out:
                yield cast("IO[bytes]", out)
        else:
            yield plain


def _write_parquet(path: Path, new: Path, gone: Gone) -> None:
    """The groups of rows one after the other, with schema, metadata and packing as they are."""
    import numpy as np
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        kinds = {
            column.path_in_schema: PACKINGS.get(column.compression, column.compression)
            for column in map(file.metadata.row_group(0).column, range(file.metadata.num_columns))
        }
        first = 0
        with pq.ParquetWriter(new, file.schema_arrow, compression=kinds) as out:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                stays = np.array([number not in gone for number in range(first, first + table.num_rows)], dtype=bool)
                first += table.num_rows
                if stays.any():
                    out.write_table(table.filter(stays), row_group_size=max(1, int(stays.sum())))


def _check(path: Path, new: Path, gone: Gone) -> None:
    """Raises Fault where the new file's rows are not those of the old one without what goes."""
    stays = (row for number, (_, row) in enumerate(open_rows(path).rows) if number not in gone)
    rows = (row for _, row in open_rows(new).rows)
    if any(row_digest(old) != row_digest(row) for old, row in zip_longest(stays, rows, fillvalue=MISSING)):
        raise Fault(path, "cannot be rewritten without changing other rows", BY_HAND)
