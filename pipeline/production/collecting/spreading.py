"""Which candidates are proposed: a turn a slice, so that the loudest do not crowd out the rest, and never more rows than the caps allow.

Caps are rows and no shares: a few hundred poisoned rows do their harm whatever the share of the traffic that they are. Candidates of
earlier runs count too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.data.candidates import Candidate
from pipeline.production.collecting.params import Caps

USER, SOURCE, INCIDENT, WAITING = "user", "source", "incident", "waiting"
Slice = Callable[[Candidate], Hashable]
Rank = Callable[[Candidate], tuple[int, ...]]


@dataclass
class Spread:
    """The candidates that are proposed, in their order; `capped` counts the others by cap and by whom or what it holds."""

    proposed: list[Candidate] = field(default_factory=list)
    capped: Counter[tuple[str, str]] = field(default_factory=Counter)


class Room:
    """What the caps leave. `earlier` are candidates of before, of which those of the last days count; so many `wait`."""

    def __init__(self, caps: Caps, earlier: Iterable[Candidate], until: datetime, waiting: int) -> None:
        since = until - timedelta(days=caps.days)
        self._most = {USER: caps.user, SOURCE: caps.source, INCIDENT: caps.incident, WAITING: caps.waiting}
        self._taken: Counter[tuple[str, str]] = Counter({(WAITING, ""): waiting})
        for one in earlier:
            if one.moment >= since:
                self._taken.update(name for name in names_of(one) if name[0] != WAITING)

    def full(self, candidate: Candidate) -> tuple[str, str] | None:
        """The first cap that has no room for a candidate."""
        return next((name for name in names_of(candidate) if self._taken[name] >= self._most[name[0]]), None)

    def take(self, candidate: Candidate) -> None:
        """Use up a row of each cap."""
        self._taken.update(names_of(candidate))


def names_of(candidate: Candidate) -> list[tuple[str, str]]:
    """The caps that a candidate comes under. All users whom nobody knows are one."""
    incident = [(INCIDENT, candidate.incident)] if candidate.incident else []
    return [(USER, candidate.user), (SOURCE, candidate.source), *incident, (WAITING, "")]


def spread(candidates: Iterable[Candidate], room: Room, slice_of: Slice, rank: Rank) -> Spread:
    """Take candidates slice by slice in turn: within a slice a user's first before anybody's second, then the worst, then the first."""
    slices: dict[Hashable, list[Candidate]] = defaultdict(list)
    for one in sorted(candidates, key=lambda one: (rank(one), one.moment, one.request)):
        slices[slice_of(one)].append(one)
    turns: list[tuple[tuple[object, ...], Candidate]] = []
    for name, members in slices.items():
        nth: Counter[str] = Counter()
        queue = []
        for one in members:
            queue.append(((rank(one), nth[one.user], one.moment, one.request), one))
            nth[one.user] += 1
        turns += [
            ((at, rank(one), str(name)), one) for at, (_, one) in enumerate(sorted(queue, key=lambda two: two[0]))
        ]
    found = Spread()
    for _, one in sorted(turns, key=lambda turn: turn[0]):
        if (full := room.full(one)) is not None:
            found.capped[full] += 1
            continue
        room.take(one)
        found.proposed.append(one)
    return found
