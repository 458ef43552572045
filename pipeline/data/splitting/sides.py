"""Which side of the split a record is on, so that no record ever changes side.

The test set is a frozen list of ids. A row that was not there when the list was drawn takes its side by hash of its group
and the salt; what falls on the held-out side waits there (the slice `new`) until the test set is drawn again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from pipeline.data.likeness.shingles import words
from pipeline.data.records import Record
from pipeline.data.splitting.test_set import TestSet
from pipeline.stage import Params

Side = Literal["train", "validation", "test", "new"]


class SplitParams(Params):
    """Section `split`. Shares are of the groups; `test_share` holds at the draw and for later rows."""

    section: ClassVar[str] = "split"
    salt: str
    test_share: Annotated[float, Field(gt=0, lt=0.5)]
    validation_share: Annotated[float, Field(ge=0, lt=0.5)]


def unit_hash(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    text = "\x1f".join(parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


class Keyed(Protocol):
    """What a side depends on."""

    @property
    def id(self) -> str: ...

    @property
    def group(self) -> str: ...


class Sides:
    """The side of each record. A group with a member in the test set is held out as a whole, also what an edit made of it."""

    def __init__(self, records: Iterable[Keyed], test_set: TestSet, params: SplitParams) -> None:
        self._test_set, self._params = test_set, params
        members = {record.group for record in records if record.id in test_set.ids}
        self._test_groups = members | test_set.held_groups | test_set.ids

    def of(self, record: Keyed) -> Side:
        """The side of a record, by its id and group alone."""
        if record.id in self._test_set.ids:
            return "test"
        group, params = record.group, self._params
        is_drawn = group not in self._test_set.kept_groups and unit_hash(params.salt, group) < params.test_share
        if is_drawn or group in self._test_groups:
            return "new"
        return "validation" if unit_hash(params.salt, "validation", group) < params.validation_share else "train"


def sides(records: Iterable[Keyed], test_set: TestSet, params: SplitParams) -> dict[str, Side]:
    """Side of each record by id."""
    records = list(records)
    side = Sides(records, test_set, params)
    return {record.id: side.of(record) for record in records}


def draw_test_set(records: Iterable[Record], stratum: Callable[[Record], str], params: SplitParams) -> TestSet:
    """Draw the test set: in each stratum the groups of lowest hash, until the share of its records is reached.

    What a stratum leaves over goes to the next one, so that many small ones give their share together. Groups that are larger
    than the share, and so can never be drawn, count for nothing.

    Only records whose question a person or production wrote, and whose answer a person wrote or corrected, can be drawn.
    Groups that ask the same are drawn together, since what asks the same cannot be learnt beside the test set.
    """
    records = list(records)
    by_group: dict[str, list[Record]] = defaultdict(list)
    together = _together(records)
    for record in records:
        by_group[together[record.group]].append(record)
    strata: dict[str, list[str]] = defaultdict(list)
    for group, members in by_group.items():
        strata[stratum(min(members, key=lambda record: record.id))].append(group)
    chosen: set[str] = set()
    left = 0.0
    largest = 2 * params.test_share * len(records)
    for name in sorted(strata):
        groups = sorted(strata[name], key=lambda group: (unit_hash(params.salt, group), group))
        left += params.test_share * sum(len(by_group[group]) for group in groups if len(by_group[group]) <= largest)
        for group in groups:
            is_fitting = len(by_group[group]) / 2 <= left
            if is_fitting and all(may_test(record) for record in by_group[group]):
                chosen.add(group)
                left -= len(by_group[group])
    drawn = {group for group, first in together.items() if first in chosen}
    kept = {group for group in together if group not in drawn and unit_hash(params.salt, group) < params.test_share}
    ids = frozenset(record.id for record in records if record.group in drawn)
    return TestSet(ids, frozenset(kept), frozenset(drawn - ids))


def _together(records: Iterable[Record]) -> dict[str, str]:
    """Each group with the first of those that ask the same as it, or as one of these."""
    first: dict[str, str] = {}
    asked: dict[str, str] = {}

    def home(group: str) -> str:
        while first.setdefault(group, group) != group:
            first[group] = group = first[first[group]]
        return group

    for record in records:
        question = " ".join(words(record.question)) or record.question.strip()
        one, other = home(record.group), home(asked.setdefault(question, record.group))
        first[max(one, other)] = min(one, other)
    return {group: home(group) for group in list(first)}


def may_test(record: Record) -> bool:
    """Whether a person or production asked it, and a person answered or corrected the answer."""
    return record.origin in ("human", "production") and record.answered_by in ("human", "corrected")
