"""Which records came, went and changed between two sides, by content.

A record that went and one that came are an edit where the one names the other as what it was made of, where they ask nearly
the same, or where they stand in the same place: between the same neighbours of a file, with as many that went as came.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.data.likeness.near import Texts, near_pairs
from pipeline.pull_request.intake import Ids
from pipeline.pull_request.side import DataSide, Row


@dataclass
class Changes:
    """Ids; `edited` holds what a record was and what it is."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    edited: list[Ids] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    kept: frozenset[str] = frozenset()


def changes(before: DataSide, after: DataSide, similarity: float) -> Changes:
    """Compare two sides. Moved is what changed its side, but for what joined the test set out of the slice `new`."""
    removed = [row for identity, row in before.rows.items() if identity not in after.rows]
    added = [row for identity, row in after.rows.items() if identity not in before.rows]
    edits = _Edits(removed, added)
    edits.pair(_by_parent(added, after))
    edits.pair(_by_question(removed, added, before, after, similarity))
    edits.pair(_by_place(edits, before, after))
    both = [identity for identity in after.rows if identity in before.rows]
    moved, joined = _moved(both, before, after)
    return Changes(
        added=[row.id for row in added if row.id not in edits.old_of],
        removed=[row.id for row in removed if row.id not in edits.new_of],
        edited=[(edits.old_of[row.id], row.id) for row in added if row.id in edits.old_of],
        moved=moved,
        joined=joined,
        kept=frozenset(both),
    )


def _moved(both: list[str], before: DataSide, after: DataSide) -> tuple[list[str], list[str]]:
    """Before the first draw there are no sides yet to move from."""
    if not before.test_ids:
        return [], []
    sides = [(identity, before.rows[identity].side, after.rows[identity].side) for identity in both]
    differing = [(identity, (old, new)) for identity, old, new in sides if old and new and old != new]
    joined = [identity for identity, step in differing if step == ("new", "test")]
    return [identity for identity, step in differing if step != ("new", "test")], joined


class _Edits:
    """Pairs of what went and what came; each of them is in one pair at most."""

    def __init__(self, removed: list[Row], added: list[Row]) -> None:
        self.removed, self.added = {row.id: row for row in removed}, {row.id: row for row in added}
        self.new_of: dict[str, str] = {}
        self.old_of: dict[str, str] = {}

    def pair(self, pairs: Iterator[Ids]) -> None:
        """Take the pairs whose two are still free; what a model made up is no edit of what a person wrote."""
        for old, new in pairs:
            is_free = old in self.removed and old not in self.new_of and new not in self.old_of
            if is_free and self._is_synthetic(old) == self._is_synthetic(new):
                self.new_of[old], self.old_of[new] = new, old

    def _is_synthetic(self, identity: str) -> bool:
        return (self.removed.get(identity) or self.added[identity]).origin == "synthetic"


def _by_parent(added: list[Row], after: DataSide) -> Iterator[Ids]:
    """What names the record that it was made of, as an edit by a reviewer does."""
    return ((parent, row.id) for row in added for parent in after.record(row.id).parents)


def _by_question(
    removed: list[Row], added: list[Row], before: DataSide, after: DataSide, similarity: float
) -> Iterator[Ids]:
    """What asks nearly the same, the nearest first, then the same file and the nearest line."""
    if not removed or not added:
        return iter(())
    texts = Texts()
    for row in removed:
        texts.add(before.record(row.id).question)
    for row in added:
        texts.add(after.record(row.id).question)
    edge = len(removed)
    found = [pair for pair in near_pairs(texts, similarity, texts.template()) if pair.first < edge <= pair.second]

    def order(pair: tuple[Row, Row, float]) -> tuple[float, bool, int, str, str]:
        old, new, near = pair
        return -near, old.file != new.file, abs(old.line - new.line), old.id, new.id

    rows = [(removed[pair.first], added[pair.second - edge], pair.similarity) for pair in found]
    return ((old.id, new.id) for old, new, _ in sorted(rows, key=order))


def _by_place(edits: _Edits, before: DataSide, after: DataSide) -> Iterator[Ids]:
    """What stands between the same neighbours, where as many went as came."""
    gone = _gaps(before, [row for row in edits.removed.values() if row.id not in edits.new_of], after)
    come = _gaps(after, [row for row in edits.added.values() if row.id not in edits.old_of], before)
    for gap, old in gone.items():
        new = come.get(gap, [])
        if len(old) == len(new):
            yield from zip(old, new, strict=True)


def _gaps(side: DataSide, free: list[Row], other: DataSide) -> dict[Ids, list[str]]:
    """The free rows by file and by the last row above them that stands on the other side too."""
    gaps: dict[Ids, list[str]] = defaultdict(list)
    last: dict[str, str] = {}
    files, ids = {row.file for row in free}, {row.id for row in free}
    concerned = [row for row in side.rows.values() if row.file in files]
    for row in sorted(concerned, key=lambda row: (row.file, row.line)):
        if row.id in ids:
            gaps[row.file, last.get(row.file, "")].append(row.id)
        elif row.id in other.rows:
            last[row.file] = row.id
    return gaps
