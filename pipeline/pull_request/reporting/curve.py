"""How the training went: the losses of each phase by step, beside those of the base commit where the cache has them."""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.desk.reviewing.shown import fenced
from pipeline.desk.run import ADAPTER
from pipeline.pull_request.comparing.lock import Lock, take
from pipeline.pull_request.kept import cache_of
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part, Picture
from pipeline.pull_request.reporting.drawing import BLUE, GREY, ORANGE, Line, Point, curves
from pipeline.pull_request.reporting.scene import Scene, or_told, remote_hint
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import Fault

TABLE = "loss.tsv"
MEASURES = (("loss", "validation_loss"), ("reward", "validation_reward"))
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # bars of a curve in text
MOST = 2_000  # points of a drawn curve
PHASES = 8  # that are shown


@dataclass
class Phase:
    """Values by step, in the order of the table, by the column that they stand in."""

    name: str
    columns: dict[str, list[Point]] = field(default_factory=dict)


def part(scene: Scene) -> Part:
    blocks = or_told(lambda: list(_blocks(scene)), scene.root)
    return Part("Training", 10, lambda _: blocks, "the loss curve")


def _blocks(scene: Scene) -> Iterator[Block]:
    path = _here(scene)
    if path is None:
        yield f"The loss curve is not here (`{ADAPTER}/{TABLE}`): {remote_hint(scene.root)}."
        return
    before = _then(scene)
    known = {phase.name: phase for phase in read(before)} if before else {}
    for at, phase in enumerate(read(path)[:PHASES]):
        for trained, validated in MEASURES:
            if lines := list(_lines(phase, known.get(phase.name), trained, validated)):
                name = f"{trained}-{at + 1}.svg"
                title = f"{phase.name}, {trained} by step"
                yield Picture(name, f"{trained} by step", curves(title, lines, "step"), (_in_text(title, lines),))
                if rows := phase.columns.get(validated):
                    yield Details(
                        f"Each validation of phase {at + 1}", (_validations(rows, phase.columns.get(trained, [])),)
                    )


def _here(scene: Scene) -> Path | None:
    """The table of this work tree: out of the folder, else out of the cache by dvc.lock."""
    place = scene.root / ADAPTER / TABLE
    return place if place.is_file() else _cached(scene.lock, scene, "now")


def _then(scene: Scene) -> Path | None:
    return _cached(scene.lock_before, scene, "then")


def _cached(lock: Lock, scene: Scene, when: str) -> Path | None:
    entry = lock.outputs().get(ADAPTER.as_posix())
    if entry is None:
        return None
    place = scene.scratch / "curves" / when
    why = take(entry, [TABLE], cache_of(scene.root), place, Hashes(lambda _: None))
    return place / TABLE if not why and (place / TABLE).is_file() else None


def read(path: Path) -> list[Phase]:
    """The phases of a table. Raises Fault for one that is none."""
    found: dict[str, Phase] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                phase = found.setdefault(row["phase"], Phase(row["phase"]))
                for column in (name for pair in MEASURES for name in pair):
                    if row.get(column):
                        point = float(row["step"]), float(row[column])
                        if all(map(math.isfinite, point)):
                            phase.columns.setdefault(column, []).append(point)
    except (KeyError, ValueError, TypeError, csv.Error):
        raise Fault(f"{ADAPTER}/{TABLE}", "is no table of steps and losses", "run make run") from None
    return list(found.values())


def _lines(phase: Phase, before: Phase | None, trained: str, validated: str) -> Iterator[Line]:
    for name, colour, source, column, is_marked in (
        ("training", BLUE, phase, trained, False),
        ("validation", ORANGE, phase, validated, True),
        ("validation at the base", GREY, before, validated, True),
    ):
        points = source.columns.get(column, []) if source else []
        is_told = source is not before or (points and points != phase.columns.get(column))
        if points and is_told:
            yield Line(name, colour, _thinned(points), is_marked)


def _thinned(points: Sequence[Point]) -> list[Point]:
    step = math.ceil(len(points) / MOST)
    return [*points[::step]]


def _in_text(title: str, lines: Sequence[Line]) -> str:
    """Curves as rows of bars; those that are marked share a scale, since they are to be compared."""
    longest, most = max(len(line.name) for line in lines), min(WIDTH, max(len(line.points) for line in lines))
    rows = []
    for line in lines:
        values = [y for _, y in line.points]
        scale = [y for one in lines if one.is_marked is line.is_marked for _, y in one.points]
        bars = _bars(values, min(scale), max(scale))
        rows.append(f"{line.name.ljust(longest)}  {bars.ljust(most)}  {values[0]:.3f} to {values[-1]:.3f}")
    return fenced([title, *rows])


def _bars(values: Sequence[float], low: float, high: float) -> str:
    count = min(WIDTH, len(values))
    groups = [values[len(values) * at // count : len(values) * (at + 1) // count] for at in range(count)]
    means = [sum(group) / len(group) for group in groups]
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def _validations(rows: Sequence[Point], trained: Sequence[Point]) -> str:
    found = []
    for at, (step, value) in enumerate(rows):
        since = rows[at - 1][0] if at else -1.0
        losses = [loss for x, loss in trained if since < x <= step]
        found.append((f"{step:,.0f}", f"{sum(losses) / len(losses):.3f}" if losses else "-", f"{value:.3f}"))
    return table(("step", "training since the last", "validation"), found)
