"""The recorder's end of the pipe: emptied at once, whatever the disk does, up to a bound of memory."""

import os
import threading
from collections import deque
from collections.abc import Iterator

import msgspec

from pipeline.production.logs.heard import DECODER, FRAME, Heard

READ = 2**18
Frame = tuple[Heard, bytes, bytes]


class Inflow:
    """Frames out of a pipe, read by a thread of its own, so that the pipe is empty when the server is killed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._most = descriptor, READ
        self._frames: deque[tuple[bytes, bytes, bytes]] = deque()
        self._size = 0
        self._has_ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def allow(self, most_bytes: int) -> None:
        """Keep so much."""
        with self._changed:
            self._most = most_bytes
            self._changed.notify()

    def _read(self) -> None:
        """Read until the other end is closed. Half a frame at the end is nothing."""
        rest = bytearray()
        while piece := os.read(self._descriptor, READ):
            rest += piece
            frames, used = _frames(rest)
            del rest[:used]
            with self._changed:
                self._frames += frames
                self._size += used
                self._changed.notify()
                while self._size > self._most:
                    self._changed.wait()
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def batch(self, most: int, wait_s: float) -> list[Frame] | None:
        """Frames that have come, `most` of them, none after a wait without any; None where no more will come."""
        with self._changed:
            if not self._frames and not self._has_ended:
                self._changed.wait(wait_s)
            taken = [self._frames.popleft() for _ in range(min(most, len(self._frames)))]
            if not taken and self._has_ended:
                return None
            self._size -= sum(FRAME.size + sum(map(len, frame)) for frame in taken)
            self._changed.notify()
        return list(_decoded(taken))


def _frames(pieces: bytearray) -> tuple[list[tuple[bytes, bytes, bytes]], int]:
    """The whole frames of what was read, and how many bytes they are."""
    found, at = [], 0
    while len(pieces) - at >= FRAME.size:
        sizes = FRAME.unpack_from(pieces, at)
        if len(pieces) - at < FRAME.size + sum(sizes):
            break
        start = at + FRAME.size
        ends = start + sizes[0], start + sizes[0] + sizes[1], start + sum(sizes)
        found.append(
            (bytes(pieces[start : ends[0]]), bytes(pieces[ends[0] : ends[1]]), bytes(pieces[ends[1] : ends[2]]))
        )
        at = ends[2]
    return found, at


def _decoded(frames: list[tuple[bytes, bytes, bytes]]) -> Iterator[Frame]:
    for heard, asked, answered in frames:
        try:
            yield DECODER.decode(heard), asked, answered
        except msgspec.DecodeError:  # of a server of another version
            yield Heard(kind="dropped", dropped={"unreadable": 1}), b"", b""
