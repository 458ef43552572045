"""What came out beside what the commit says: each output by digest, each number of its reports, and where a difference begins."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.pull_request.locking.comparing import ACCEPTED
from pipeline.pull_request.reproducing.again import say
from pipeline.pull_request.reproducing.bands import Number, differing, numbers_in, parsed, spreads
from pipeline.pull_request.reproducing.past import Past, metrics_of
from pipeline.pull_request.verifying.locked import Entry, Step

SEEDS = Path("reports/seeds.json")
MOST_SHOWN = 20


@dataclass(frozen=True)
class Output:
    """An output with its digest then, in `entry`, and now."""

    step: Step
    entry: Entry
    now: str

    @property
    def is_same(self) -> bool:
        """Whether it has the bytes of then."""
        return self.now == self.entry.digest


@dataclass
class Outcome:
    """The comparison. `total` is how many numbers the compared metrics have; `derived` are values of reports that are no metrics."""

    past: Past
    outputs: list[Output] = field(default_factory=list)
    metrics: list[Number] = field(default_factory=list)
    derived: list[Number] = field(default_factory=list)
    total: int = 0

    @property
    def differ(self) -> list[Output]:
        """Outputs that have other bytes."""
        return [one for one in self.outputs if not one.is_same]

    @property
    def is_within(self) -> bool:
        """Whether each metric is the same or within its band; what is derived from metrics that moved is not judged."""
        judged = self.metrics or self.derived
        return all(number.is_within for number in judged)

    def origins(self) -> list[str]:
        """Stages that ran again on the same inputs and wrote something else."""
        moved = {one.step.name for one in self.differ}
        ran = [step for step in self.past.stages if step.name in moved and step.name in self.past.again]
        return [
            step.name
            for step in ran
            if not any(
                maker.name in moved for dep in step.deps for maker in self.past.makers(dep.path) if maker != step
            )
        ]


def reports_of(past: Past) -> dict[str, bytes]:
    """The reports as git holds them, before anything runs."""
    outs = [out for step in past.stages for out in step.outs if out.cache is None]
    return {out.path: (past.root / out.path).read_bytes() for out in outs if (past.root / out.path).is_file()}


def outcome_of(past: Past, then: dict[str, bytes], project: Path) -> Outcome:
    """Compare what stands now. The spread of seeds is the commit's own, else that of the project as it is now."""
    found = Outcome(past)
    known = spreads(past.root / SEEDS) or spreads(project / SEEDS)
    metrics = set(metrics_of(past.root))
    for step in past.project.steps:
        if step.name in past.left:
            continue
        for out in (one for one in step.outs if one.digest):
            found.outputs.append(Output(step, out, past.digest(out)))
            before, after = parsed(then.get(out.path)), parsed(_bytes(past.root / out.path))
            if out.cache is not None or before is None:
                continue
            numbers = differing(out.path, before, after, known)
            is_metric = out.path in metrics
            (found.metrics if is_metric else found.derived).extend(numbers)
            found.total += numbers_in(before) if is_metric else 0
    return found


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def tell(outcome: Outcome) -> None:
    """Everything that was compared, what is the same in a line, what is not in a line each."""
    past = outcome.past
    for how, names in (("restored, and hashed", past.restored), ("run again, byte for byte the same", past.again)):
        same = [one.entry.path for one in outcome.outputs if one.is_same and one.step.name in names]
        if same:
            say(f"{how}: {', '.join(same)}")
    for one in outcome.differ:
        say(f"{one.step.name}: {one.entry.path}: dvc.lock names {one.entry.digest}, it came out as {one.now}")
    for name in outcome.origins():
        say(f"{name}: its inputs were the same, and its outputs are not: the difference begins there")
    for numbers in (outcome.metrics, outcome.derived):
        for number in numbers[:MOST_SHOWN]:
            say(str(number))
        if len(numbers) > MOST_SHOWN:
            say(f"and {len(numbers) - MOST_SHOWN} more values that differ")
    for name, why in past.left.items():
        say(f"{name}: not reproduced: {why}" + (" (pending, no fault)" if name == ACCEPTED else ""))


def verdict(outcome: Outcome, is_same_machine: bool, stale: dict[str, list[str]]) -> tuple[str, bool]:
    """The last line, and whether the past run counts as reproduced."""
    past, outside = outcome.past, [one for one in outcome.metrics if not one.is_within]
    counts = (
        f"{len(outcome.outputs) - len(outcome.differ)} of {len(outcome.outputs)} outputs byte for byte the same; "
        f"{outcome.total} metrics: {outcome.total - len(outcome.metrics)} identical, "
        f"{len(outcome.metrics) - len(outside)} within the band, {len(outside)} outside"
    )
    lacking = [name for name in past.left if name != ACCEPTED]
    changed = [name for name in stale if name != ACCEPTED]
    if changed:
        return f"{counts}. NOT REPRODUCED: the commit was not run as it stands ({', '.join(changed)})", False
    if lacking:
        return f"{counts}. NOT REPRODUCED: {', '.join(lacking)} could not be had", False
    if not outcome.differ and not outcome.metrics and not outcome.derived:
        return f"{counts}. Reproduced: identical", True
    if not outcome.is_within:
        return f"{counts}. NOT REPRODUCED", False
    if is_same_machine:
        words = "the same kind of processor and the same versions should have given the same bytes"
        return f"{counts}. NOT REPRODUCED: {words}", False
    return f"{counts}. Reproduced within the band", True
