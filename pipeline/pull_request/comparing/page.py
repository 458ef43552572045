"""The comparison as Markdown that a terminal shows, too: what differs, then each arm, then what is missing and what would bring it."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pipeline.desk.reviewing.shown import LONGEST, code, fenced, masked, shown
from pipeline.pull_request.comparing.comparison import ArmFound, Found
from pipeline.pull_request.comparing.corners import WHENS, Corner, rank
from pipeline.pull_request.comparing.pairs import Flip, Ground
from pipeline.pull_request.comparing.values import BARE, CASES, Cell
from pipeline.pull_request.render import fitting, table
from pipeline.pull_request.verdict import plural
from pipeline.scoring.answers import PARTS

Blocks = Iterator[str]
WORDS = {
    "better": "better than it was",
    "worse": "worse than it was",
    "no worse": "no worse than it was",
    "cannot tell": "not to be told from what it was",
}
TUNED = "tuned"
SOME = 10  # names of cases


def page_of(found: Found) -> str:
    """The whole page, with as many examples as fit into a comment."""
    return fitting(partial(_blocks, found), "The rest is cut.")


def _blocks(found: Found, examples: int) -> Blocks:
    old, new = found.sides["old"], found.sides["new"]
    yield "# Old and new model"
    yield verdict(found)
    yield (
        f"Old is {old.called} (`{str(old.commit)[:12]}`, {found.why}), new is {new.called}. Every value is scored by this "
        "tree's code; no code of the other commit is run."
    )
    yield from _differs(found)
    if notes := [*old.notes, *new.notes, *found.notes]:
        yield "\n".join(f"- {note}" for note in notes)
    for arm in found.arms:
        yield f"## {code(arm.name)}"
        yield from _arm(arm, found, examples if arm.name == TUNED else 0)
    yield from _reported(found)
    yield from _missing(found)


def verdict(found: Found) -> str:
    """In words: whether the yardstick moved, and how the tuned arm stands on the strictest ground that there is."""
    parts = [*(one.part for one in found.moved), *(one.part for arm in found.arms for one in arm.moved)]
    same = "The yardstick is the same." if found.is_known else "The yardstick is the same, as far as it is known."
    first = f"The yardstick moved: {', '.join(parts)}." if found.has_moved else same
    arm = next((one for one in found.arms if one.name == TUNED), None)
    if arm is None or not arm.grounds:
        return f"{first} Of {code(TUNED)} nothing can be paired: cannot tell."
    ground = arm.grounds[0]
    task = "" if set(ground.rows) - {*BARE} else " Of the task's own metrics nothing can be paired: cannot tell."
    if ground.is_equal:
        same = "the same model, and " if arm.corners.is_same_model else ""
        return f"{first} {code(TUNED)}: {same}equal on {_compared(ground)}, of {ground.title}.{task}"
    return f"{first} On {ground.title} {code(TUNED)} is {'; '.join(_clauses(ground))}.{task}"


def _compared(ground: Ground) -> str:
    return ", ".join(map(code, [*ground.rows, *([CASES] if ground.cases.n else [])]))


def _clauses(ground: Ground) -> Iterator[str]:
    for word, said in WORDS.items():
        rows = [(name, row) for name, row in ground.rows.items() if row["verdict"] == word]
        names = [
            f"{code(name)} ({_difference(row)})" if word in ("better", "worse") else code(name) for name, row in rows
        ]
        if names:
            yield f"{said} on {', '.join(names)}"
    if ground.cases.fail_now:
        yield f"failing {plural(len(ground.cases.fail_now), 'case')} that passed"


def _differs(found: Found) -> Blocks:
    rows = [(one.part, one.how) for one in found.moved]
    rows += [(one.part, one.how) for arm in found.arms for one in arm.moved]
    yield "## What differs"
    same = "Nothing that measures" + ("." if found.is_known else ", of what is known; prompts and decoding are not.")
    yield table(("part of the yardstick", "how"), rows) if rows else same


def _arm(arm: ArmFound, found: Found, examples: int) -> Blocks:
    model = {when: code(arm.corners.facts[when].model) for when in WHENS}
    yield (
        f"The model is the same ({model['new']})."
        if arm.corners.is_same_model
        else f"Old model {model['old']}, new model {model['new']}."
    )
    if found.has_moved_for(arm) and arm.corners.table:
        yield table(("metric", "model", "old yardstick", "new yardstick"), _two_by_two(arm))
    if not arm.grounds:
        yield "No example that both models answered on one yardstick: nothing can be paired."
    for ground in arm.grounds:
        yield f"### On {ground.title}"
        yield from _ground(ground)
    if arm.grounds:
        yield from _flips(arm.grounds[0], examples)


def _two_by_two(arm: ArmFound) -> Iterator[tuple[str, ...]]:
    for metric, cells in arm.corners.table.items():
        rows = [
            [
                cell_text(cells.get(Corner(model, on)), arm.corners.lacks[Corner(model, on)].get(metric, ""))
                for on in WHENS
            ]
            for model in WHENS
        ]
        if arm.corners.is_same_model and rows[0] == rows[1]:
            yield code(metric), "the one model", *rows[0]
        else:
            yield from ((code(metric), f"{model} model", *row) for model, row in zip(WHENS, rows, strict=True))


def cell_text(cell: Cell | None, lack: str = "") -> str:
    """Mean, interval and n, or why there is none; nothing where there is no such metric."""
    if cell is None:
        return f"missing: {lack}" if lack else "no such metric"
    interval = f" [{cell.low:.1%}, {cell.high:.1%}]" if cell.low is not None and cell.high is not None else ""
    of = f" of {cell.size:,}" if cell.size is not None and cell.n is not None and cell.n < cell.size else ""
    return f"{cell.mean:.1%}{interval}" + (f", n {cell.n:,}{of}" if cell.n is not None else "")


def _ground(ground: Ground) -> Blocks:
    heads = ("metric", "old", "new", "difference", "n", "fixed", "broken", "p", "could have seen", "verdict")
    if ground.is_equal:
        most = max([row["n"] for row in ground.rows.values()], default=ground.cases.n)
        yield f"All values are equal, of up to {plural(most, 'example')}: {_compared(ground)}."
        return
    if ground.rows:
        yield table(heads, (_row(name, row) for name, row in ground.rows.items()))
    if cases := ground.cases.n and ground.cases:
        fail, passing = _cases("fail now and passed", cases.fail_now), _cases("pass now and failed", cases.pass_now)
        yield f"Of {plural(cases.n, 'must-pass case')} {fail}, {passing}."


def _cases(word: str, names: list[str]) -> str:
    listed = ", ".join(code(name) for name in names[:SOME])
    more = f" and {len(names) - SOME} more" if len(names) > SOME else ""
    return f"{len(names)} {word}" + (f" ({listed}{more})" if names else "")


def _row(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    needed = f" ({row['needed']:,} examples would)" if row["needed"] else ""
    return (
        code(name),
        f"{row['old']:.1%}",
        f"{row['new']:.1%}",
        _difference(row),
        f"{row['n']:,}",
        f"{row['fixed']:,}",
        f"{row['broken']:,}",
        f"{row['p']:.3g}",
        f"a drop of {row['detectable'] * 100:.1f}",
        row["verdict"] + needed,
    )


def _difference(row: dict[str, Any]) -> str:
    return f"{row['difference'] * 100:+.1f} points [{row['low'] * 100:+.1f}, {row['high'] * 100:+.1f}]"


def _flips(ground: Ground, examples: int) -> Blocks:
    """The worst of what changed, broken before fixed, with both answers."""
    broken, fixed = (ground.counts.get(kind, 0) for kind in ("broken", "fixed"))
    if broken or fixed:
        yield f"{plural(broken, 'example')} broken, {fixed:,} fixed, {ground.counts['same']:,} the same."
    if shown_flips := ground.worst(examples):
        yield f"### Broken and fixed, the worst first: {len(shown_flips)} of {broken + fixed:,}"
        yield fenced(line for flip in shown_flips for line in _flip(flip))


def _flip(flip: Flip) -> Iterator[str]:
    steps = ", ".join(f"{name} {a:.2f} to {b:.2f}" for name, (a, b) in sorted(flip.changed.metrics.items()))
    yield f"{flip.changed.change}  {_safe(flip.record.id)}  {steps}"
    texts = {"question": flip.record.question, "reference": flip.record.answer, "old": flip.before, "new": flip.after}
    yield from (f"  {name}: {_safe(text)}" for name, text in texts.items())


def _safe(text: str) -> str:
    return shown(masked(text), 2 * LONGEST)


def _reported(found: Found) -> Blocks:
    """What git holds of arms that cannot be scored again."""
    rows = [row for name in found.reported for row in _reported_rows(name, found)]
    if rows:
        yield "## As reported"
        yield (
            "From `reports/` in git, each by its own yardstick and its own code: not recomputed and **not paired**, so a "
            "difference between two columns is no result."
        )
        yield table(("arm", "metric", "old", "new"), rows)


def _reported_rows(name: str, found: Found) -> Iterable[tuple[str, ...]]:
    old, new = (found.sides[when].reported.get(name, {}) for when in WHENS)
    for metric in sorted({*old, *new} - {*PARTS}, key=rank):
        cells = [cell_text(one[metric]) if metric in one else "(none)" for one in (old, new)]
        yield code(name), code(metric), *cells


def _missing(found: Found) -> Blocks:
    lost = [*found.sides["old"].missing, *found.sides["new"].missing]
    open_corners = [one for arm in found.arms for one in arm.fill]
    if lost or open_corners:
        yield "## What is missing"
    if lost:
        yield "\n".join(f"- {line}" for line in lost)
    for fill in open_corners:
        yield f"{code(fill.arm)}, {fill.corner.model} model on the {fill.corner.yardstick} yardstick: {fill.why}. {fill.how}"
        if fill.lines:
            yield fenced(fill.lines)
