"""How often the gate is wrong: two models of known difference, drawn again and again and held to a rule (python -m benchmarks.gate).

Prints the table of docs/decisions/0015-gate-on-evidence.md. `false alarm`: exit 1 where the models are equal. `wrong pass`: exit 0 where
the drop is as large as the margin. The margin is the one that the gate calls sure. `naive`: fails where the metric fell by two points.
"""

import sys
from dataclasses import dataclass
from itertools import product

import numpy as np

from pipeline.pull_request.gate import gate, is_red
from pipeline.pull_request.results import Difference, Results
from pipeline.pull_request.rules import GateParams
from pipeline.scoring.many_comparisons import row
from pipeline.scoring.paired import Comparison, compare

MEAN_STEP = 0.6  # of a graded change, which is drawn between 0.2 and 1
COPIED = 0.5  # chance that an example of a group changes as the first one of it does


@dataclass(frozen=True)
class Models:
    """Two models: on how many examples, of which share their answers differ, in groups of which size, yes/no or graded."""

    n: int
    changed: float
    size: int
    kind: str

    def drawn(self, drop: float, random: np.random.Generator) -> Comparison:
        """One test set on which the second is worse by `drop` in truth."""
        fall = drop / (MEAN_STEP if self.kind == "graded" else 1.0)
        changed = max(self.changed, fall)
        chances = [(changed - fall) / 2, (changed + fall) / 2]
        change = random.choice([1.0, -1.0, 0.0], p=[*chances, 1 - sum(chances)], size=self.n)
        if self.kind == "graded":
            change *= random.uniform(0.2, 1.0, self.n)
        group = np.arange(self.n) // self.size
        change = np.where(random.random(self.n) < COPIED, change[group * self.size], change)
        return compare(np.maximum(change, 0), np.maximum(-change, 0), [str(one) for one in group], 0.0)

    def sure_margin(self, random: np.random.Generator) -> float:
        """The margin that a team takes which has seen the middle one of some test sets of equal models."""
        return float(np.median([self.drawn(0.0, random).least_margin for _ in range(41)]))

    def can_drop(self, drop: float) -> bool:
        return drop / (MEAN_STEP if self.kind == "graded" else 1.0) < 1


def is_stopped(found: Comparison, margin: float, on_cannot_tell: str = "fail") -> bool:
    """Whether the gate exits 1 with one rule on this comparison."""
    rule = {"rule": "probes", "needs": "no_worse", "margin": margin, "on_cannot_tell": on_cannot_tell}
    difference = Difference.model_validate(row(found, found.p))
    return is_red(gate(GateParams.model_validate({"rules": [rule]}), Results({}, {}, {}, difference, None, [], 0, {})))


def rates(models: Models, margin: float, runs: int, random: np.random.Generator) -> tuple[float, float | None, float]:
    """Shares of false alarms, of wrong passes, and of false alarms of the naive gate."""
    equal = [models.drawn(0.0, random) for _ in range(runs)]
    alarms = np.mean([is_stopped(found, margin) for found in equal])
    naive = np.mean([found.difference <= -0.02 for found in equal])
    if not models.can_drop(margin):
        return float(alarms), None, float(naive)
    worse = [models.drawn(margin, random) for _ in range(runs)]
    return float(alarms), float(np.mean([not is_stopped(found, margin) for found in worse])), float(naive)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| examples | groups of | values | answers that differ | margin | false alarm | wrong pass | naive |")
    print("|---|---|---|---|---|---|---|---|")
    for n, size, kind, changed in product((50, 100, 500), (1, 4), ("yes/no", "graded"), (0.05, 0.1, 0.3)):
        models, random = Models(n, changed, size, kind), np.random.default_rng(11)
        margin = models.sure_margin(random)
        if margin >= 1:
            print(f"| {n} | {size} | {kind} | {changed:.0%} | none | | | |")
            continue
        alarm, wrong, naive = rates(models, margin, runs, random)
        shown = "" if wrong is None else f"{wrong:.1%}"
        print(
            f"| {n} | {size} | {kind} | {changed:.0%} | {margin * 100:.1f} | {alarm:.1%} | {shown} | {naive:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
