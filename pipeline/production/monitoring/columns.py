"""Requests as columns: what a chunk of them is, in numbers that numpy sums up at once.

What many requests share is worked out once in a chunk: the slices that they belong to (`cells`), and what their end means (`outcomes`).
"""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import nan
from typing import Any

import msgspec
import numpy as np

from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry
from pipeline.production.monitoring.measures import AMOUNTS, TIMES, UNANSWERED, Is, outcome_of
from pipeline.production.monitoring.sampling import hashed
from pipeline.scoring.exact import Floats

GROUPS = 2048
WIDTH = 5 + len(AMOUNTS) + len(TIMES)
LABEL, REVISION, TAG = "label", "revision", "tag"
UNKNOWN, OTHER = "(unknown)", "(other)"
# Plain numbers: a member of an enumeration takes as long as a hash, and these are asked for at every request
HAS_USER, NO_TIMES = Is.HAS_USER.value, UNANSWERED.value
ASKED, ASKS = Is.LABELLED.value, (Is.LABELLED | Is.ASKS_ESCALATION).value
Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Arrays:
    """A chunk: one value a request. `amounts` and `times` in the order of AMOUNTS and TIMES, what is not known is no number."""

    cells: Numbers
    outcomes: Numbers
    bits: Numbers
    groups: Numbers
    seconds: Floats
    amounts: tuple[Floats, ...]
    times: tuple[Floats, ...]


@dataclass(frozen=True)
class Reading:
    """How requests are read: who judges, the answer's field that says to escalate, and the slice that a value of a kind belongs to."""

    judge: Judge
    escalation: str
    slice_of: Callable[[str, str], str]

    @cached_property
    def labels(self) -> frozenset[str]:
        """Labels that the schema knows; what a model makes up instead is of one slice."""
        contract = self.judge.contract
        return (
            frozenset(str(one) for one in contract.fields[contract.label_field]["enum"])
            if contract.label_field
            else frozenset()
        )

    @cached_property
    def _decode(self) -> Callable[[str], Any]:
        """Takes label and field out of an answer that is an object, and nothing else: half of what it takes to parse the whole."""
        named = {"label": self.judge.contract.label_field or "", "asks": self.escalation}
        fields = [(name, Any, None) for name, of in named.items() if of]
        kind = msgspec.defstruct("Answer", fields, rename={name: of for name, of in named.items() if of})
        return msgspec.json.Decoder(kind).decode

    def label(self, answer: str | None) -> tuple[str | None, int]:
        """The label of an answer, and the bits of whether it asks for a person."""
        contract = self.judge.contract
        if answer is None or (contract.label_field is None and not self.escalation):
            return None, 0
        if not contract.schema.get("properties"):
            return self._known(contract.label(answer)), 0
        try:
            found = self._decode(answer)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return self._slowly(contract.parse(answer))
        label, asks = getattr(found, "label", None), getattr(found, "asks", None)
        bits = (ASKS if asks else ASKED) if isinstance(asks, bool) else 0
        return self._known(None if label is None else str(label)), bits

    def _slowly(self, value: Any) -> tuple[str | None, int]:
        """The same of what only the standard library reads as JSON."""
        if not isinstance(value, dict):
            return None, 0
        label, asks = value.get(self.judge.contract.label_field), value.get(self.escalation)
        bits = (ASKS if asks else ASKED) if isinstance(asks, bool) else 0
        return self._known(None if label is None else str(label)), bits

    def _known(self, label: str | None) -> str | None:
        return label if label is None or label in self.labels else OTHER


class Columns:
    """A chunk that is being filled."""

    def __init__(self, reading: Reading, since: datetime) -> None:
        self._reading, self._since = reading, since
        self._cells: dict[tuple[str, str, str | None, tuple[str, ...]], int] = {}
        self._outcomes: dict[tuple[str, int, bool, tuple[str, ...]], int] = {}
        self._bits_of: list[int] = []
        self._rows = array("d")  # whole numbers below 2**53 stay what they are

    def __len__(self) -> int:
        return len(self._rows) // WIDTH

    def add(self, entry: Entry, said: int) -> int:
        """Take a request in, with the bits of what was said of it. Returns the hash of its user, or of itself where nobody is known."""
        judged, failed = entry.valid is not None, entry.failed
        if not judged and entry.status < 400:
            verdict, failed = self._reading.judge.verdict(entry.answer, entry.finish)
            judged = verdict is not None
        end = (entry.finish, entry.status, judged, failed)
        outcome = self._outcomes.get(end)
        if outcome is None:
            outcome = self._outcomes[end] = len(self._bits_of)
            self._bits_of.append(outcome_of(entry, judged, failed).value)
        label, more = self._reading.label(entry.answer)
        of = (entry.revision or entry.model, entry.model, label, entry.tags)
        cell = self._cells.get(of)
        if cell is None:
            cell = self._cells[of] = len(self._cells)
        key = hashed(entry.user or entry.id)
        bits = self._bits_of[outcome] | more | said | (HAS_USER if entry.user else 0)
        tokens_in, tokens_out, cost = entry.tokens_in, entry.tokens_out, entry.cost
        first, total = (None, None) if bits & NO_TIMES else (entry.first_token_s, entry.total_s)
        self._rows.extend(
            (
                cell,
                outcome,
                bits,
                key & (GROUPS - 1),
                (entry.time - self._since).total_seconds(),
                nan if tokens_in is None else tokens_in,
                nan if tokens_out is None else tokens_out,
                nan if cost is None else cost,
                nan if first is None else first,
                nan if total is None else total,
            )
        )
        return key

    def cells_of_slices(self) -> Mapping[str, list[int]]:
        """The slices of this chunk, `all` aside, each with its cells."""
        found: dict[str, list[int]] = {}
        named = self._reading.slice_of
        for (revision, _, label, tags), cell in self._cells.items():
            names = {named(REVISION, revision or UNKNOWN), *(named(TAG, tag) for tag in tags)}
            for name in names | ({named(LABEL, label)} if label is not None else set()):
                found.setdefault(name, []).append(cell)
        return found

    def models(self) -> set[tuple[str, str]]:
        """The revisions of this chunk, each with the digest or name of its model."""
        return {(revision or UNKNOWN, model) for revision, model, _, _ in self._cells}

    def outcomes_of_rules(self) -> Mapping[str, list[int]]:
        """What answers failed by name, with the outcomes that have it."""
        found: dict[str, list[int]] = {}
        for (_, _, _, failed), outcome in self._outcomes.items():
            for name in failed:
                found.setdefault(name, []).append(outcome)
        return found

    def arrays(self) -> Arrays:
        """The columns. What a foreign log has below zero is not known."""
        rows = np.frombuffer(self._rows, dtype=np.float64).reshape(-1, WIDTH).T
        cells, outcomes, bits, groups = (rows[at].astype(np.int64) for at in range(4))
        values = np.where(rows[5:] >= 0, rows[5:], nan)
        return Arrays(
            cells, outcomes, bits, groups, rows[4].copy(), tuple(values[: len(AMOUNTS)]), tuple(values[len(AMOUNTS) :])
        )
