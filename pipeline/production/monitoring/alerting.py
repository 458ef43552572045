"""What is beyond its bound, and what cannot be told: alerts and warnings, each a sentence with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.desk.reviewing.shown import LONGEST_NAME, masked, shown
from pipeline.production.monitoring.drifting import Drifted, Tested
from pipeline.production.monitoring.measures import COUNTED, MEASURES, Share
from pipeline.production.monitoring.settings import Bound
from pipeline.scoring.grouped_sums import UNKNOWN, Value

Status = Literal["alert", "within", "cannot tell"]


@dataclass(frozen=True)
class Held:
    """A bound and what came of it. It is an alert only where the whole interval lies beyond."""

    measure: str
    slice: str
    status: Status
    says: str
    on_cannot_tell: str


def hold(
    bounds: Sequence[Bound], slices: Mapping[str, Mapping[str, Value]], counted: Mapping[str, Value], least: int
) -> list[Held]:
    """Each bound, held against what was measured. `counted` are the measures that are no samples.

    Of fewer than `least` observations nothing is told, however clear: bounds are many, and looked at often.
    """
    found = []
    for bound in bounds:
        values = counted if bound.measure in COUNTED else slices.get(bound.slice, {})
        value = values.get(bound.measure, UNKNOWN)
        is_few = bound.measure not in COUNTED and value.effective_n < least
        status: Status = "cannot tell" if is_few else _status(bound, value)
        found.append(Held(bound.measure, bound.slice, status, _says(bound, value), bound.on_cannot_tell))
    return found


def drift_alerts(found: Drifted) -> list[str]:
    """A sentence for each test that is an alarm."""
    return [
        f"drift of {one.name}: {EFFECTS[one.name].format(one.effect)}{_named(one)} (bound {one.bound:g}), {one.statistic} {one.value:.4g}, "
        f"p {one.p_adjusted:.2g} after Holm, alpha {found.alpha:.2g} a look, n {found.n}"
        for one in found.tests
        if one.is_alarm
    ]


def _named(one: Tested) -> str:
    """The label, language or word that moved most."""
    return f", {shown(masked(one.detail[0][0]), LONGEST_NAME)} first of all" if one.detail else ""


EFFECTS = {
    "labels": "{:.1%} of the answers would need another label for the mix of training",
    "language": "{:.1%} of the questions would need another language for the mix of training",
    "length": "the distributions of lengths lie {:.2f} apart",
    "vocabulary": "{:.1%} more of the words of a question are new than within training",
    "words": "{:.1%} more of the questions have the same word than within training",
    "distance": "{:.1%} more of the questions lie far from every training example than within training",
}


def _status(bound: Bound, value: Value) -> Status:
    if value.value is None:
        return "cannot tell"
    low = value.low if value.low is not None else float("-inf")
    high = value.high if value.high is not None else float("inf")
    if bound.max is not None:
        return "alert" if low > bound.max else "within" if high <= bound.max else "cannot tell"
    assert bound.min is not None
    return "alert" if high < bound.min else "within" if low >= bound.min else "cannot tell"


def _says(bound: Bound, value: Value) -> str:
    where = "" if bound.slice == "all" or bound.measure in COUNTED else f" on {bound.slice}"
    end = (
        f"at most {written(bound.measure, bound.max)}"
        if bound.max is not None
        else f"at least {written(bound.measure, bound.min)}"
    )
    return f"{bound.measure}{where} is {with_interval(bound.measure, value)}; wanted is {end}"


def with_interval(measure: str, value: Value) -> str:
    """A value with its interval and n, in words."""
    if value.value is None:
        return "not known (no such request)"
    ends = f"{written(measure, value.low)} to {written(measure, value.high)}, " if value.low != value.high else ""
    return f"{written(measure, value.value)} ({ends}n {value.n})"


def written(measure: str, value: float | None) -> str:
    """A number as people read it: shares in percent, a missing one as a dash."""
    if value is None:
        return "?"
    if measure == "canaries_failed":
        return f"{value:g}"
    is_share = (
        measure in COUNTED or measure not in MEASURES or isinstance(MEASURES[measure], Share)
    )  # a rule is a share
    return f"{100 * value:.3g} %" if is_share else f"{value:.3g}"
