"""Rows of a file that others wrote: JSON Lines, one JSON array or document read piece by piece, or a table with a header."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from pipeline.data.reading.json_files import json_document
from pipeline.data.reading.tables import divider_of, table_rows
from pipeline.production.logs.lines import BOM, DAMAGED, HEAD, blocks, called
from pipeline.production.logs.problems import Found
from pipeline.production.logs.values import json_of, whole
from pipeline.stage import Fault

HEADERS = {"id", "request_id", "traceid", "trace_id", "trace id"}  # one of which every table of requests has
Row = dict[str, Any]


def rows(file: io.BufferedReader, found: Found) -> Iterator[tuple[int, Row]]:
    """Line and object of each row. What is none is counted."""
    try:
        head = file.peek(HEAD)[:HEAD].removeprefix(BOM)
    except DAMAGED as error:
        found.add(called(error))
        return
    read = (
        _table(file, head, found)
        if _is_table(head)
        else _document(file, found)
        if _is_document(head)
        else _lines(file, found)
    )
    for line, row in read:
        inner = row.get("data")
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            yield from ((line, one) for one in inner)  # a page of an API
        else:
            yield line, row


def _is_table(head: bytes) -> bool:
    names = next((line for line in head.split(b"\n") if line.strip()), b"")
    try:
        header = names.decode("utf-8")
    except UnicodeDecodeError:
        return False
    cells = [cell.strip().strip('"').lower() for cell in re.split(r"[,;\t|]", header)]
    return len(cells) > 1 and not header.lstrip().startswith(("{", "[")) and bool(HEADERS & set(cells))


def _is_document(head: bytes) -> bool:
    """An array, or an object over many lines, of which the first is no row of its own."""
    start = head.lstrip()
    if not start.startswith(b"{"):
        return start.startswith(b"[")
    first, _, rest = start.partition(b"\n")
    return rest[:1] in (b" ", b"\t", b'"') and _value(first) is None


def _value(line: bytes) -> Row | None:
    try:
        value = json_of(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _lines(file: io.BufferedReader, found: Found) -> Iterator[tuple[int, Row]]:
    for first, lines, is_ended in blocks(file, found):
        for number, line in enumerate(lines, first):
            value = _value(line)
            if value is not None:
                yield number, value
            elif line.strip():
                found.add("unreadable_line" if is_ended else "cut_line", number)


def _document(file: io.BufferedReader, found: Found) -> Iterator[tuple[int, Row]]:
    yield from _survived(json_document(file, Path(found.file)), found)


def _table(file: io.BufferedReader, head: bytes, found: Found) -> Iterator[tuple[int, Row]]:
    divider = divider_of(head.decode("utf-8", "replace"))
    yield from _survived(table_rows(file, Path(found.file), divider), found)


def _survived(read: Iterator[tuple[int, Any]], found: Found) -> Iterator[tuple[int, Row]]:
    """The objects among rows, and what ended them early counted."""
    try:
        for line, value in read:
            if isinstance(value, dict):
                yield line, cast("Row", value if _is_whole(value) else whole(value))
            else:
                found.add("unreadable_line", line)
    except Fault as fault:
        at = re.search(r":(\d+):", str(fault))
        found.add("cut_line" if "ends before" in str(fault) else "unreadable_line", int(at[1]) if at else 0)
    except UnicodeDecodeError:
        found.add("unreadable_line")
    except csv.Error:
        found.add("cut_line")
    except DAMAGED as error:
        found.add(called(error))


def _is_whole(value: Row) -> bool:
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        return False
    return True
