"""The page of `make why`: which metrics moved, what moved them as far as hashes tell, what did not, and what would settle the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.reproducing.bands import Number, differing, spreads
from pipeline.pull_request.reproducing.causes import KINDS, Both, Cause, Change, Kind
from pipeline.pull_request.reproducing.outcome import SEEDS
from pipeline.pull_request.reproducing.past import RUN_REPORT, metrics_of, read_object, seconds_in
from pipeline.pull_request.revision import Revision
from pipeline.pull_request.verifying.differences import NOTHING

MOST_METRICS, MOST_NAMED = 60, 6
MINUTE = 60.0
TRAIN, TUNED = "train", "tuned"


@dataclass(frozen=True)
class Moved:
    """A metric that is not what it was, the arm that it is of, the stage that writes it, and what can have moved it."""

    number: Number
    arm: str
    maker: str
    causes: tuple[Cause, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of change that reached it."""
        return kinds_of(cause.change for cause in self.causes)

    @property
    def is_luck(self) -> bool:
        """Whether it was trained anew and moved no farther than it does from seed to seed."""
        was_trained = any(TRAIN in cause.stages for cause in self.causes)
        return was_trained and self.arm == TUNED and self.number.spread is not None and self.number.is_within


def kinds_of(changes: Iterable[Change]) -> tuple[Kind, ...]:
    """The kinds among these, in the order in which they are told."""
    there = {change.kind for change in changes}
    return tuple(kind for kind in KINDS if kind in there)


def moved(both: Both) -> list[Moved]:
    """Every metric that moved, with its causes."""
    known = spreads(both.now.root / SEEDS) or spreads(both.then.root / SEEDS)
    found: list[Moved] = []
    for report in dict.fromkeys([*metrics_of(both.then.root), *metrics_of(both.now.root)]):
        then, now = (read_object(ran.root / report) for ran in (both.then, both.now))
        maker = both.maker(report)
        causes: dict[str, tuple[Cause, ...]] = {}
        for number in differing(report, then, now, known):
            arm = number.found.path.partition(".")[0]
            if arm not in causes:
                causes[arm] = tuple(both.causes(maker, arm)) if maker else ()
            found.append(Moved(number, arm, maker or report, causes[arm]))
    return found


def page(both: Both, base: Revision, stale: list[str]) -> str:
    """The whole page in Markdown."""
    found = moved(both)
    lines = ["# Why the metrics moved", "", f"{code(base.name)} ({base.why}) beside the last run here.", ""]
    if stale:
        lines += [
            f"**First run `make run`**: {_few(stale)} changed after the last run here, of which this page speaks.",
            "",
        ]
    if not found:
        lines += ["**No metric moved.**", ""]
    else:
        lines += [*_verdicts(found, both), "", *_table(found), "", *_ways(found), ""]
    lines += [*_excluded(found, both), ""]
    lines += _unclear(found, both, base)
    return "\n".join(lines).rstrip() + "\n"


def _verdicts(found: list[Moved], both: Both) -> Iterator[str]:
    """A line for all arms of which the same can be said."""
    lines: dict[str, list[str]] = {}
    for changes, arms in _by_changes(found).items():
        lines.setdefault(_verdict(changes, both), []).extend(arms)
    for said, names in lines.items():
        yield f"- {', '.join(names)}: {said}"


def _verdict(changes: tuple[Change, ...], both: Both) -> str:
    kinds = kinds_of(changes)
    if not changes:
        return "**no cause in `dvc.lock`**: a report is not of the run that it names; run `make verify`"
    if kinds == ("chance",):
        also = f" but {_listed(both.machine())}" if both.machine() else ""
        return f"**nothing that is recorded changed{also}**: {_listed(changes)}"
    if len(changes) == 1:
        return f"**the whole difference is {_one(changes[0])}** ({changes[0].kind})"
    if len(kinds) == 1:
        return f"**the whole difference is of one kind, {kinds[0]}**: {_listed(changes)}"
    return f"**unclear**: {_and(kinds)} changed at once, and hashes cannot tell their shares"


def _by_changes(found: list[Moved]) -> dict[tuple[Change, ...], list[str]]:
    """Who was moved by the same changes: arms, with the stages that measure them."""
    grouped: dict[tuple[Change, ...], dict[str, list[str]]] = {}
    for one in found:
        changes = tuple(dict.fromkeys(cause.change for cause in one.causes))
        of_arm = grouped.setdefault(changes, {}).setdefault(one.arm, [])
        if one.maker not in of_arm:
            of_arm.append(one.maker)
    return {
        changes: [f"{code(arm)} in {_and(map(code, stages))}" for arm, stages in arms.items()]
        for changes, arms in grouped.items()
    }


