"""An arm's old and new model, example by example: on what is the same on both sides, and on each yardstick as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from pipeline.data.records import Record
from pipeline.pull_request.comparing.corners import Both, Corner, Corners, When
from pipeline.pull_request.comparing.values import BARE, CASES, PROBES, TEXTS, Values, only, paired
from pipeline.scoring.changed import Changed, changed, counts, worst_first
from pipeline.scoring.measured import PREFERENCE, without_parts

SAME, NEW, OLD = "what is the same on both sides", "the new yardstick", "the old yardstick"
KEPT = 100  # flips, the worst


class Flip(NamedTuple):
    """A test example that was fixed or broken, with both answers."""

    record: Record
    changed: Changed
    before: str
    after: str


@dataclass(frozen=True)
class Cases:
    """Must-pass cases that both models were asked: how many, and which pass or fail now and did not before."""

    n: int
    fail_now: list[str]
    pass_now: list[str]


@dataclass(frozen=True)
class Ground:
    """What both models are compared on: by metric a row of `compare_family`, with the means `old` and `new`; the worst that changed."""

    title: str
    rows: dict[str, dict[str, Any]]
    cases: Cases
    counts: dict[str, int]
    flips: list[Flip]

    @property
    def is_equal(self) -> bool:
        """Whether no value differs in anything that was compared."""
        return not self.cases.fail_now and not self.cases.pass_now and not any(map(differs, self.rows.values()))

    def worst(self, most: int) -> list[Flip]:
        """The worst flips, broken before fixed, with room for both."""
        by_position = {flip.changed.at: flip for flip in self.flips}
        return [by_position[step.at] for step in worst_first([flip.changed for flip in self.flips], most)]


def differs(row: Mapping[str, Any]) -> bool:
    return bool(row["fixed"] or row["broken"])


def grounds(arm: Corners, both: Both) -> list[Ground]:
    """The strictest ground first; one that says what another one has said is not told again."""
    found: list[Ground] = []
    same = _same(arm, both)
    plan: tuple[tuple[str, When, Callable[[Values], Values]], ...] = (
        (SAME, "new", lambda values: only(values, same)),
        (NEW, "new", lambda values: values),
        (OLD, "old", lambda values: values),
    )
    for title, when, kept in plan:
        one, other = (kept(arm.values[Corner(model, when)]) for model in ("new", "old"))
        ground = _ground(title, when, one, other, arm, both)
        said = (ground.rows, ground.cases)
        if (ground.rows or ground.cases.n) and said not in [(each.rows, each.cases) for each in found]:
            found.append(ground)
    return found


def _same(arm: Corners, both: Both) -> dict[str, set[str]]:
    """By metric the examples with the same content, prompt, judge and decoding on both sides."""
    old, new = both.yardsticks["old"], both.yardsticks["new"]
    before, after = arm.facts["old"], arm.facts["new"]
    if before.decoding != after.decoding:
        return {}
    found = {PROBES: _equal(old.probes, new.probes), TEXTS: _equal(old.texts, new.texts)}
    if before.prompt == after.prompt:
        task = old.same_records(new)
        names = {name for values in arm.values.values() for name in values} - {*BARE, CASES}
        found |= {CASES: _equal(old.cases, new.cases), **dict.fromkeys(names, task)}
    return found


def _equal(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in old.keys() & new.keys() if old[key] == new[key]}


def _ground(title: str, when: When, one: Values, other: Values, arm: Corners, both: Both) -> Ground:
    """The new model's values `one` against the old one's."""
    yardstick = both.yardsticks[when]
    rows = paired(compared(one), compared(other), yardstick, both.margins)
    for name, row in rows.items():
        keys = [key for key in other[name] if key in one[name]]
        row |= {word: fmean(side[name][key] for key in keys) for word, side in (("old", other), ("new", one))}
    found = list(_changed(one, other, [yardstick.records[key] for key in yardstick.records]))
    worst = worst_first([step for _, step in found], KEPT)
    by_position = {step.at: record for record, step in found}
    before, after = (arm.said[Corner(model, when)] for model in ("old", "new"))
    flips = [
        Flip(record, step, before.answer(record) or "", after.answer(record) or "")
        for step in worst
        for record in [by_position[step.at]]
    ]
    return Ground(title, rows, _cases(one, other), counts([step for _, step in found]), flips)


def compared(values: Values) -> Values:
    """Without the parts of format accuracy, which would ask the same again."""
    kept = without_parts({name: list(by_id.values()) for name, by_id in values.items()})
    return {name: by_id for name, by_id in values.items() if name in kept}


def _changed(one: Values, other: Values, records: Iterable[Record]) -> Iterator[tuple[Record, Changed]]:
    """Each test example that both answered, with what became of it."""
    names = [name for name in compared(one) if name in other and name not in (*BARE, CASES, PREFERENCE)]
    both = [record for record in records if names and all(record.id in side[names[0]] for side in (one, other))]
    after, before = ({name: [side[name][record.id] for record in both] for name in names} for side in (one, other))
    yield from zip(both, changed(after, before, len(both)), strict=True)


def _cases(one: Values, other: Values) -> Cases:
    now, then = one.get(CASES, {}), other.get(CASES, {})
    both = [key for key in then if key in now]
    return Cases(
        len(both), [key for key in both if now[key] < then[key]], [key for key in both if now[key] > then[key]]
    )
