"""The comparison as numbers and examples: what is written as JSON, and what the Markdown is made of.

A part without anything in it is left out. Names out of the data are masked and safe to show; places, kinds and counts are ours.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.checking.language import Guess
from pipeline.data.reading.sources import Source
from pipeline.desk.reviewing.shown import LONGEST_NAME, masked, shown
from pipeline.pull_request.changes import Changes
from pipeline.pull_request.examples import (
    SHOWN,
    cluster_example,
    contradiction_example,
    edit_example,
    few,
    leak_example,
    record_example,
)
from pipeline.pull_request.side import DataSide

BANDS = (100, 300, 1000, 3000)  # upper ends, in characters of question and answer
RIGHTS = ("licence", "rights", "origin", "answered_by")
Part = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Two sides and what changed between them; contract, languages and policy on personal data are those of the later one."""

    before: DataSide
    after: DataSide
    changes: Changes
    contract: Contract
    guess: Guess
    policy: dict[str, str]

    def facets(self, side: DataSide, ids: Iterable[str]) -> dict[str, dict[str, int]]:
        """How many of the records there are of each source, origin, label, length, language and state."""
        counts: dict[str, Counter[str]] = {}
        for identity in ids:
            row, record = side.rows[identity], side.record(identity)
            values = {
                "source": row.file,
                "origin": row.origin,
                "label": self.contract.label(record.answer) or "",
                "length": band(len(record.question) + len(record.answer)),
                "language": self.guess(record.question),
                "state": row.state,
            }
            for facet, value in values.items():
                counts.setdefault(facet, Counter())[named(value)] += 1
        return {facet: dict(sorted(count.items())) for facet, count in counts.items()}


def report_of(found: Comparison) -> Part:
    """All parts that say anything."""
    parts = {
        "rows": _rows(found),
        "states": _states(found),
        "moved": _moved(found),
        "test_set": _test_set(found),
        "clusters": _clusters(found),
        "leaks": _leaks(found),
        "contradictions": _contradictions(found),
        "duplicates": _duplicates(found),
        "personal_data": _personal(found),
        "rejects": _rejects(found),
        "reviews": _reviews(found),
        "sources": _sources(found),
    }
    return {key: part for key, part in parts.items() if part}


def named(text: str) -> str:
    """A short text out of the data as the name of a count."""
    return shown(masked(text), LONGEST_NAME)


def band(length: int) -> str:
    """The length band of a record, in words."""
    lower = 0
    for upper in BANDS:
        if length <= upper:
            return f"{lower} to {upper}"
        lower = upper + 1
    return f"over {BANDS[-1]}"


def _rows(found: Comparison) -> Part:
    before, after, changes = found.before, found.after, found.changes
    new_of = {new: old for old, new in changes.edited}
    parts = {
        "added": (after, changes.added, [record_example(after, one) for one in few(changes.added)]),
        "removed": (before, changes.removed, [record_example(before, one) for one in few(changes.removed)]),
        "edited": (after, list(new_of), [edit_example(before, after, (new_of[one], one)) for one in few(new_of)]),
    }
    return {
        kind: {"count": len(ids), "by": found.facets(side, ids), "examples": examples}
        for kind, (side, ids, examples) in parts.items()
        if ids
    }


def _states(found: Comparison) -> Part:
    """Where the records are, before and after: a side, or why they are on none."""
    counts = [Counter(row.state for row in side.rows.values()) for side in (found.before, found.after)]
    states = sorted(counts[0].keys() | counts[1].keys())
    return {state: [count[state] for count in counts] for state in states} if counts[0] != counts[1] else {}


def _moved(found: Comparison) -> Part:
    ids, before, after = found.changes.moved, found.before.rows, found.after.rows
    steps = Counter(f"{before[one].side} to {after[one].side}" for one in ids)
    examples = [
        {**record_example(found.after, one), "from": before[one].side, "to": after[one].side} for one in few(ids)
    ]
    return {"count": len(ids), "steps": dict(sorted(steps.items())), "examples": examples} if ids else {}


def _test_set(found: Comparison) -> Part:
    before, after = found.before, found.after
    lost = [{one for one in side.test_ids if one not in side.rows} for side in (before, after)]
    counts = {
        "drawn_first": len(after.test_ids) if not before.test_ids else 0,
        "added": len(after.test_ids - before.test_ids) if before.test_ids else 0,
        "joined_from_new": len(found.changes.joined),
        "gone": len(before.test_ids - after.test_ids),
        "without_a_record": len(lost[1] - lost[0]),
    }
    return {key: count for key, count in counts.items() if count}