def _table(found: list[Moved]) -> Iterator[str]:
    yield "| metric | then | now | moved by |"
    yield "|---|---|---|---|"
    for one in found[:MOST_METRICS]:
        values = [_value(value, text) for value, text in _sides(one.number)]
        by = _and(one.kinds) or "nothing that is recorded"
        luck = "; no farther than from seed to seed: luck alone could explain it" if one.is_luck else ""
        yield f"| {code(one.number.found.path)} | {values[0]} | {values[1]} | {by}{luck} |"
    if len(found) > MOST_METRICS:
        yield f"| and {len(found) - MOST_METRICS} more | | | |"


def _sides(number: Number) -> list[tuple[object, str]]:
    found = number.found
    return [(found.stands, found.stands_text), (found.recomputed, found.recomputed_text)]


def _value(value: object, text: str) -> str:
    if value is NOTHING:
        return "-"
    return text if isinstance(value, int | float) else code(text)


def _ways(found: list[Moved]) -> Iterator[str]:
    """How each change came to the metrics, by its shortest way; arms that share one stand in one line."""
    yield "How it got there:"
    yield ""
    shortest: dict[tuple[str, str, Change], tuple[str, ...]] = {}
    for one in found:
        for cause in one.causes:
            key = (one.arm, one.maker, cause.change)
            if key not in shortest or len(cause.stages) < len(shortest[key]):
                shortest[key] = cause.stages
    by_way: dict[tuple[str, Kind, tuple[str, ...]], list[Change]] = {}
    for (arm, _, change), stages in shortest.items():
        by_way.setdefault((arm, change.kind, stages), []).append(change)
    arms: dict[tuple[Kind, tuple[str, ...], tuple[Change, ...]], list[str]] = {}
    for (arm, kind, stages), listed in by_way.items():
        arms.setdefault((kind, stages, tuple(listed)), []).append(arm)
    for (kind, stages, changes), names in arms.items():
        way = ", ".join(code(name) for name in reversed(stages))
        yield f"- {', '.join(map(code, names))}: {_listed(changes)} ({kind}), through {way}"


def _excluded(found: list[Moved], both: Both) -> Iterator[str]:
    """What did not change, and what changed and reached no metric."""
    changes = both.changes()
    seen = {cause.change for one in found for cause in one.causes}
    same = [kind for kind in KINDS if kind not in kinds_of([*changes, *seen]) and kind != "chance"]
    yield "Excluded:"
    yield ""
    yield f"- did not change: {_and(same) or 'nothing'}"
    machine = both.machine()
    for kind in KINDS:
        idle = [one for one in changes if one.kind == kind and one not in seen and one not in machine]
        if idle:
            yield f"- changed, and nothing that a metric which moved was made of: {_listed(idle)} ({kind})"
    if machine:
        yield f"- not excluded, since `dvc.lock` does not see it: {_listed(machine)} (environment)"


def _unclear(found: list[Moved], both: Both, base: Revision) -> list[str]:
    """The runs that would settle what hashes cannot."""
    open_ = [one for one in found if len(one.kinds) > 1]
    if not open_:
        return []
    every = {cause.change for one in open_ for cause in one.causes}
    rows = [_row(kind, {change for change in every if change.kind == kind}, both, base) for kind in kinds_of(every)]
    return [
        "What would settle it, the base with one kind of change alone:",
        "",
        "| run | changes | about at most |",
        "|---|---|---|",
        *rows,
    ]


def _row(kind: Kind, changes: set[Change], both: Both, base: Revision) -> str:
    stages = both.below(changes)
    took = {**_seconds(both, is_now=False), **_seconds(both, is_now=True)}
    known = sum(took.get(stage, 0.0) for stage in stages)
    lacking = [stage for stage in stages if stage not in took]
    minutes = f"{known / MINUTE:.1f} min" + (f" and {_few(lacking)}, of which no time is recorded" if lacking else "")
    commit = (base.commit or "")[:12]
    command = f"make why BASE={commit} RUN={'test-set' if kind == 'test set' else kind.split()[0]}"
    if kind == "environment":
        command = f"make reproduce REV={commit} CACHE=no"
    named = _listed(sorted(changes, key=lambda one: one.name))
    return f"| {code(command, LONGEST)} | {named} ({kind}) | {minutes if kind != 'chance' else '-'} |"


def _seconds(both: Both, is_now: bool) -> dict[str, float]:
    return seconds_in(read_object((both.now if is_now else both.then).root / RUN_REPORT))


def _one(change: Change) -> str:
    return f"{code(change.name, LONGEST)}{f' {code(change.effect, LONGEST)}' if change.effect else ''}"


def _listed(changes: Iterable[Change]) -> str:
    named = [_one(change) for change in changes]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(code(name, LONGEST) for name in names[:MOST_NAMED]) + more


def _and(words: Iterable[str]) -> str:
    listed = list(words)
    return " and ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else "".join(listed)
