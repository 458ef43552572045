"""Example by example: what one arm gets right that another got wrong, and the other way round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.scoring.answers import Scores

Change = Literal["broken", "fixed", "same"]
KINDS: tuple[Change, ...] = ("broken", "fixed", "same")  # the worst first
GRADED = ("rouge_l_", "bleu_")  # metrics of these names say how far, not whether


@dataclass(frozen=True)
class Changed:
    """One example between two arms.

    `metrics`: before and after of each that differs; `kept`: the others; `size`: the sum of what they fell or rose.
    """

    at: int
    change: Change
    metrics: dict[str, tuple[float, float]]
    kept: dict[str, float]
    size: float

    def told(self) -> dict[str, object]:
        """For a report."""
        metrics = {name: [round(value, 4) for value in pair] for name, pair in sorted(self.metrics.items())}
        return {"change": self.change, "metrics": metrics}


def changed(candidate: Scores, baseline: Scores, count: int) -> list[Changed]:
    """Every example: broken where a metric of right or wrong fell, fixed where one rose and none fell, else the same.

    Both score `count` examples by the same metrics in the same order; a metric that has fewer values is left out.
    """
    names = [
        name for name, values in baseline.items() if len(values) == count and len(candidate.get(name, ())) == count
    ]
    return [_one(candidate, baseline, names, at) for at in range(count)]


def _one(candidate: Scores, baseline: Scores, names: Sequence[str], at: int) -> Changed:
    pairs = {name: (baseline[name][at], candidate[name][at]) for name in names}
    moved = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    steps = [after - before for name, (before, after) in moved.items() if not name.startswith(GRADED)]
    change: Change = "broken" if any(step < 0 for step in steps) else "fixed" if steps else "same"
    kept = {name: pair[0] for name, pair in pairs.items() if name not in moved}
    return Changed(at, change, moved, kept, sum(abs(after - before) for before, after in moved.values()))


def worst_first(found: Sequence[Changed], shown: int) -> list[Changed]:
    """The broken ones by size, then the fixed ones by size: at most `shown`, half of them free for the fixed ones where there are any."""
    broken, fixed = ([one for one in in_order(found) if one.change == kind] for kind in ("broken", "fixed"))
    room = shown - min(len(fixed), shown // 2)
    few = broken[:room]
    return few + fixed[: shown - len(few)]


def first(found: Sequence[Changed], most: int) -> list[Changed]:
    """The worst first, and where there is room the ones that are the same."""
    few = worst_first(found, most)
    return few + [one for one in found if one.change == "same"][: most - len(few)]


def in_order(found: Sequence[Changed]) -> list[Changed]:
    """All of them: the broken ones by size, the fixed ones by size, and those that are the same, each as they come in the set."""
    return sorted(found, key=lambda one: (KINDS.index(one.change), -one.size if one.change != "same" else 0, one.at))


def counts(found: Sequence[Changed]) -> dict[str, int]:
    """How many of each."""
    return {kind: sum(one.change == kind for one in found) for kind in KINDS}
