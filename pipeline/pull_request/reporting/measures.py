"""The headline metrics: tuned against the base commit's tuned, pair by pair where the answers can be had, and against the other arms."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from pipeline.data.reports import Part as ReportPart
from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.comparing.comparison import ArmFound, Found
from pipeline.pull_request.comparing.corners import rank
from pipeline.pull_request.comparing.page import cell_text
from pipeline.pull_request.comparing.pairs import Ground
from pipeline.pull_request.comparing.values import CASES, Cell
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part, Picture
from pipeline.pull_request.reporting.drawing import Bar, forest
from pipeline.pull_request.reporting.scene import Scene, or_told, remote_hint
from pipeline.pull_request.results import Difference, Mean
from pipeline.scoring.answers import PARTS

TUNED, ACCEPTED, PROMPTED = "tuned", "accepted", "prompted"
ICONS = {"better": "✅ better", "worse": "❌ worse", "no worse": "➖ no worse", "cannot tell": "❔ cannot tell"}
HEADS = ("metric", "before", "now", "change, 95 % interval", "n", "verdict")
LEGEND = (
    "Of every metric higher is better; a change is in points (hundredths), with its 95 % interval over the n examples that both "
    "models answered. _Better_ and _worse_: the interval leaves out zero; _no worse_: it leaves out every drop beyond the margin."
)
Rows = list[tuple[str, ...]]


class Row(Difference):
    """A comparison with what was concluded."""

    verdict: Literal["better", "worse", "no worse", "cannot tell"]
    needed: int | None


class Measured(ReportPart):
    """Arms on a set of examples, and pairs of them; nothing where there was none."""

    arms: dict[str, dict[str, Mean]] = Field(default_factory=dict)
    pairs: dict[str, dict[str, Row]] = Field(default_factory=dict)


class Compared(Measured):
    """What is read of comparison.json; `new` is of the rows that wait for the next test set."""

    arms: dict[str, dict[str, Mean]]
    yardstick: dict[str, Any] = Field(default_factory=dict)
    new: Measured = Measured()


def part(scene: Scene) -> Part:
    blocks = or_told(lambda: list(_blocks(scene)), scene.root)
    return Part("Metrics", 90, lambda _: blocks, "the metrics")


def _blocks(scene: Scene) -> Iterator[Block]:
    report = scene.report(Compared, "comparison.json")
    has_pairs = False
    if scene.found:
        ground = ground_of(scene.found, TUNED)
        has_pairs = ground is not None
        yield from _against_base(scene, ground)
    elif scene.why:
        yield f"⚠️ The models cannot be compared with the base's: {scene.why}"
    if report is None:
        yield "`reports/comparison.json` is missing: stage `evaluate` has no result."
        return
    pairs = _pairs(report)
    yield from _waiting(report.new)
    if ACCEPTED in pairs:
        yield "**`tuned` against `accepted`, the model in production**"
        yield from _pair(ACCEPTED, pairs.pop(ACCEPTED), report)
    if not has_pairs and PROMPTED in pairs:
        yield "**`tuned` against `prompted`, which a fine-tune has to beat, within this run**"
        yield from _pair(PROMPTED, pairs.pop(PROMPTED), report)
        yield LEGEND
    others = sorted(pairs, key=lambda arm: (arm != PROMPTED, arm not in report.yardstick, arm))
    inner = [block for arm in others for block in (f"`tuned` against {code(arm)}:", *_pair(arm, pairs[arm], report))]
    if inner:
        yield Details("tuned against the other arms of this run", tuple(inner))


def _pairs(report: Measured) -> dict[str, dict[str, Row]]:
    """The tuned arm's comparisons, by the name of the other arm."""
    pairs = ((name.partition(" against "), rows) for name, rows in report.pairs.items())
    return {other: rows for (arm, _, other), rows in pairs if arm == TUNED}


def _waiting(waiting: Measured) -> Iterator[Block]:
    """What came since the test set was drawn, and fell on its side: beside production, else beside the prompt."""
    pairs = _pairs(waiting)
    other = next((arm for arm in (ACCEPTED, PROMPTED) if arm in pairs), None)
    if other:
        where = "the model in production" if other == ACCEPTED else "the prompt"
        yield f"**Slice `new`: held-out rows that came since the test set was drawn**, `tuned` against {code(other)}, {where}"
        yield _table(other, pairs[other], waiting)


def arm_of(found: Found, name: str) -> ArmFound | None:
    return next((arm for arm in found.arms if arm.name == name), None)


def ground_of(found: Found, name: str) -> Ground | None:
    """The strictest ground on which an arm's old and new model are compared."""
    arm = arm_of(found, name)
    return arm.grounds[0] if arm and arm.grounds else None


