"""The files of the log: by day and kind, a whole line at a time, turned over by size, and gone after so many days.

Each process opens files of its own, so half a line can only stand at the end of a file whose process was killed.
"""

import contextlib
import errno
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.production.logs.entry import Kind

DAY = re.compile(r"\d{4}-\d\d-\d\d")
OURS = "*-*-*.jsonl"
MOST_OPEN = 12  # files at a time: those of today, and of a day that ends
JUMP_S = 3600.0  # a clock that is so far from where it should be is not believed
MODE = 0o640


@dataclass
class Open:
    """A file that is written, and how long it is."""

    path: Path
    descriptor: int
    size: int


class Files:
    """Writes lines below a folder. `now` is the wall clock, `steady` one that does not jump."""

    def __init__(
        self,
        folder: Path,
        most_bytes: int,
        keep_days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._most, self._keep = folder, most_bytes, timedelta(days=keep_days)
        self._now, self._steady = now, steady
        self._began = now(), steady()
        self._open: dict[tuple[Kind, str], Open] = {}

    def write(self, kind: Kind, day: str, lines: Sequence[bytes]) -> tuple[int, Counter[str]]:
        """Append lines, each with its end, in one write; how many of them are in the file, and the fault of those that are not."""
        batch = b"".join(lines)
        try:
            file = self._file(kind, day, len(batch))
            written = os.write(file.descriptor, batch)
        except OSError as error:
            self._leave(kind, day)
            return 0, Counter({_fault(error): len(lines)})
        if written == len(batch):
            file.size += written
            return len(lines), Counter()
        return self._cut(kind, day, file, batch[:written], len(lines))

    def _cut(self, kind: Kind, day: str, file: Open, part: bytes, lines: int) -> tuple[int, Counter[str]]:
        """The disk took a part: what is whole of it stays, and the file is not written again."""
        whole = part.rfind(b"\n") + 1
        with contextlib.suppress(OSError):
            os.ftruncate(file.descriptor, file.size + whole)
        file.size += whole
        self._leave(kind, day)
        kept = part.count(b"\n")
        return kept, Counter({"no_space": lines - kept})

    def _file(self, kind: Kind, day: str, more: int) -> Open:
        """The file to write to: a new one where there is none, where it is full, and where somebody took it away."""
        file = self._open.get((kind, day))
        if file and ((file.size and file.size + more > self._most) or os.fstat(file.descriptor).st_nlink == 0):
            self._close(kind, day)
            file = None
        if file is None:
            while len(self._open) >= MOST_OPEN:
                self._close(*next(iter(self._open)))
            file = self._open[kind, day] = self._new(kind, day)
        return file

    def _new(self, kind: Kind, day: str) -> Open:
        folder = self._folder / day
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            name = f"{kind}-{self._now():%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl"
            with contextlib.suppress(FileExistsError):  # of a clock that was put back
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
                return Open(folder / name, os.open(folder / name, flags, MODE), 0)
            time.sleep(1e-6)

    def _leave(self, kind: Kind, day: str) -> None:
        """Write a file no more after a fault; one that never held a line goes, or a full disk would fill with empty ones."""
        file = self._open.get((kind, day))
        if file and not file.size:
            with contextlib.suppress(OSError):
                file.path.unlink()
        self._close(kind, day)

    def _close(self, kind: Kind, day: str) -> None:
        file = self._open.pop((kind, day), None)
        if file:
            with contextlib.suppress(OSError):
                os.close(file.descriptor)

    def close(self) -> None:
        """Close all of them."""
        for kind, day in list(self._open):
            self._close(kind, day)

    def forget(self) -> int:
        """Delete the days that are too old; how many. None go while the clock is not where it should be."""
        now = self._now()
        passed = (now - self._began[0]).total_seconds() - (self._steady() - self._began[1])
        if abs(passed) > JUMP_S or not self._folder.is_dir():
            return 0
        last = (now - self._keep).date().isoformat()
        old = [one for one in self._folder.iterdir() if DAY.fullmatch(one.name) and one.name < last and one.is_dir()]
        return sum(_delete(one) for one in old)


def _delete(day: Path) -> bool:
    """Delete our files of a day, and the folder where it holds nothing else."""
    try:
        for file in day.glob(OURS):
            file.unlink()
        day.rmdir()
    except OSError:
        return False
    return True


def _fault(error: OSError) -> str:
    return "no_space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "cannot_write"
