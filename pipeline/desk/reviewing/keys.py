"""Keys and lines of a person at the desk: one key at a time from a terminal, a line at a time from anything else."""

import os
import sys
from typing import Protocol

QUIT = "q"


class Keys(Protocol):
    """Where answers come from. What has ended answers QUIT to the question for a key, and None to that for a line."""

    def forget(self) -> None:
        """Drop what was pressed before there was a question; an example that nobody has seen is not to be approved."""

    def key(self) -> tuple[str, str]:
        """The key, and the words after it where a whole line was given. What is no single key comes as it is."""

    def line(self) -> str | None:
        """A line, without its end."""


def keys_of_stdin() -> Keys:
    return Terminal(sys.stdin.fileno()) if sys.stdin.isatty() else Lines()


class Lines:
    """Standard input that is no terminal: a line is a key, or a key and what belongs to it, as in `r wrong label`."""

    def forget(self) -> None:
        """Lines of a file are meant."""

    def key(self) -> tuple[str, str]:
        line = self.line()
        key, _, words = (QUIT if line is None else line.strip()).partition(" ")
        return key, words.strip()

    def line(self) -> str | None:
        line = sys.stdin.buffer.readline()
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None


class Terminal:
    """A terminal, which is left as it was after every key."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def forget(self) -> None:
        import termios

        termios.tcflush(self._handle, termios.TCIFLUSH)

    def key(self) -> tuple[str, str]:
        import termios
        import tty

        before = termios.tcgetattr(self._handle)
        tty.setcbreak(self._handle, termios.TCSADRAIN)
        try:
            pressed = self._pressed()
        finally:
            termios.tcsetattr(self._handle, termios.TCSADRAIN, before)
        return (QUIT if pressed in (b"", b"\x04") else pressed.decode("utf-8", "replace").strip()), ""

    def _pressed(self) -> bytes:
        """All bytes of one key: an arrow sends Escape and letters, which are not to be taken for keys of their own."""
        import select

        pressed = os.read(self._handle, 64)
        while pressed.startswith(b"\x1b") and select.select([self._handle], [], [], 0.05)[0]:
            more = os.read(self._handle, 64)
            if not more:
                break
            pressed += more
        return pressed

    def line(self) -> str | None:
        line = b""
        while not line.endswith(b"\n"):
            more = os.read(self._handle, 4096)
            if not more:
                return line.decode("utf-8", "replace") or None
            line += more
        return line.decode("utf-8", "replace").rstrip("\r\n")
