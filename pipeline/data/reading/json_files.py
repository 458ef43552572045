"""JSON in files: a row a line, or one array of rows that is read piece by piece, however large it is."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.data.reading.rows import LONGEST, TOO_LONG, Unreadable
from pipeline.data.records import parse_json
from pipeline.stage import Fault

BOM = b"\xef\xbb\xbf"
CHUNK = 2**20
BLANKS = re.compile(rb"[ \t\r\n]*")
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
SCALAR = re.compile(rb'[^ \t\r\n,:\[\]{}"]+')
# To the next bracket that stands in no string. Possessive: a string that is not at its end yet is no match.
BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+[\[\]{}]', re.DOTALL)


def json_lines(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Line and value of each line that is not blank; a line that is no JSON comes as the error."""
    for number, whole in enumerate(iter(partial(file.readline, LONGEST + 1), b""), 1):
        line = whole.removeprefix(BOM) if number == 1 else whole
        if len(line) > LONGEST:
            _skip_line(file, line)
            yield number, Unreadable(TOO_LONG)
        elif not line.isspace() and line:
            yield number, _value(line)


def _skip_line(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(CHUNK)


def _value(text: bytes) -> Any:
    """A JSON text's value, or the error."""
    try:
        return parse_json(text)
    except ValueError as error:
        return Unreadable(f"not JSON ({error})")


def json_document(file: BinaryIO, path: Path) -> Iterator[tuple[int, Any]]:
    """Line and value of each row of an array, or of the one list of rows that an object holds. Raises Fault where there is none."""
    scanner = Scanner(file, path)
    first = scanner.next_byte()
    if not first:
        return
    if first == b"[":
        scanner.take()
        rows = scanner.elements()
    elif first == b"{":
        scanner.take()
        rows = scanner.rows_of_object()
    else:
        raise scanner.fault("is neither an array nor an object", "save it as JSON Lines")
    for line, text in rows:
        yield line, _value(text)
    if scanner.next_byte():
        raise scanner.fault("goes on after the end of its JSON", "save it as JSON Lines, a row a line")


class Scanner:
    """A place in a JSON text that is read piece by piece. It finds where values end, and leaves it to others to parse them."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._buffer = file.read(CHUNK).removeprefix(BOM)
        self._at = 0
        self._line, self._counted = 1, 0

    @property
    def line(self) -> int:
        """The line of the place, from 1."""
        self._line += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def fault(self, fault: str, remedy: str) -> Fault:
        """A fault at the place."""
        return Fault(f"{self._path}:{self.line}", fault, remedy)

    def take(self) -> None:
        """Step over a byte."""
        self._at += 1

    def next_byte(self) -> bytes:
        """Step to the next byte that is no blank, and look at it; b"" at the end."""
        while True:
            self._at = BLANKS.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_on():
                return b""

    def _read_on(self) -> bool:
        """Read on, and let go of what lies before the place. Twice as much each time, so that a long string is not searched often."""
        if len(self._buffer) - self._at > LONGEST:
            raise self.fault(
                f"is {TOO_LONG}, or a bracket or a quote is not closed", "mend it, or save it as JSON Lines"
            )
        piece = self._file.read(max(CHUNK, len(self._buffer) - self._at))
        _ = self.line  # counted while it can be
        self._buffer = self._buffer[self._at :] + piece
        self._at = self._counted = 0
        return bool(piece)

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """Line and JSON text of each element of an array, whose bracket has been taken."""
        if self.next_byte() == b"]":
            self.take()
            return
        while True:
            self.next_byte()
            yield self.line, self._text()
            if not self._goes_on(b"]"):
                return

    def rows_of_object(self) -> Iterator[tuple[int, bytes]]:
        """Line and JSON text of each element of the one list of objects among the values of an object, whose brace has been taken."""
        lists: list[bytes] = []
        is_open = self.next_byte() != b"}"
        while is_open:
            name = self._text()
            if not name.startswith(b'"') or self.next_byte() != b":":
                raise self._broken()
            self.take()
            if self.next_byte() != b"[":
                self._text()
            else:
                self.take()
                if self.next_byte() == b"{":
                    lists.append(name)
                    if len(lists) > 1:
                        raise self.fault("is an object with more than one list of rows", "save each list as a file")
                    yield from self.elements()
                else:
                    self._close()
            is_open = self._goes_on(b"}")
        if not lists:
            raise Fault(self._path, "is an object without a list of rows", "save the rows as JSON Lines or as an array")

    def _text(self) -> bytes:
        """The JSON text of the value here. Steps over it."""
        first = self.next_byte()
        if not first or first in b",:]}":
            raise self._broken()
        is_nested = first in b"[{"
        end = self._end_of_brackets(depth=0, is_kept=True) if is_nested else self._end_of_plain(first == b'"')
        text = self._buffer[self._at : end]
        self._at = end
        return text

    def _close(self) -> None:
        """Step behind the bracket that closes the one that has been taken."""
        self._at = self._end_of_brackets(depth=1, is_kept=False)

    def _end_of_brackets(self, depth: int, is_kept: bool) -> int:
        """Where as many brackets are closed as open; what lies before is let go of unless it is kept."""
        end = self._at
        while True:
            step = BRACKET.match(self._buffer, end)
            if step is None:
                if not is_kept:
                    self._at = end
                done = end - self._at
                if not self._read_on():
                    raise self._broken(ends=True)
                end = self._at + done
                continue
            end = step.end()
            depth += 1 if self._buffer[end - 1] in b"[{" else -1
            if not depth:
                return end

    def _end_of_plain(self, is_text: bool) -> int:
        """Where a text, or a value without quotes, ends."""
        pattern = STRING if is_text else SCALAR
        while True:
            found = pattern.match(self._buffer, self._at)
            if found and (is_text or found.end() < len(self._buffer)):
                return found.end()
            if not self._read_on():
                if found:
                    return found.end()
                raise self._broken(ends=True)

    def _goes_on(self, closing: bytes) -> bool:
        """Step over a comma (True) or the closing bracket."""
        found = self.next_byte()
        if found not in (b",", closing) or not found:
            raise self._broken()
        self.take()
        return found == b","

    def _broken(self, ends: bool = False) -> Fault:
        is_over = ends or not self.next_byte()
        return self.fault("ends before its JSON does" if is_over else "is not JSON", "mend it, or save it again")
