"""Tables as text: a header, then a row an example, divided by commas, semicolons, tabs or bars."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.data.reading.rows import LONGEST, TOO_LONG, Unreadable, shown
from pipeline.stage import Fault

DIVIDERS = ",;\t|"


def divider_of(head: str) -> str:
    """What divides the header, the first row of a table, into most columns; the comma where nothing does."""

    def columns(divider: str) -> int:
        try:
            rows = csv.reader(io.StringIO(head, newline=""), delimiter=divider)
            return len(next((row for row in rows if row), []))
        except csv.Error:
            return 0

    return max(DIVIDERS, key=columns)


def table_rows(file: BinaryIO, path: Path, divider: str) -> Iterator[tuple[int, Any]]:
    """First line and row (by column name) of a table with a header; a cell that is not there is None."""
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        rows = _cells(text, path, divider)
        line, header = next(rows, (1, []))
        if isinstance(header, Unreadable):
            raise Fault(f"{path}:{line}", f"is {header}", "save it as CSV with a header")
        names = _names(header, path)
        for line, row in rows:
            yield line, row if isinstance(row, Unreadable) else _by_name(names, row)


def _cells(text: io.TextIOWrapper, path: Path, divider: str) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """First line and cells of each row that is not blank."""
    csv.field_size_limit(LONGEST)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=divider, strict=True)
    while True:
        line = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except _TooLong:
            yield line, Unreadable(TOO_LONG)
        except UnicodeDecodeError:
            raise Fault(path, "is not UTF-8 text", "save it as UTF-8") from None
        except csv.Error as error:
            raise Fault(f"{path}:{line}", f"is not CSV ({error})", "mend the quotes, or save it again as CSV") from None
        else:
            if row:
                yield line, row


def _names(header: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in header]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Fault(path, f"has two columns {shown(twice)}", "rename one of them")
    return names


def _by_name(names: list[str], row: list[str]) -> dict[str, str | None] | Unreadable:
    if len(row) > len(names):
        return Unreadable("more cells than columns")
    return dict(zip(names, [*row, *[None] * (len(names) - len(row))], strict=True))


class _TooLong(Exception):
    """A line that is not loaded."""


class _Lines:
    """The lines of a text, counted; one that is too long is skipped, and said to be."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) <= LONGEST:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(2**20)
        raise _TooLong
