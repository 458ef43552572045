"""What answers are worth on a yardstick, example by example, and the mean of them: always scored by this tree's code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.pull_request.comparing.said import Said, prose_of, turns_of
from pipeline.pull_request.comparing.yardstick import Yardstick
from pipeline.scoring.answers import Scores, score
from pipeline.scoring.checks import passes
from pipeline.scoring.measured import PREFERENCE
from pipeline.stage import Fault

PROBES, CASES, TEXTS = "probes", "cases", "token_chance"
BARE = (PROBES, TEXTS)  # of which the prompt is no part
Values = dict[str, dict[str, float]]  # by metric and id


@dataclass(frozen=True)
class Cell:
    """A mean, its 95 % interval where that is known, and `n` examples of `size` that there are."""

    mean: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    size: int | None = None


@dataclass
class Scorer:
    """Scores a set of answers once, however many arms and yardsticks share it."""

    known: dict[str, Scores] = field(default_factory=dict)

    def values(self, yardstick: Yardstick, given: Said) -> Values:
        """Each metric's value of each example that was answered; probes, cases and texts beside the metrics of the task."""
        found = self._task(yardstick, given)
        worse = [one.id for one in yardstick.records.values() if one.rejected and one.id in given.preferred]
        found[PREFERENCE] = {key: float(given.preferred[key]) for key in worse}
        for name, questions, answers in (
            (PROBES, yardstick.probes, given.probes),
            (CASES, yardstick.cases, given.cases),
        ):
            found[name] = {
                key: float(passes(answers[turns_of(one)], one.check.kind, one.check.value))
                for key, one in questions.items()
                if turns_of(one) in answers
            }
        told = {key: prose_of(one) for key, one in yardstick.texts.items()}
        found[TEXTS] = {key: given.told[prose] for key, prose in told.items() if prose in given.told}
        return {name: values for name, values in found.items() if values}

    def _task(self, yardstick: Yardstick, given: Said) -> Values:
        pairs = [(one, text) for one in yardstick.records.values() if (text := given.answer(one)) is not None]
        if not pairs:
            return {}
        answers, wanted = [text for _, text in pairs], [one.answer for one, _ in pairs]
        key = repr((answers, wanted, yardstick.contract.schema, yardstick.prohibited))
        if key not in self.known:
            self.known[key] = _checked(score(answers, wanted, yardstick.contract, yardstick.prohibited))
        ids = [one.id for one, _ in pairs]
        return {name: dict(zip(ids, values, strict=True)) for name, values in self.known[key].items()}


def _checked(scores: Scores) -> Scores:
    for name, values in scores.items():
        if not all(0 <= value <= 1 for value in values):
            raise Fault(name, "scores an answer with no number between 0 and 1", "mend the metric")
    return scores


def sizes(yardstick: Yardstick, names: Iterable[str]) -> dict[str, int]:
    """How many examples each of these metrics has on a yardstick."""
    own = {PROBES: len(yardstick.probes), CASES: len(yardstick.cases), TEXTS: len(yardstick.texts)}
    own[PREFERENCE] = sum(bool(one.rejected) for one in yardstick.records.values())
    return {name: own.get(name, yardstick.size) for name in names}


def groups(yardstick: Yardstick, metric: str) -> dict[str, str]:
    """The group of each example of a metric: that of the record; the two halves of a pair of probes are one."""
    if metric == PROBES:
        return {key: "|".join(sorted((key, one.twin or key))) for key, one in yardstick.probes.items()}
    if metric in (CASES, TEXTS):
        return {key: key for key in (yardstick.cases if metric == CASES else yardstick.texts)}
    return {key: one.group for key, one in yardstick.records.items()}


def cells(yardstick: Yardstick, values: Values) -> dict[str, Cell]:
    """The mean of each metric."""
    from pipeline.scoring.rates import estimate

    of, found = sizes(yardstick, values), dict[str, Cell]()
    for name, by_id in values.items():
        group = groups(yardstick, name)
        mean = estimate(list(by_id.values()), [group[key] for key in by_id])
        found[name] = Cell(mean.mean, mean.low, mean.high, mean.n, max(of[name], mean.n))
    return found


@dataclass(frozen=True)
class Margins:
    """The drop that still counts as no worse: of the task's metrics, of the probes, of the texts."""

    task: float
    probes: float
    texts: float


def paired(candidate: Values, baseline: Values, yardstick: Yardstick, margins: Margins) -> dict[str, dict[str, Any]]:
    """The comparison of each metric on the examples that have a value on both sides, as plain values.

    The task's metrics are one family; probes and texts are each asked beforehand, and cases have no margin, so none is among them.
    """
    from pipeline.scoring.many_comparisons import compare_family

    both = {name: [key for key in baseline[name] if key in candidate[name]] for name in baseline if name in candidate}
    rows: dict[str, dict[str, Any]] = {}
    task = [name for name in both if name not in (PROBES, CASES, TEXTS)]
    for names, margin in ((task, margins.task), ([PROBES], margins.probes), ([TEXTS], margins.texts)):
        keys = {name: both[name] for name in names if both.get(name)}
        one, other = (
            {name: [side[name][key] for key in keys[name]] for name in keys} for side in (candidate, baseline)
        )
        group = {name: groups(yardstick, name) for name in keys}
        by_metric = {name: [group[name][key] for key in keys[name]] for name in keys}
        rows |= compare_family(one, other, by_metric, {}, margin)[0]
    return rows


def only(values: Values, keys: Mapping[str, set[str]]) -> Values:
    """The values of these examples alone, by metric; a metric that is not named keeps none."""
    kept = {
        name: {key: value for key, value in by_id.items() if key in keys.get(name, set())}
        for name, by_id in values.items()
    }
    return {name: by_id for name, by_id in kept.items() if by_id}
