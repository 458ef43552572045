"""Logs of a place, whatever shape they are in: requests, feedback, canaries and counts of a window, one after the other.

Nothing is loaded whole and nothing in a log is an error: what cannot be read is counted (`problems`) with its first place (`places`).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO

from pipeline.production.logs import own
from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback
from pipeline.production.logs.lines import unpacked
from pipeline.production.logs.places import Place, Window
from pipeline.production.logs.problems import Found, Problems
from pipeline.stage import Fault

SHAPES = ("auto", "own")


class Logs:
    """The logs of one place (a folder, a file or an address of fsspec) in one shape. `auto` tells the shape by the first lines.

    A window is `since <= time < until`, both with their zone; feedback has the time at which it was given. Lines come in the order of
    their files, days one after the other. Raises Fault where the place is not there or cannot be reached.
    """

    def __init__(self, place: str, shape: str) -> None:
        if shape not in SHAPES:
            raise Fault(f"logs in {place}", f"{shape} is no shape", f"take one of {', '.join(SHAPES)}")
        self._place, self.shape = Place(place), "own"
        self._problems = Problems()

    @property
    def problems(self) -> Counter[str]:
        """How often each fault was met so far; `pipeline.production.logs.problems.MEANINGS` says what they are."""
        return self._problems.counts

    @property
    def places(self) -> dict[str, str]:
        """File and line of the first of each fault."""
        return self._problems.places

    def requests(self, since: datetime, until: datetime) -> Iterator[Entry]:
        """The requests that came in within the window, each once."""
        return self._own(Entry, Window(since, until))

    def feedback(self, since: datetime, until: datetime) -> Iterator[Feedback]:
        """What was said within the window, of whatever request."""
        return self._own(Feedback, Window(since, until))

    def canaries(self, since: datetime, until: datetime) -> Iterator[Canary]:
        """The canaries that were asked within the window."""
        return self._own(Canary, Window(since, until))

    def counts(self, since: datetime, until: datetime) -> Iterator[Counts]:
        """What recorders counted within the window."""
        return self._own(Counts, Window(since, until))

    def _own(self, kind: type[own.Line], window: Window) -> Iterator[own.Line]:
        ids, wanted = own.Ids(), own.KIND_OF[kind]
        for name in self._place.files(window):
            called = own.kind_of(name) or ("requests" if name == self._place.address else None)
            if called is None:
                self._problems.begin(self._place.shown(name)).add("other_file")
            if called != wanted:
                continue
            found = self._problems.begin(self._place.shown(name))
            with ExitStack() as kept:
                file = self._opened(name, found, kept)
                lines = own.read(file, found.file, kind, ids, found) if file else ()
                yield from (line for line in lines if window.since <= line.time < window.until)

    def _opened(self, name: str, found: Found, kept: ExitStack) -> BinaryIO | None:
        """A file unpacked, to be closed with `kept`; None where it cannot be read."""
        try:
            file = unpacked(kept.enter_context(self._place.open(name)))
            if not file.peek(1):  # type: ignore[attr-defined]  # each of them is buffered
                found.add("empty_file")
        except FileNotFoundError:
            found.add("vanished_file")
        except (EOFError, OSError) as error:
            found.add("cut_file" if isinstance(error, EOFError) else "unreadable_file")
        else:
            return file
        return None
