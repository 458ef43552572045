"""Lines written one after the other and read again by number: a file that takes the place of a list too long for memory."""

from array import array
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from pipeline.data.records import RECORD, Record, line_of


class Spool:
    """Records of a temporary file, by number. Use it as a context; the file is gone at its end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("wb+")
        self._starts = array("Q", [0])
        self.record = lru_cache(maxsize=50_000)(self._read)

    def add(self, record: Record) -> None:
        """Write a record at the end."""
        line = line_of(record)
        self._file.write(line)
        self._starts.append(self._starts[-1] + len(line))

    def _read(self, number: int) -> Record:
        """The record of that number."""
        self._file.seek(self._starts[number])
        line = self._file.read(self._starts[number + 1] - self._starts[number])
        self._file.seek(self._starts[-1])  # the next one is written at the end
        return RECORD.decode(line)

    def lines(self, without: Collection[int]) -> Iterator[bytes]:
        """Every line in order, but those whose numbers are named."""
        self._file.seek(0)
        for number, line in enumerate(self._file):
            if number not in without:
                yield line

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
