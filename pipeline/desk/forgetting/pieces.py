"""Files of rows in pieces: the bytes of each row, and what is left of a file without some of them."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from pipeline.data.reading.files import HEADER, PARQUET, open_rows
from pipeline.data.reading.json_files import BOM, Scanner
from pipeline.data.reading.rows import LONGEST
from pipeline.data.reading.tables import divider_of
from pipeline.stage import Fault

CHUNK = 2**20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BY_HAND = "take the rows out by hand, and run make forget again"
Gone = Collection[int]
Piece = tuple[bytes, bool]  # some bytes of a file, and whether they are a row


def chunks(path: Path) -> Iterator[bytes]:
    """What a file says: its bytes, unpacked where they are packed, of Parquet each row as JSON; what is damaged, as it is."""
    try:
        with unpacked(path) as file:
            start = file.read(CHUNK)
            if start.startswith(PARQUET):
                yield from (
                    json.dumps(row, ensure_ascii=False, default=str).encode() for _, row in open_rows(path).rows
                )
                return
            yield start
            yield from iter(partial(file.read, CHUNK), b"")
    except (Fault, EOFError, OSError, zlib.error):
        with path.open("rb") as file:
            yield from iter(partial(file.read, CHUNK), b"")


def unpacked(path: Path) -> BinaryIO:
    """A file to read from, whatever it is packed with."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(GZIP):
        return io.BufferedReader(gzip.GzipFile(path))
    if start.startswith(ZSTD):
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def rest_of(container: str, file: BinaryIO, path: Path, gone: Gone) -> Iterator[bytes]:
    """The bytes that stay."""
    if container == "json":
        yield from _document_left(file, path, gone)
        return
    number = 0
    for text, is_row in PIECES[container](file, path):
        if not (is_row and number in gone):
            yield text
        number += is_row


def row_texts(path: Path) -> Iterator[bytes]:
    """The bytes of each row of a file of text, in the order of `open_rows`; of Parquet none."""
    container = open_rows(path).container.partition(".")[0]
    if container == "parquet":
        return
    with unpacked(path) as file:
        if container == "json":
            whole = file.read()
            yield from _elements(whole, path) or [whole]
        else:
            yield from (text for text, is_row in PIECES[container](file, path) if is_row)


def _line_pieces(file: BinaryIO, _: Path) -> Iterator[Piece]:
    for at, line in enumerate(file):
        text = line
        if not at and line.startswith(BOM):
            yield BOM, False
            text = line.removeprefix(BOM)
        yield text, bool(text) and not text.isspace()


def _table_pieces(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """A row is all lines that it takes; the first one that is not blank is the header."""
    with unpacked(path) as start:
        divider = divider_of(start.read(HEADER).removeprefix(BOM).decode("utf-8", "replace"))
    lines: list[str] = []

    def read(text: io.TextIOWrapper) -> Iterator[str]:
        for at, line in enumerate(text):
            lines.append(line)
            yield line if at else line.removeprefix("\ufeff")

    csv.field_size_limit(LONGEST)
    is_header = True
    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        try:
            for row in csv.reader(read(text), delimiter=divider, strict=True):
                yield "".join(lines).encode(), bool(row) and not is_header
                is_header = is_header and not row
                lines.clear()
        except csv.Error:
            raise Fault(path, "has a row that is too long", BY_HAND) from None


def _document_left(file: BinaryIO, path: Path, gone: Gone) -> Iterator[bytes]:
    """An array: a comma goes with the element before it, the end of the last element with the last that stays."""
    whole = file.read()
    rows = _elements(whole, path)
    if not rows:  # one object that is a row itself
        return
    starts = _starts(whole, rows, path)
    stays = [n for n in range(len(rows)) if n not in gone]
    yield whole[: starts[0]]
    for n in stays:
        yield rows[n] if n == stays[-1] else whole[starts[n] : starts[n + 1]]
    yield whole[starts[-1] + len(rows[-1]) :]


def _elements(whole: bytes, path: Path) -> list[bytes]:
    scanner = Scanner(io.BytesIO(whole), path)
    is_array = scanner.next_byte() == b"["
    scanner.take()
    try:
        return [text for _, text in (scanner.elements() if is_array else scanner.rows_of_object())]
    except Fault:
        if is_array:
            raise
        return []


def _starts(whole: bytes, rows: list[bytes], path: Path) -> list[int]:
    """Where each element begins: the first place where they stand one after the other in brackets."""
    at = whole.find(rows[0])
    while at >= 0:
        starts = [at]
        for row, after in pairwise(rows):
            starts.append(whole.find(after, starts[-1] + len(row)))
        ends = [start + len(row) for start, row in zip(starts, rows, strict=True)]
        between = {whole[end:start].strip() for end, start in zip(ends, starts[1:], strict=False)}
        if whole[:at].rstrip().endswith(b"[") and between <= {b","} and whole[ends[-1] :].lstrip().startswith(b"]"):
            return starts
        at = whole.find(rows[0], at + 1)
    raise Fault(path, "has an array that cannot be cut", BY_HAND)


PIECES: dict[str, Callable[[BinaryIO, Path], Iterator[Piece]]] = {
    "jsonl": _line_pieces,
    "csv": _table_pieces,
    "tsv": _table_pieces,
}
