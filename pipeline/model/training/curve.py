"""The curve of a phase: what was logged at which step, and what it says about how long to train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Log = list[dict[str, Any]]


@dataclass(frozen=True)
class Measure:
    """What validations are compared by: a key of the log, and whether more is better."""

    key: str
    is_gain: bool

    def of(self, entry: Mapping[str, Any]) -> float:
        """A value of which less is better."""
        return -float(entry[self.key]) if self.is_gain else float(entry[self.key])


LOSS, REWARD = Measure("eval_loss", is_gain=False), Measure("eval_reward", is_gain=True)
RISE = 0.02  # of the validation loss: less is noise


@dataclass(frozen=True)
class Check:
    """A validation: the step, its loss (or what else is measured, less being better), and the mean training loss since the one before."""

    step: int
    loss: float
    trained: float


def checks(log: Sequence[Mapping[str, Any]], measure: Measure = LOSS) -> list[Check]:
    """Every validation of a log, in its order."""
    found: list[Check] = []
    losses: list[tuple[float, int]] = []
    last = 0
    for entry in log:
        if "loss" in entry:
            losses.append((entry["loss"], entry["step"] - last))
            last = entry["step"]
        if measure.key in entry:
            steps = sum(number for _, number in losses)
            mean = sum(loss * number for loss, number in losses) / steps if steps else float("nan")
            found.append(Check(entry["step"], measure.of(entry), mean))
            losses = []
    return found


def best(found: Sequence[Check]) -> Check | None:
    """The validation of least loss, the first of several."""
    return min(found, key=lambda check: (check.loss, check.step), default=None)


def has_lost_patience(log: Sequence[Mapping[str, Any]], patience: int, measure: Measure = LOSS) -> bool:
    """Whether `patience` validations in a row were no better than one before them; 0 is never."""
    found = checks(log, measure)
    least = best(found)
    return bool(patience) and least is not None and len(found) - 1 - found.index(least) >= patience


def overfit(log: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """Where validation rose while training fell, or None: steps and losses of the best validation and of the last."""
    found = checks(log)
    least = best(found)
    if least is None or least is found[-1]:
        return None
    last = found[-1]
    if last.loss <= least.loss * (1 + RISE) or not last.trained < least.trained:
        return None
    return {
        "best_step": least.step,
        "best_validation_loss": round(least.loss, 4),
        "last_step": last.step,
        "last_validation_loss": round(last.loss, 4),
    }


def last_logged(log: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """The last value that was logged under a name."""
    return next((float(entry[key]) for entry in reversed(log) if key in entry), None)


def logged_at(log: Sequence[Mapping[str, Any]], key: str, step: int) -> float | None:
    """The value that was logged under a name at a step."""
    return next((float(entry[key]) for entry in log if key in entry and entry["step"] == step), None)
