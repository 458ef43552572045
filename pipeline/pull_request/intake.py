"""What comes in on one side of a comparison: the rows of its sources, with duplicates, rejects and findings told by content.

A line number moves when a row is put in above it, so nothing here is known by its place.
"""

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.likeness.duplicates import Near
from pipeline.data.likeness.spool import Spool
from pipeline.data.likeness.template import Template
from pipeline.data.reading.readers import Reject
from pipeline.data.records import Record
from pipeline.desk.inputs import FEEDBACK, SOURCES
from pipeline.ingest import IngestParams, ingest, rows_of

Ids = tuple[str, str]


@dataclass
class Taken:
    """`gone`: numbers of the rows that say what another one says; `dropped`: those among them that say nearly the same.

    `clusters`: ids of rows that ask nearly the same and do not contradict each other; `pairs`: those of which both stay.
    """

    gone: set[int] = field(default_factory=set)
    dropped: list[int] = field(default_factory=list)
    clusters: list[frozenset[str]] = field(default_factory=list)
    pairs: list[Ids] = field(default_factory=list)
    contradictions: set[Ids] = field(default_factory=set)
    personal: Counter[tuple[int, str]] = field(default_factory=Counter)  # a row's content and a rule: how often
    personal_places: dict[tuple[int, str], str] = field(default_factory=dict)
    template: Template = field(default_factory=Template)
    duplicates: int = 0
    rejects: Counter[tuple[str, str]] = field(default_factory=Counter)  # a file and a reason: how often
    reject_places: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


class _Contents:
    """The content of each row by file and line, before anything in it is masked: 16 bytes a row."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[array[int], array[int]]] = defaultdict(lambda: (array("Q"), array("Q")))

    def noted(self, rows: Iterable[Record | Reject]) -> Iterator[Record | Reject]:
        """The rows as they come, remembered."""
        for row in rows:
            if isinstance(row, Record):
                file, _, line = row.source.rpartition(":")
                lines, ids = self._files[file]
                lines.append(int(line))
                ids.append(int(row.id, 16))
            yield row

    def at(self, place: str) -> int:
        """The content at a place."""
        file, _, line = place.rpartition(":")
        lines, ids = self._files[file]
        return ids[bisect_left(lines, int(line))]


def take_in(root: Path, params: IngestParams, contract: Contract, rank: Callable[[Record], int], spool: Spool) -> Taken:
    """Read the sources and the feedback below `root` into the spool. Too many rejects are shown, and stop nothing."""
    contents, taken = _Contents(), Taken()
    rows = contents.noted(rows_of(root / SOURCES, root / FEEDBACK, contract, {}))
    intake, near, taken.gone = ingest(rows, params, contract, rank, spool)
    taken.duplicates = len(intake.duplicates)
    for entry in intake.personal:
        key = (contents.at(entry["source"]), entry["rule"])
        taken.personal[key] += entry["count"]
        taken.personal_places.setdefault(key, relative(entry["source"], root))
    for reject in intake.rejects:
        file, _, _ = relative(reject.place, root).rpartition(":")
        reason = reject.reason.replace(f"{root}/", "")
        taken.rejects[file, reason] += 1
        taken.reject_places[file, reason].append(relative(reject.place, root))
    _pair(taken, near, spool)
    taken.template = near.template
    return taken


def relative(place: str, root: Path) -> str:
    """A place as it is called in the project."""
    return place.removeprefix(f"{root}/")


def _pair(taken: Taken, near: Near, spool: Spool) -> None:
    """Sort the pairs that ask nearly the same."""
    taken.dropped = sorted(near.gone)
    linked: list[Ids] = []
    for pair, relation in near.pairs:
        first, second = spool.record(pair.first).id, spool.record(pair.second).id
        is_whole = not {pair.first, pair.second} & near.gone.keys()
        if relation != "other":
            linked.append((first, second))
            if is_whole:
                taken.pairs.append((first, second))
        elif is_whole:
            taken.contradictions.add((min(first, second), max(first, second)))
    taken.clusters = clusters(linked)


def clusters(pairs: Iterable[Ids]) -> list[frozenset[str]]:
    """What hangs together by pairs, each cluster once, in the order of their first pair."""
    home: dict[str, set[str]] = {}
    for first, second in pairs:
        one, other = home.setdefault(first, {first}), home.setdefault(second, {second})
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            home.update(dict.fromkeys(small, large))
    return [frozenset(found) for found in {id(found): found for found in home.values()}.values()]
