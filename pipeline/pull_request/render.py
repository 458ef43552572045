"""The comparison as Markdown for a pull request: a verdict in words, then tables and examples of what there is to tell."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from pipeline.desk.reviewing.shown import LONGEST, code, fenced
from pipeline.pull_request.verdict import plural, verdict

LIMIT = 60_000  # characters; GitHub takes 65,536
ROWS = 25  # of a table
KINDS = ("added", "removed", "edited")
FACETS = ("source", "origin", "label", "length", "language", "state")
Part = dict[str, Any]
Blocks = Iterator[str]


def markdown(report: Part) -> str:
    """The whole page, with as many examples as the limit allows."""
    return fitting(partial(_blocks, report), "The rest stands in the JSON file.")


def fitting(blocks: Callable[[int], Blocks], rest: str) -> str:
    """A page of blocks with as many examples as the limit allows; `rest` is said where a page without any is too long."""
    for examples in (10, 5, 2, 0):
        page = "\n\n".join(blocks(examples)) + "\n"
        if len(page) < LIMIT:
            return page
    return page[: page.rindex("\n", 0, LIMIT - LONGEST)] + f"\n\n{rest}\n"


def _blocks(report: Part, examples: int) -> Blocks:
    base = report["base"]
    yield "# Data diff"
    yield verdict(report)
    commit = f" ({code(base['commit'][:12])}, {base['why']})" if base["commit"] else f" ({base['why']})"
    yield f"The work tree against {code(base['name'])}{commit}, both read by today's code."
    yield from blocks_of(report, examples)


def blocks_of(report: Part, examples: int) -> Blocks:
    """What there is to tell below the verdict: notes, then a heading and its blocks for each section."""
    if notes := [*report["missing"], *report["notes"]]:
        yield "\n".join(f"- {note}" for note in notes[:ROWS])
    for key, title, section in SECTIONS:
        if key in report["parts"]:
            yield f"## {title}"
            yield from section(report["parts"][key], examples)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are safe already. What does not fit in is counted."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    rule = "|---" * len(heads) + "|"
    shown = "\n".join([f"| {' | '.join(heads)} |", rule, *lines[:ROWS]])
    return f"{shown}\n\nand {len(lines) - ROWS:,} more" if len(lines) > ROWS else shown


def _moved(part: Part, examples: int) -> Blocks:
    yield (
        "A record that moves makes numbers before and after incomparable, and what was learnt may be tested on. Take back what "
        "moved it: another `split.salt` or share, a changed group, or a changed line of `task/test_set.txt`."
    )
    yield table(("step", "records"), ((code(step), f"{count:,}") for step, count in part["steps"].items()))
    yield from _examples(part["examples"][:examples], lambda one: f"{one['from']} to {one['to']}")


def _rows(part: Part, examples: int) -> Blocks:
    for facet in FACETS:
        counts = [part.get(kind, {"by": {}})["by"].get(facet, {}) for kind in KINDS]
        values = sorted({value for count in counts for value in count}, key=lambda value: (_rank(counts, value), value))
        if values and values != [""]:
            rows = ((code(value), *(f"{count.get(value, 0):,}" for count in counts)) for value in values)
            yield table((facet, *KINDS), rows)
    for kind in KINDS:
        if kind in part and examples:
            yield f"### {kind.capitalize()}: {_of(part[kind], examples)}"
            yield from _examples(part[kind]["examples"][:examples])


def _rank(counts: list[dict[str, int]], value: str) -> int:
    return -sum(count.get(value, 0) for count in counts)


def _of(part: Part, examples: int) -> str:
    return f"{min(examples, len(part['examples']))} of {part['count']:,}"


def _examples(found: list[Part], remark: Callable[[Part], str] = lambda _: "") -> Blocks:
    """One block: examples one below the other, each with its place."""
    lines: list[str] = []
    for one in found:
        head = f"{one['place']}  {remark(one)}".rstrip()
        lines += ["", head, *(f"  {key}: {one[key]}" for key in one if key not in HEADS)]
    if lines:
        yield fenced(lines[1:])


HEADS = ("id", "was", "place", "from", "to", "how", "against", "stays")


def _states(part: Part, _examples: int) -> Blocks:
    rows = (
        (code(state), f"{before:,}", f"{after:,}", f"{after - before:+,}") for state, (before, after) in part.items()
    )
    yield table(("records", "before", "now", "difference"), rows)


def _test_set(part: Part, _examples: int) -> Blocks:
    yield table(("test set", "ids"), ((code(key.replace("_", " ")), f"{count:,}") for key, count in part.items()))
    if "drawn_first" not in part and part.keys() - {"without_a_record"}:
        yield "Numbers on two test sets cannot be compared: this belongs in a pull request of its own."


def _leaks(part: Part, examples: int) -> Blocks:
    how = ", ".join(f"{count:,} {name}" for name, count in part["how"].items())
    yield f"{plural(part['count'], 'record')} left because of what is held out ({how or 'none'}); {part['ended']:,} no longer do."
    yield from _examples(part["examples"][:examples], lambda one: f"({one['how']}, {one['against']})")


def _clusters(part: Part, examples: int) -> Blocks:
    yield f"{plural(part['count'], 'cluster')} of rows that ask nearly the same, new or with a new member."
    lines: list[str] = []
    for one in part["examples"][:examples]:
        members = [
            f"  {member['place']} {'stays' if member['stays'] else 'goes'}: {member['question']}"
            for member in one["members"]
        ]
        lines += ["", f"{one['size']} rows", *members]
    if lines:
        yield fenced(lines[1:])


def _contradictions(part: Part, examples: int) -> Blocks:
    yield f"{plural(part['count'], 'pair')} of nearly the same question with another answer."
    for one in part["examples"][:examples]:
        yield from _examples(one["members"])


def _duplicates(part: Part, _examples: int) -> Blocks:
    yield f"{part['after']:,} rows say what another one says and are left out; before it were {part['before']:,}."


def _personal(part: Part, _examples: int) -> Blocks:
    """Rule, count and place; a value stands nowhere."""
    rows = (
        (code(rule), code(one["policy"]), f"{one['before']:,}", f"{one['after']:,}", f"{one['new']:,}", _places(one))
        for rule, one in part.items()
    )
    yield table(("rule", "policy", "before", "now", "new", "first places of the new ones"), rows)


def _places(one: Part) -> str:
    return ", ".join(code(place) for place in one["places"][:3])


def _rejects(part: Part, examples: int) -> Blocks:
    yield f"{plural(part['count'], 'row')} that can be no example, and were not there before; {part['ended']:,} no longer are."
    rows = (
        (code(one["place"]), f"{one['count']:,}", code(one["reason"], LONGEST))
        for one in part["examples"][: max(examples, 2)]
    )
    if part["examples"]:
        yield table(("place", "rows", "reason"), rows)


def _reviews(part: Part, _examples: int) -> Blocks:
    by, decisions = part.get("by", {}), ("approve", "edit", "reject")
    rows = ((code(who), *(f"{count.get(decision, 0):,}" for decision in decisions)) for who, count in by.items())
    if by:
        yield table(("reviewer", *decisions), rows)
    if "gone" in part:
        yield f"{plural(part['gone'], 'line')} went. Lines of a ledger are only ever added: restore them."


def _sources(part: Part, _examples: int) -> Blocks:
    rows = []
    for kind in ("added", "removed"):
        for file, said in part.get(kind, {}).items():
            rows += [(code(file), kind, code(key), code(value, LONGEST)) for key, value in said.items()]
    for file, changed in part.get("changed", {}).items():
        rows += [
            (code(file), "changed", code(key), f"{code(before, LONGEST)} to {code(after, LONGEST)}")
            for key, (before, after) in changed.items()
        ]
    yield table(("source", "change", "what", "value"), rows)


SECTIONS: tuple[tuple[str, str, Callable[[Part, int], Blocks]], ...] = (
    ("moved", "Records on another side", _moved),
    ("sources", "Licences and rights", _sources),
    ("personal_data", "Personal data", _personal),
    ("states", "Where the records are", _states),
    ("test_set", "Test set", _test_set),
    ("leaks", "Leaks", _leaks),
    ("contradictions", "Contradictions", _contradictions),
    ("clusters", "Near-duplicates", _clusters),
    ("duplicates", "Duplicates", _duplicates),
    ("rejects", "Rows that are no example", _rejects),
    ("reviews", "Reviews", _reviews),
    ("rows", "Rows", _rows),
)
