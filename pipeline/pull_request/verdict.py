"""The verdict: what a change does to the data, in one paragraph."""

from collections.abc import Iterator
from typing import Any

Part = dict[str, Any]


def verdict(report: Part) -> str:
    """In words; what must never happen comes first."""
    if not report["parts"]:
        return f"No change in the data{' that could be compared' if report['missing'] else ''}."
    parts: Part = report["parts"]
    clauses = [
        *_alarms(parts),
        _rows(parts.get("rows", {})),
        *(["no record moved to another side"] if "moved" not in parts else []),
        *_test_set(parts.get("test_set", {})),
        *_news(parts),
        f"personal data: {_personal(parts.get('personal_data', {}), report['personal_data_found'])}",
    ]
    text = "; ".join(clauses)
    return text[0].upper() + text[1:] + "."


def plural(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _alarms(parts: Part) -> Iterator[str]:
    if "moved" in parts:
        moved = plural(parts["moved"]["count"], "record")
        yield f"**{moved.upper()} MOVED TO ANOTHER SIDE OF THE SPLIT, WHICH MUST NEVER HAPPEN**"
    if gone := parts.get("reviews", {}).get("gone"):
        yield f"**{plural(gone, 'line')} of the review ledger went, to which lines are only ever added**"


def _rows(rows: Part) -> str:
    counts = [(kind, rows[kind]["count"]) for kind in ("added", "removed", "edited") if kind in rows]
    if not counts:
        return "no row added, removed or edited"
    first, *others = counts
    return ", ".join([f"{plural(first[1], 'row')} {first[0]}", *(f"{count:,} {kind}" for kind, count in others)])


def _test_set(part: Part) -> Iterator[str]:
    if "drawn_first" in part:
        yield f"the test set is drawn for the first time ({plural(part['drawn_first'], 'record')})"
    if "added" in part:
        joined = part.get("joined_from_new", 0)
        yield f"{plural(part['added'], 'id')} added to the test set ({joined:,} of them from the slice new)"
    if "gone" in part:
        yield f"{plural(part['gone'], 'id')} taken out of the test set"
    if "without_a_record" in part:
        yield f"{plural(part['without_a_record'], 'record')} of the test set gone from the sources"


def _news(parts: Part) -> Iterator[str]:
    """What else came, each in a clause."""
    for side, count in parts.get("leaks", {}).get("left", {}).items():
        yield f"{plural(count, 'leak')} left {side}"
    for key, noun in (("clusters", "new near-duplicate cluster"), ("contradictions", "new contradiction")):
        if key in parts:
            yield plural(parts[key]["count"], noun)
    if parts.get("rejects", {}).get("count"):
        yield f"{plural(parts['rejects']['count'], 'row')} that can be no example"
    if by := parts.get("reviews", {}).get("by"):
        yield f"{plural(sum(sum(counts.values()) for counts in by.values()), 'review')} added"
    for kind, said in parts.get("sources", {}).items():
        yield f"{plural(len(said), 'source')} {kind if kind != 'changed' else 'with other rights'}"


def _personal(part: Part, found: int) -> str:
    new = [f"{rule['new']:,} {kind}" for kind, rule in part.items() if rule["new"]]
    if new:
        return ", ".join(new)
    return "none new" if found else "none"
