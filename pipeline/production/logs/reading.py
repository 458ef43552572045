"""Logs of a place, whatever shape they are in: requests, feedback, canaries and counts of a window, one after the other.

Nothing is loaded whole and nothing in a log is an error: what cannot be read is counted (`problems`) with its first place (`places`).
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar

from pipeline.production.logs import foreign, own
from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback
from pipeline.production.logs.lines import DAMAGED, HEAD, called, unpacked
from pipeline.production.logs.places import Place, Window
from pipeline.production.logs.problems import Found, Problems
from pipeline.production.logs.told import Request
from pipeline.stage import Fault

SHAPES = ("auto", "own", *foreign.SHAPES)
LOOKED_AT = 20  # files by which a shape is told
BEFORE = timedelta(days=30)  # feedback is looked up among the requests of so long before it

T = TypeVar("T", Entry, Feedback, Canary, Counts, Request)


class Logs:
    """The logs of one place (a folder, a file or an address of fsspec) in one shape. `auto` tells the shape by the first lines.

    A window is `since <= time < until`, both with their zone; feedback has the time at which it was given. Lines come in the order of
    their files, days one after the other. Raises Fault where the place is not there, cannot be reached, or is of no shape.
    """

    def __init__(self, place: str, shape: str) -> None:
        if shape not in SHAPES:
            raise Fault(f"logs in {place}", f"{shape} is no shape", f"take one of {', '.join(SHAPES)}")
        self._place, self._given = Place(place), shape
        self._problems = Problems()
        self.told_by = ""

    @cached_property
    def shape(self) -> str:
        """The shape that is read; where it was to be told, `told_by` is the file that told it."""
        return self._recognised() if self._given == "auto" else self._given

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
        window = Window(since, until)
        if self.shape == "own":
            return self._own(Entry, window)
        return (request.entry for request in self._foreign(window, self._problems.begin))

    def feedback(self, since: datetime, until: datetime) -> Iterator[Feedback]:
        """What was said within the window, of whatever request."""
        window = Window(since, until)
        return self._own(Feedback, window) if self.shape == "own" else self._foreign_feedback(window)

    def canaries(self, since: datetime, until: datetime) -> Iterator[Canary]:
        """The canaries that were asked within the window; logs of others have none."""
        return self._own(Canary, Window(since, until)) if self.shape == "own" else iter(())

    def counts(self, since: datetime, until: datetime) -> Iterator[Counts]:
        """What recorders counted within the window; logs of others have none."""
        return self._own(Counts, Window(since, until)) if self.shape == "own" else iter(())

    def _own(self, kind: type[own.Line], window: Window) -> Iterator[own.Line]:
        ids, wanted = own.Ids(), own.KIND_OF[kind]
        for name in self._place.files(window):
            held = own.kind_of(name) or ("requests" if name == self._place.root else None)
            if held is None:
                self._problems.begin(self._place.shown(name)).add("other_file")
            if held == wanted:
                found = self._problems.begin(self._place.shown(name))
                read: Callable[[io.BufferedReader], Iterator[own.Line]] = partial(
                    own.read, shown=found.file, kind=kind, ids=ids, found=found
                )
                yield from (line for line in self._read(name, found, read) if window.since <= line.time < window.until)

    def _foreign(self, window: Window, begin: Callable[[str], Found]) -> Iterator[Request]:
        ids = own.Ids(foreign.SEEN_DAYS)
        for name in foreign.chosen(self.shape, self._place.files(window)):
            found = begin(self._place.shown(name))
            read = partial(foreign.requests, self.shape, ids=ids, found=found)
            for request in self._read(name, found, read):
                if window.since <= request.entry.time < window.until:
                    yield request

    def _foreign_feedback(self, window: Window) -> Iterator[Feedback]:
        """Feedback of the window, under the ids that `requests` gives; only where there is some are the requests read for it."""
        ids, said = own.Ids(foreign.SEEN_DAYS), list[Feedback]()
        for name in foreign.chosen(self.shape, self._place.files(window)):
            found = self._problems.unless_begun(self._place.shown(name))
            read = partial(foreign.feedback, self.shape, ids=ids, found=found)
            said += (one for one in self._read(name, found, read) if window.since <= one.time < window.until)
        if said:
            wider = Window(window.since - BEFORE, window.until)
            yield from foreign.by_request(said, self._foreign(wider, self._problems.unless_begun))

    def _read(self, name: str, found: Found, read: Callable[[io.BufferedReader], Iterator[T]]) -> Iterator[T]:
        """What is read out of a file, which is closed afterwards."""
        with ExitStack() as kept:
            file = self._opened(name, found, kept)
            if file is not None:
                yield from read(file)

    def _opened(self, name: str, found: Found, kept: ExitStack) -> io.BufferedReader | None:
        """A file unpacked, to be closed with `kept`; None where it cannot be read."""
        try:
            file = unpacked(kept.enter_context(self._place.open(name)))
            if not file.peek(1):
                found.add("empty_file")
        except FileNotFoundError:
            found.add("vanished_file")
        except DAMAGED as error:
            found.add(called(error))
        else:
            return file
        return None

    def _recognised(self) -> str:
        """The shape by the first files that tell one. Raises Fault where there are files, and none of them does."""
        names = list(islice(self._place.files(), LOOKED_AT))
        for name in names:
            found = Found(self._place.shown(name))
            shape = "own" if own.kind_of(name) else next(self._shapes(name, found), None)
            if shape:
                self.told_by = found.file
                return shape
        if names:
            known = ", ".join(SHAPES[1:])
            raise Fault(
                self._place.address, "is of no shape that is known", f"name the shape ({known}), or check the path"
            )
        return "own"

    def _shapes(self, name: str, found: Found) -> Iterator[str]:
        """The shape of a file, or nothing."""
        with ExitStack() as kept:
            file = self._opened(name, found, kept)
            if file is not None:
                line = file.peek(1) and own.is_line(file.peek(HEAD))
                shape = "own" if line else foreign.shape_of(file, found)
                if shape:
                    yield shape
