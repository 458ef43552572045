"""Which side of the split a record is on, so that no record ever changes side.

The test set is a frozen list of ids. A row that was not there when the list was drawn takes its side by hash of its group
and the salt; what falls on the held-out side waits there (the slice `new`) until the test set is drawn again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.data.records import Record
from pipeline.stage import Fault, Params

Side = Literal["train", "validation", "test", "new"]
KEPT = "train-group "


class SplitParams(Params):
    """Section `split`. Shares are of the groups; `test_share` holds at the draw and for later rows."""

    section: ClassVar[str] = "split"
    salt: str
    test_share: Annotated[float, Field(gt=0, lt=0.5)]
    validation_share: Annotated[float, Field(ge=0, lt=0.5)]


@dataclass(frozen=True)
class TestSet:
    """The frozen ids, and the groups that were there at the draw and stay on the train side whatever their hash says."""

    __test__ = False  # no pytest class
    ids: frozenset[str]
    kept_groups: frozenset[str]

    @classmethod
    def load(cls, path: Path) -> "TestSet":
        """Read `test_set.txt`: an id a line, `#` for remarks."""
        if not path.exists():
            raise Fault(path, "no such file", "restore it from git, or run make run to draw a test set")
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
        except UnicodeDecodeError:
            raise Fault(path, "is not UTF-8 text", "restore it from git") from None
        entries = [line for line in lines if line and not line.startswith("#")]
        kept = frozenset(line.removeprefix(KEPT) for line in entries if line.startswith(KEPT))
        return cls(frozenset(line for line in entries if not line.startswith(KEPT)), kept)


def unit_hash(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    text = "\x1f".join(parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def sides(records: Iterable[Record], test_set: TestSet, params: SplitParams) -> dict[str, Side]:
    """Side of each record by id. A group with a member in the test set is held out as a whole."""
    records = list(records)
    test_groups = {record.group for record in records if record.id in test_set.ids}
    return {record.id: _side(record, test_set, test_groups, params) for record in records}


def _side(record: Record, test_set: TestSet, test_groups: set[str], params: SplitParams) -> Side:
    if record.id in test_set.ids:
        return "test"
    held_out = record.group in test_groups or (
        record.group not in test_set.kept_groups and unit_hash(params.salt, record.group) < params.test_share
    )
    if held_out:
        return "new"
    return "validation" if unit_hash(params.salt, "validation", record.group) < params.validation_share else "train"


def draw_test_set(records: Iterable[Record], stratum: Callable[[Record], str], params: SplitParams) -> TestSet:
    """Draw the test set: in each stratum the groups of lowest hash, until the share of its records is reached.

    Only records whose question a person or production wrote, and whose answer a person wrote or corrected, can be drawn.
    """
    records = list(records)
    by_group: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_group[record.group].append(record)
    strata: dict[str, list[str]] = defaultdict(list)
    for group, members in by_group.items():
        strata[stratum(min(members, key=lambda record: record.id))].append(group)
    chosen: set[str] = set()
    for name in sorted(strata):
        groups = sorted(strata[name], key=lambda group: (unit_hash(params.salt, group), group))
        wanted = params.test_share * sum(len(by_group[group]) for group in groups)
        taken = 0
        for group in groups:
            if taken + len(by_group[group]) / 2 > wanted:
                break
            if all(_may_test(record) for record in by_group[group]):
                chosen.add(group)
                taken += len(by_group[group])
    kept = {group for group in by_group if group not in chosen and unit_hash(params.salt, group) < params.test_share}
    return TestSet(frozenset(record.id for record in records if record.group in chosen), frozenset(kept))


def _may_test(record: Record) -> bool:
    return record.origin in ("human", "production") and record.answered_by in ("human", "corrected")
