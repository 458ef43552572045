"""Files of rows: what a file is, told by its content, and its rows one after the other, whatever it is."""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.data.reading.json_files import BOM, json_document, json_lines
from pipeline.data.reading.parquet import parquet_rows
from pipeline.data.reading.shapes import SHAPES, is_example
from pipeline.data.reading.tables import divider_of, table_rows
from pipeline.data.records import parse_json
from pipeline.stage import Fault

HEAD = 4 * 2**20  # bytes by which a text is told
HEADER = 2**16
LINES = 50
PACKED = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"\x2a\x4d\x18": "zst"}
PARQUET = b"PAR1"
FOREIGN = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a ZIP archive or an Excel file",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"ARROW1": "an Arrow file",
    b"%PDF": "a PDF",
    PARQUET: "Parquet that is packed once more",
    **dict.fromkeys(PACKED, "packed twice"),
}
FIRST_KEY = re.compile(rb'\s*\{\s*"([^"\\]*)"')
KEYS = frozenset[str]().union(*(keys for shape in SHAPES for keys in shape.needs))
ENDINGS = (".gz", ".gzip", ".zst", ".zstd")
LINE_FILES, TABLES, DOCUMENTS = (".jsonl", ".ndjson"), (".csv", ".tsv", ".tab"), (".json",)


@dataclass(frozen=True)
class Opened:
    """A file of rows. `container` is `jsonl`, `json`, `csv`, `tsv` or `parquet`, with `.gz` or `.zst` where it is packed."""

    container: str
    rows: Iterator[tuple[int, Any]]

    @property
    def is_text(self) -> bool:
        """Whether each cell is a text."""
        return self.container.startswith(("csv", "tsv"))

    @property
    def is_table(self) -> bool:
        """Whether a row is made of columns."""
        return self.is_text or self.container.startswith("parquet")


def container_of(path: Path) -> str:
    """What the file is, as `Opened.container` has it. Raises Fault where that cannot be told."""
    return open_rows(path).container


def open_rows(path: Path) -> Opened:
    """The file's rows: place (a line, or in Parquet the row's number) and value, or Unreadable. Raises Fault, then or later."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        raise Fault(path, "no such file", "check the path") from None
    except OSError as error:
        raise Fault(path, f"cannot be read ({error.strerror})", "check the path") from None
    if start.startswith(PARQUET):
        return Opened("parquet", parquet_rows(path))
    packing = next((name for magic, name in PACKED.items() if magic in start[:5]), "")
    with _unpacked(path, packing) as file:
        text = file.read(HEAD)
    _refuse_foreign(path, text)
    kind, rows = _kind_and_rows(path, packing, text.removeprefix(BOM), is_whole=len(text) < HEAD)
    return Opened(kind + (f".{packing}" if packing else ""), rows)


@contextmanager
def _unpacked(path: Path, packing: str) -> Iterator[BinaryIO]:
    """The bytes of a text. Raises Fault where its packing turns out to be damaged."""
    try:
        with _stream(path, packing) as file:
            yield file
    except (EOFError, OSError, zlib.error):
        remedy = "fetch it or pack it again" if packing else "check the disk"
        raise Fault(path, "is damaged or cut off" if packing else "cannot be read", remedy) from None


def _stream(path: Path, packing: str) -> BinaryIO:
    if packing == "gz":
        return io.BufferedReader(gzip.GzipFile(path))
    if packing == "zst":
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))  # Python before 3.14 has no zstd
    return path.open("rb")


def _refuse_foreign(path: Path, text: bytes) -> None:
    """Raises Fault for what is no text in UTF-8."""
    found = next((name for magic, name in FOREIGN.items() if text.startswith(magic)), None)
    if found is None and b"\0" in text[:8000].split(b"\n", 1)[0]:  # further down it is the fault of its row alone
        found = "no text, or UTF-16"
    if found is not None:
        raise Fault(path, f"is {found}", "save it as UTF-8 text (JSON Lines, JSON, CSV) or as Parquet")


def _kind_and_rows(path: Path, packing: str, text: bytes, is_whole: bool) -> tuple[str, Iterator[tuple[int, Any]]]:
    """What a text is, and its rows; `text` is its beginning."""
    kind = _kind(text, is_whole, _ending(path))
    if kind == "csv":
        divider = divider_of(text[:HEADER].decode("utf-8", "replace"))
        return "tsv" if divider == "\t" else "csv", _rows(
            path, packing, partial(table_rows, path=path, divider=divider)
        )
    if kind == "jsonl":
        return kind, _rows(path, packing, json_lines)
    value = _value(text) if is_whole else None
    if isinstance(value, dict) and not _holds_rows(value):
        return kind, iter([(1 + text[: text.index(b"{")].count(b"\n"), value)])
    return kind, _rows(path, packing, partial(json_document, path=path))


def _rows(path: Path, packing: str, read: Callable[[BinaryIO], Iterator[tuple[int, Any]]]) -> Iterator[tuple[int, Any]]:
    with _unpacked(path, packing) as file:
        yield from read(file)


def _ending(path: Path) -> str:
    """The ending of the file's name that speaks of what is packed."""
    endings = [ending.lower() for ending in path.suffixes]
    return next((ending for ending in reversed(endings) if ending not in ENDINGS), "")


def _kind(text: bytes, is_whole: bool, ending: str) -> str:
    """`jsonl` where most of the first lines are objects, whatever the name; else what the name says, else the first letter."""
    lines = [line for line in text.split(b"\n", 2 * LINES) if line.strip()]
    first = text.lstrip()[:1]
    read = [_value(line) for line in (lines if is_whole and len(lines) <= LINES else lines[:-1][:LINES])]
    objects = [value for value in read if isinstance(value, dict)]
    if len(objects) * 2 >= len(read) > 0:
        is_document = len(lines) == 1 and ending not in LINE_FILES and _holds_rows(objects[0])
        return "json" if is_document else "jsonl"
    if ending in LINE_FILES:
        return "json" if first == b"[" else "jsonl"
    if ending in TABLES or (first not in (b"{", b"[") and ending not in DOCUMENTS):
        return "csv"
    return "jsonl" if _begins_as_row(text) and not read else "json"


def _value(text: bytes) -> Any:
    """The value of a JSON text; None where it is none."""
    try:
        return parse_json(text)
    except ValueError:
        return None


def _holds_rows(value: dict[str, Any]) -> bool:
    """Whether an object is no row, but has a list of rows in it."""
    return not is_example(value) and any(
        isinstance(part, list) and part[:1] and isinstance(part[0], dict) for part in value.values()
    )


def _begins_as_row(text: bytes) -> bool:
    """Whether a line too long to be looked at begins like a row."""
    key = FIRST_KEY.match(text)
    return key is not None and key.group(1).decode("utf-8", "replace") in KEYS
