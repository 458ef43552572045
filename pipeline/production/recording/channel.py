"""The server's end of the recorder: hands over what was heard without ever waiting, and drops it where that cannot be.

A pipe leads to a process of its own, which outlives the server and empties the pipe. What the pipe does not take is kept, up to a bound;
beyond it a record is dropped whole and counted.
"""

import asyncio
import contextlib
import fcntl
import os
import select
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import IO

import msgspec

from pipeline.production.logs.heard import Heard, Settings, head

TOGETHER_S = 0.02  # in which records gather, since each write wakes another process: it is all that a kill can take
PIPE_BYTES, MOST_PIECES = 2**20, 64  # what Linux gives anybody; pieces of one writev
AGAIN_S, LEAVE_S = (
    1.0,
    10.0,
)  # before a recorder that died is started again; that it has to write what it has at the end
WRITER = "pipeline.production.recording.writer"


class Channel:
    """A Recorder of the server. `put` may be called from `open` to `close`, in the loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._most = int(settings.buffer_mb * 2**20)
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._records = 0  # since the pipe last took all that waited
        self._dropped: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._counted = b"{}"
        self._said = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = -AGAIN_S
        self._is_watched = False  # the pipe is full, and the loop tells when it no longer is
        self._is_due = False  # the loop writes in a moment

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the process."""
        self._loop = loop
        self._start()

    def put(self, heard: Heard, asked: bytes, answered: list[bytes]) -> None:
        """Hand over what was heard, or drop it."""
        if self._process is None and not self._start():
            self._drop("no_recorder")
            return
        size = sum(map(len, answered))
        start = head(heard, asked, size)
        if self._size + len(start) + size > self._most:
            self._drop("buffer_full")
            return
        if self._untold:
            self._tell_dropped()
        self._add(start, *answered)
        self._records += 1
        if not self._is_watched and not self._is_due:
            self._is_due = True
            self._loop_of().call_later(TOGETHER_S, self._flush)

    def counted(self) -> Mapping[str, float]:
        """What was counted of records, by name and labels."""
        own = {f'dropped_total{{fault="{fault}"}}': float(count) for fault, count in self._dropped.items()}
        counted = msgspec.json.decode(self._counted, type=dict[str, float])
        return {**counted, **own}

    def close(self) -> None:
        """Hand over what is left, and wait for a while until it is written."""
        process = self._let_go()
        if process is None:
            return
        stdin, stdout = _ends(process)
        end = time.monotonic() + LEAVE_S
        with contextlib.suppress(OSError):
            while self._waiting and select.select([], [stdin], [], max(0.0, end - time.monotonic()))[1]:
                with contextlib.suppress(BlockingIOError):
                    self._forget(os.writev(stdin.fileno(), self._next()))
        if self._waiting:
            _say(f"serve: the recorder takes no more; {self._size} bytes of records are lost")
        stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
        stdout.close()

    def _loop_of(self) -> asyncio.AbstractEventLoop:
        assert self._loop
        return self._loop

    def _start(self) -> bool:
        """Start the recorder, not sooner than a while after the last start."""
        if time.monotonic() - self._started < AGAIN_S or self._loop is None:
            return False
        self._started = time.monotonic()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", WRITER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:  # no memory, no process or no file left: a next record tries again
            _say(f"serve: the recorder cannot be started ({error.strerror})")
            return False
        stdin, stdout = _ends(self._process)
        for end in (stdin, stdout):
            os.set_blocking(end.fileno(), False)
        with contextlib.suppress(
            OSError, AttributeError
        ):  # another system, or a bound of the machine: then it is smaller
            fcntl.fcntl(stdin.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._loop.add_reader(stdout.fileno(), self._listen)
        self._waiting.clear()
        self._size = self._records = 0
        self._add(head(Heard(kind="settings"), msgspec.json.encode(self._settings), 0))
        self._flush()
        return self._process is not None

    def _add(self, *pieces: bytes) -> None:
        for piece in pieces:
            if piece:
                self._waiting.append(memoryview(piece))
                self._size += len(piece)

    def _flush(self) -> None:
        """Write what the pipe takes; the rest when it takes more."""
        self._is_due = False
        if self._process is None:  # it died, or all was handed over at the end
            return
        end = _ends(self._process)[0].fileno()
        try:
            while self._waiting:
                self._forget(os.writev(end, self._next()))
        except BlockingIOError:
            if not self._is_watched:
                self._loop_of().add_writer(end, self._flush)
                self._is_watched = True
            return
        except OSError:  # the recorder is gone, and with it what it had not read
            self._gone()
            return
        self._records = 0
        if self._is_watched:
            self._loop_of().remove_writer(end)
            self._is_watched = False

    def _next(self) -> list[memoryview]:
        return [self._waiting[at] for at in range(min(len(self._waiting), MOST_PIECES))]

    def _forget(self, written: int) -> None:
        self._size -= written
        while written:
            first = self._waiting[0]
            if written < len(first):
                self._waiting[0] = first[written:]
                return
            written -= len(first)
            self._waiting.popleft()

    def _listen(self) -> None:
        """Read what the recorder counted, a line of JSON at a time; the last whole one counts."""
        if self._process is None:
            return
        try:
            said = os.read(_ends(self._process)[1].fileno(), 2**16)
        except BlockingIOError:
            return
        if not said:
            self._gone()
            return
        self._said += said
        *whole, rest = bytes(self._said).split(b"\n")
        self._said = bytearray(rest)
        if whole:
            self._counted = whole[-1]

    def _let_go(self) -> "subprocess.Popen[bytes] | None":
        """The recorder, of which the loop hears no more; None where there is none."""
        process, self._process = self._process, None
        if process is not None:
            stdin, stdout = _ends(process)
            self._loop_of().remove_writer(stdin.fileno())
            self._loop_of().remove_reader(stdout.fileno())
        return process

    def _gone(self) -> None:
        """The recorder died: what waited is lost, and a next record starts it again."""
        process = self._let_go()
        if process is None:
            return
        stdin, stdout = _ends(process)
        self._is_watched = False
        stdin.close()
        stdout.close()
        process.poll()
        self._said.clear()
        self._drop("no_recorder", max(1, self._records))  # one for what it was at, which nobody knows
        _say("serve: the recorder is gone; it is started again")

    def _drop(self, fault: str, records: int = 1) -> None:
        self._dropped[fault] += records
        self._untold[fault] += records

    def _tell_dropped(self) -> None:
        """Let the recorder write down what never came to it."""
        told, self._untold = dict(self._untold), Counter()
        self._add(head(Heard(kind="dropped", dropped=told), b"", 0))


def _say(words: str) -> None:
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def _ends(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    """What it reads, and what it says."""
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout
