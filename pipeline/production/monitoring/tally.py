"""One pass over the requests of a window: what is kept of them is a sum for each slice, measure and group of users.

A slice is `all`, `revision:<commit>`, `label:<of the answer>`, `tag:<the client's>` or, on a sample, `language:<code>`. Groups are users,
by hash thrown into GROUPS of them, so that a million users take no more room than a thousand; a request without a user stands for
itself. No order of requests gives another sum.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import log
from typing import Any

import numpy as np

from pipeline.desk.reviewing.shown import masked
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry
from pipeline.production.monitoring.columns import GROUPS, OTHER, Arrays, Columns, Numbers, Reading
from pipeline.production.monitoring.measures import AMOUNTS, BITS, TIMES, Is
from pipeline.production.monitoring.said import Said
from pipeline.production.monitoring.sampling import Sample, hashed
from pipeline.scoring.exact import Floats

CHUNK = 50_000
STEPS = 48  # of the window, for plots
ALL = "all"
ERROR = 0.01  # of a percentile, at most: bins of a histogram grow by this (DDSketch; Masson et al., PVLDB 12, 2019)
GROWTH = log((1 + ERROR) / (1 - ERROR))
SHORTEST_S, LONGEST_S = 1e-4, 1e5
BINS = int(log(LONGEST_S / SHORTEST_S) / GROWTH) + 2
Chosen = np.ndarray[Any, np.dtype[np.bool_]]


class Slice:
    """Sums of a slice: a row a bit, an amount or the logarithm of a time, a column a group; and histograms of times."""

    def __init__(self) -> None:
        self.counts = np.zeros((len(BITS), GROUPS))
        self.amounts = np.zeros((len(AMOUNTS), 2, GROUPS))  # sum, and how many were known
        self.logs = np.zeros((len(TIMES), 2, GROUPS))
        self.squares = np.zeros(len(TIMES))
        self.bins = np.zeros((len(TIMES), BINS), dtype=np.int64)
        self.failed: dict[str, Floats] = {}

    def count(self, bit: Is) -> Floats:
        """How many are so, in each group."""
        counts: Floats = self.counts[BITS.index(bit)]
        return counts

    @property
    def requests(self) -> int:
        return int(self.count(Is.REQUEST).sum())

    @property
    def has_users(self) -> bool:
        """Whether anybody is known, so that requests may belong together."""
        return bool(self.count(Is.HAS_USER).any())

    def add(self, arrays: Arrays, chosen: Chosen, rules: Mapping[str, list[int]]) -> None:
        """Sum up the chosen ones of a chunk. `rules` are what answers failed, with their outcomes."""
        groups, bits, outcomes = arrays.groups[chosen], arrays.bits[chosen], arrays.outcomes[chosen]
        for row, bit in enumerate(BITS):
            self.counts[row] += np.bincount(groups[(bits & bit.value) != 0], minlength=GROUPS)
        for row, values in enumerate(arrays.amounts):
            _add_sums(self.amounts[row], groups, values[chosen])
        for row, values in enumerate(arrays.times):
            logs = _logs(values[chosen])
            _add_sums(self.logs[row], groups, logs)
            self.squares[row] += float(np.nansum(logs**2))
            self.bins[row] += np.bincount(_bins(logs[~np.isnan(logs)]), minlength=BINS)
        for rule, of in rules.items():
            if len(hit := groups[np.isin(outcomes, of)]):
                self.failed[rule] = self.failed.get(rule, np.zeros(GROUPS)) + np.bincount(hit, minlength=GROUPS)


class Tally:
    """Requests of a window, summed up.

    Of a kind `most` have a slice of their own, those that come first; the rest are together in one, since a client can name what it likes.
    """

    def __init__(self, since: datetime, until: datetime, judge: Judge, escalation: str, most: int) -> None:
        self.slices: dict[str, Slice] = {ALL: Slice()}
        self.models: set[tuple[str, str]] = set()
        self.steps = np.zeros((len(BITS), STEPS), dtype=np.int64)
        self.step_bins = np.zeros((STEPS, BINS), dtype=np.int64)
        self._since, self._step_s = since, max((until - since).total_seconds() / STEPS, 1e-6)
        self._reading = Reading(judge, escalation, self._slice_of)
        self._most, self._named = most, dict[str, dict[str, str]]()

    def take(self, entries: Iterable[Entry], said: Said, each: Sample, of_users: Sample) -> None:
        """Sum up requests. The samples see them pass: `each` takes requests, `of_users` one of each user."""
        columns = Columns(self._reading, self._since)
        for entry in entries:
            key = columns.add(entry, said.bits_of(entry.id))
            own = hashed(entry.id) if entry.user else key
            if key < of_users.limit:
                of_users.offer(entry.user or entry.id, key, own, entry)
            if own < each.limit:
                each.offer(entry.id, own, own, entry)
            if len(columns) == CHUNK:
                self._sum(columns)
                columns = Columns(self._reading, self._since)
        self._sum(columns)

    def take_slice(self, name: str, entries: list[Entry], said: Said) -> None:
        """Sum up requests as one slice by that name, and nothing else."""
        columns = Columns(self._reading, self._since)
        for entry in entries:
            columns.add(entry, said.bits_of(entry.id))
        everyone = np.ones(len(entries), dtype=bool)
        self.slices.setdefault(name, Slice()).add(columns.arrays(), everyone, columns.outcomes_of_rules())

    def _sum(self, columns: Columns) -> None:
        arrays, rules = columns.arrays(), columns.outcomes_of_rules()
        self.slices[ALL].add(arrays, np.ones(len(columns), dtype=bool), rules)
        for name, cells in columns.cells_of_slices().items():
            chosen = np.isin(arrays.cells, cells)
            self.slices.setdefault(name, Slice()).add(arrays, chosen, rules)
        self.models |= columns.models()
        self._add_steps(arrays)

    def _add_steps(self, arrays: Arrays) -> None:
        steps = np.clip(arrays.seconds // self._step_s, 0, STEPS - 1).astype(np.int64)
        for row, bit in enumerate(BITS):
            self.steps[row] += np.bincount(steps[(arrays.bits & bit.value) != 0], minlength=STEPS)
        logs = _logs(arrays.times[list(TIMES).index("total")])
        known = ~np.isnan(logs)
        np.add.at(self.step_bins, (steps[known], _bins(logs[known])), 1)

    def _slice_of(self, kind: str, name: str) -> str:
        """The slice of a name, in which a client can have written an address or a number of somebody: these are masked."""
        named = self._named.setdefault(kind, {})
        if name not in named and len(named) >= self._most:
            return f"{kind}:{OTHER}"
        if name not in named:
            named[name] = f"{kind}:{masked(name)}"
        return named[name]


def value_at(bins: Numbers, share: float) -> float:
    """The value of a histogram below which a share of its observations lies, within ERROR of it. Raises ValueError for an empty one."""
    total = int(bins.sum())
    if not total:
        raise ValueError("there is no observation")
    rank = min(total, max(1, int(np.ceil(share * total - 1e-9))))
    at = int(np.searchsorted(np.cumsum(bins), rank))
    return float(SHORTEST_S * np.exp(GROWTH * at) * (1 - ERROR))


def _logs(seconds: Floats) -> Floats:
    """Logarithms of times, none of them below SHORTEST_S or above LONGEST_S; of what is not known, nothing."""
    return np.asarray(np.log(np.clip(seconds, SHORTEST_S, LONGEST_S)), dtype=np.float64)


def _bins(logs: Floats) -> Numbers:
    """The bin of each: bin k holds what lies above the k - 1st and up to the k-th power of the growth."""
    return np.asarray(np.ceil((logs - log(SHORTEST_S)) / GROWTH - 1e-9), dtype=np.int64)


def _add_sums(into: Floats, groups: Numbers, values: Floats) -> None:
    """Sums of what is known, and how many were, by group."""
    known = ~np.isnan(values)
    into[0] += np.bincount(groups[known], weights=values[known], minlength=GROUPS)
    into[1] += np.bincount(groups[known], minlength=GROUPS)