def _against_base(scene: Scene, ground: Ground | None) -> Iterator[Block]:
    assert scene.found
    moved = [*(one.part for one in scene.found.moved), *(one.part for arm in scene.found.arms for one in arm.moved)]
    if scene.found.has_moved:
        yield f"⚠️ What measures has changed, too: {', '.join(moved)}. `make compare` shows both models on both."
    if ground is None:
        yield from _reported(scene)
        return
    arm = arm_of(scene.found, TUNED)
    assert arm
    if ground.is_equal:
        why = "the same model, and " if arm.corners.is_same_model else ""
        yield f"**`tuned` against `tuned` of the base:** {why}equal on every example of {ground.title}."
        return
    yield f"**`tuned` against `tuned` of the base**, on {ground.title}"
    named = dict(sorted(ground.rows.items(), key=lambda item: rank(item[0])))
    yield table(HEADS, [_row(name, row["old"], row["new"], row) for name, row in named.items()])
    if ground.cases.fail_now or ground.cases.pass_now:
        fail, passing = (
            ", ".join(map(code, names[:5])) or "none" for names in (ground.cases.fail_now, ground.cases.pass_now)
        )
        yield f"Of {ground.cases.n:,} must-pass cases fail now and passed before: {fail}; pass now and failed before: {passing}."
    yield LEGEND
    if named:
        yield Picture(
            "change.svg", "Change of each metric with its interval", _forest("tuned against tuned of the base", named)
        )


def _forest(title: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    bars = [
        Bar(name, row["difference"] * 100, row["low"] * 100, row["high"] * 100, row["verdict"])
        for name, row in rows.items()
    ]
    return forest(f"{title}, points", bars)


def _row(name: str, old: float, new: float, row: Mapping[str, Any]) -> tuple[str, ...]:
    needed = f" ({row['needed']:,} examples would)" if row["verdict"] == "cannot tell" and row["needed"] else ""
    change = f"{row['difference'] * 100:+.1f} [{row['low'] * 100:+.1f}, {row['high'] * 100:+.1f}]"
    return code(name), f"{old:.1%}", f"{new:.1%}", change, f"{row['n']:,}", ICONS[row["verdict"]] + needed


def _names(arm: str, rows: Mapping[str, Row], report: Measured) -> list[str]:
    """The metrics that both arms have, in the order in which they are shown."""
    there = report.arms.get(arm, {}).keys() & report.arms.get(TUNED, {}).keys()
    return sorted((name for name in rows if name in there), key=rank)


def _table(arm: str, rows: Mapping[str, Row], report: Measured) -> str:
    means = {name: (report.arms[arm][name].mean, report.arms[TUNED][name].mean) for name in _names(arm, rows, report)}
    heads = ("metric", code(arm), code(TUNED), *HEADS[3:])
    return table(heads, [_row(name, *means[name], rows[name].model_dump()) for name in means])


def _pair(arm: str, rows: Mapping[str, Row], report: Compared) -> Iterator[Block]:
    names = _names(arm, rows, report)
    yield _table(arm, rows, report)
    if names and arm in (ACCEPTED, PROMPTED):
        title = f"tuned against {arm}"
        yield Picture(f"against-{arm}.svg", title, _forest(title, {name: rows[name].model_dump() for name in names}))


def _reported(scene: Scene) -> Iterator[Block]:
    """Means that git holds of both commits, and what is missing for a verdict."""
    assert scene.found
    sides = scene.found.sides
    old, new = (sides[when].reported.get(TUNED, {}) for when in ("old", "new"))
    if not old:
        yield "The base has no reports of `tuned`: nobody has run it, so there is nothing to compare with."
    elif rows := list(_reported_rows(old, new)):
        yield "**`tuned` against `tuned` of the base: means from `reports/` in git, not paired, so no verdict**"
        yield table(("metric", "before", "now"), rows)
    lost = [*sides["old"].missing, *sides["new"].missing]
    arm = arm_of(scene.found, TUNED)
    lost += [f"{one.why}" for one in (arm.fill if arm else [])] if not lost else []
    if lost:
        lines = "\n".join(f"- {line}" for line in lost[:12])
        if old:  # else there is nothing that a remote could have
            yield f"For a verdict the answers are missing here: {remote_hint(scene.root)}."
        yield Details("What is missing for a comparison example by example, and what would bring it", (lines,))


def _reported_rows(old: Mapping[str, Cell], new: Mapping[str, Cell]) -> Iterator[tuple[str, ...]]:
    for metric in sorted({*old, *new} - {*PARTS, CASES}, key=rank):
        yield code(metric), *(cell_text(side[metric]) if metric in side else "(none)" for side in (old, new))