def _clusters(found: Comparison) -> Part:
    """Clusters that are new or have a new member."""
    home = {one: number for number, cluster in enumerate(found.before.taken.clusters) for one in cluster}
    new = []
    for cluster in found.after.taken.clusters:
        homes = {home.get(one) for one in cluster}
        if len(homes) > 1 or None in homes:
            new.append(cluster)
    new.sort(key=lambda cluster: (-len(cluster), min(cluster)))
    return _counted(len(new), [cluster_example(found.after, cluster) for cluster in new[:SHOWN]])


def _leaks(found: Comparison) -> Part:
    new = [one for one in found.after.leaks if one not in found.before.leaks]
    ended = [one for one in found.before.leaks if one not in found.after.leaks]
    if not new and not ended:
        return {}
    left = Counter(found.after.rows[one].side for one in new)
    how = Counter(found.after.leaks[one].how for one in new)
    return {
        "count": len(new),
        "ended": len(ended),
        "left": dict(sorted(left.items())),
        "how": dict(sorted(how.items())),
        "examples": [leak_example(found.after, one) for one in few(new)],
    }


def _contradictions(found: Comparison) -> Part:
    new = sorted(found.after.taken.contradictions - found.before.taken.contradictions)
    return _counted(len(new), [contradiction_example(found.after, pair) for pair in new[:SHOWN]])


def _counted(count: int, examples: list[Part]) -> Part:
    return {"count": count, "examples": examples} if count else {}


def _duplicates(found: Comparison) -> Part:
    before, after = found.before.taken.duplicates, found.after.taken.duplicates
    return {"before": before, "after": after} if before != after else {}


def _personal(found: Comparison) -> Part:
    """By rule: how much there is, how much was there before, what came, and where; never a value."""
    before, after = found.before.taken, found.after.taken
    if before.personal == after.personal:
        return {}
    new = after.personal - before.personal
    counts = [Counter[str](), Counter[str](), Counter[str]()]
    for count, findings in zip(counts, (before.personal, after.personal, new), strict=True):
        for (_, rule), number in findings.items():
            count[rule] += number
    places = {rule: sorted(after.personal_places[key] for key in new if key[1] == rule) for rule in counts[2]}
    return {
        rule: {
            "before": counts[0][rule],
            "after": counts[1][rule],
            "new": counts[2][rule],
            "policy": found.policy.get(rule, ""),
            "places": [shown(place) for place in places.get(rule, [])[:SHOWN]],
        }
        for rule in sorted(counts[0].keys() | counts[1].keys())
    }


def _rejects(found: Comparison) -> Part:
    """Rows that no record could be made of, and that were not there before."""
    before, after = found.before.taken, found.after.taken
    new = after.rejects - before.rejects
    ended = (before.rejects - after.rejects).total()
    if not new and not ended:
        return {}
    examples = [
        {
            "file": shown(file),
            "reason": shown(masked(reason)),
            "count": count,
            "place": shown(after.reject_places[file, reason][-1]),
        }
        for (file, reason), count in sorted(new.items())[:SHOWN]
    ]
    return {"count": new.total(), "ended": ended, "examples": examples}


def _reviews(found: Comparison) -> Part:
    before, after = found.before.reviews, found.after.reviews
    by: dict[str, Counter[str]] = {}
    for (reviewer, decision, _), number in (after - before).items():
        by.setdefault(named(reviewer), Counter())[decision] += number
    part: Part = {"by": {reviewer: dict(sorted(by[reviewer].items())) for reviewer in sorted(by)}} if by else {}
    gone = (before - after).total()
    return {**part, "gone": gone} if gone else part


def _sources(found: Comparison) -> Part:
    """What is said of the sources: of those that came and went all of it, else what changed."""
    before, after = found.before.sources, found.after.sources
    parts = {
        "added": {named(file): _rights(after[file]) for file in sorted(after.keys() - before.keys())},
        "removed": {named(file): _rights(before[file]) for file in sorted(before.keys() - after.keys())},
        "changed": {
            named(file): {
                key: [_rights(side[file])[key] for side in (before, after)]
                for key in RIGHTS
                if getattr(before[file], key) != getattr(after[file], key)
            }
            for file in sorted(before.keys() & after.keys())
            if any(getattr(before[file], key) != getattr(after[file], key) for key in RIGHTS)
        },
    }
    return {kind: part for kind, part in parts.items() if part}


def _rights(source: Source) -> dict[str, str]:
    return {key: shown(masked(getattr(source, key))) for key in RIGHTS}
