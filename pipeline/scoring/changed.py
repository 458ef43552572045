"""Example by example: what one arm gets right that another got wrong, and the other way round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.scoring.answers import Scores

Change = Literal["broken", "fixed", "same"]
GRADED = ("rouge_l_", "bleu_")  # metrics of these names say how far, not whether
LONGEST = 1000  # characters of a text that is shown, since what is shown stands in git


@dataclass(frozen=True)
class Changed:
    """One example between two arms. `metrics`: before and after of each that differs; `size`: the sum of what they fell or rose."""

    at: int
    change: Change
    metrics: dict[str, tuple[float, float]]
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
    return Changed(at, change, moved, sum(abs(after - before) for before, after in moved.values()))


def worst_first(found: Sequence[Changed], shown: int) -> list[Changed]:
    """The broken ones by size, then the fixed ones by size: at most `shown`, half of them free for the fixed ones where there are any."""
    broken, fixed = ([one for one in found if one.change == kind] for kind in ("broken", "fixed"))
    for kind in (broken, fixed):
        kind.sort(key=lambda one: (-one.size, one.at))
    room = shown - min(len(fixed), shown // 2)
    few = broken[:room]
    return few + fixed[: shown - len(few)]


def counts(found: Sequence[Changed]) -> dict[str, int]:
    """How many of each."""
    return {kind: sum(one.change == kind for one in found) for kind in ("broken", "fixed", "same")}


def cut(text: str) -> str:
    """At most LONGEST characters."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
