"""Lines of a file in blocks of some MiB, whatever the file holds: packed, cut, binary, or one line without end."""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import cast

from pipeline.production.logs.problems import Found

BLOCK = 2**20
HEAD = 2**18  # bytes by which a file is told
LONGEST = 32 * 2**20  # bytes of a line; a longer one is not loaded
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"
DAMAGED = (EOFError, OSError, zlib.error)


def unpacked(file: io.BufferedReader) -> io.BufferedReader:
    """The bytes that a file holds, told by its first bytes and not by its name. Whoever opened the file closes it."""
    start = file.peek(4)[:4]
    if start.startswith(GZIP):
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=file))  # it has all that is asked of one here
    if start == ZSTD:
        import pyarrow as pa

        return io.BufferedReader(
            pa.input_stream(file, compression="zstd"), BLOCK
        )  # before Python 3.14 there is no zstd
    return file


def blocks(file: io.BufferedReader, found: Found) -> Iterator[tuple[int, list[bytes], bool]]:
    """Number of the first line, lines without their ends, and whether these ended; only the last line of a file may not have."""
    number, rest, is_skipping = 1, b"", False
    while block := _read(file, found):
        if number == 1 and not rest:
            block = block.removeprefix(BOM)
        *lines, rest = (rest + block).split(b"\n")
        if is_skipping and lines:
            is_skipping, lines, number = False, lines[1:], number + 1
        if is_skipping or len(rest) > LONGEST:
            if not is_skipping:
                found.add("long_line", number + len(lines))
            rest, is_skipping = b"", True
        if lines:
            yield number, lines, True
            number += len(lines)
    if rest:
        yield number, [rest], False


def _read(file: io.BufferedReader, found: Found) -> bytes:
    """The next block, b"" at the end or where the file cannot be read any further."""
    try:
        return file.read1(BLOCK)  # what came before the damage is not lost, as it would be with `read`
    except DAMAGED as error:
        found.add(called(error))
        return b""


def called(error: Exception) -> str:
    """The fault of a file that cannot be read."""
    return "cut_file" if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile) else "unreadable_file"
