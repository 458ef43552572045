"""What verify finds, a line each: where, what, and how to mend it."""

from dataclasses import dataclass
from typing import Literal

from pipeline.data.plain_text import plain

LONGEST = 500
RUN_AGAIN = "the pipeline must be run again: make run"


def in_terminal(text: str, longest: int = LONGEST) -> str:
    """A text as one line that a terminal shows and does not obey, and from which a command can be copied."""
    line = plain(text.replace("\n", "\N{SYMBOL FOR NEWLINE}").replace("\t", " "))
    return line if len(line) <= longest else line[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Finding:
    """A line. `wrong`: bytes or numbers are not what they are said to be; `stale`: an input has changed since; `absent`: not here."""

    kind: Literal["wrong", "stale", "absent"]
    place: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        return in_terminal(f"{self.place}: {self.fault}; {self.remedy}")


def wrong(place: str, fault: str, remedy: str) -> Finding:
    """Bytes or numbers that are not what they are said to be."""
    return Finding("wrong", place, fault, remedy)


def stale(place: str, fault: str) -> Finding:
    """An input that has changed since the pipeline ran: no tampering, but numbers of another recipe."""
    return Finding("stale", place, fault, RUN_AGAIN)


def absent(place: str, fault: str, remedy: str) -> Finding:
    """What can be neither hashed nor recomputed, since it is not on this machine."""
    return Finding("absent", place, fault, remedy)
