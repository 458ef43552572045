"""Measures beside others: beside the evaluation of the model that answered, and beside the window before."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from math import exp, isfinite, log

from pipeline.production.monitoring.measures import MEASURES, Measure, Share
from pipeline.scoring.grouped_sums import Difference, Value, difference
from pipeline.scoring.paired import Verdict, verdict


@dataclass(frozen=True)
class Beside:
    """A value beside another one: the difference (of shares in points of 1, of amounts and times as a ratio), and what it means."""

    other: Value
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Margins:
    """What is still no worse: of shares so much, of amounts and times this part of them."""

    share: float
    relative: float


def beside(measure: Measure, one: Value, other: Value, margins: Margins) -> Beside:
    """A measure beside the same one elsewhere. Where a value or an end of an interval is not known, nothing can be told."""
    is_share = isinstance(measure, Share)
    found = difference(one, other) if is_share else difference(_logs(one), _logs(other))
    if found is None:
        return Beside(other, None, None, None, "cannot tell")
    margin = margins.share if is_share else log(1 + margins.relative)
    low, high = (found.low, found.high) if measure.better > 0 else (-found.high, -found.low)
    return _beside(other, found, verdict(low, high, margin), is_share)


def all_beside(values: Mapping[str, Value], others: Mapping[str, Value], margins: Margins) -> dict[str, Beside]:
    """Every measure that the other side has, too."""
    return {
        name: beside(MEASURES[name], values[name], other, margins)
        for name, other in others.items()
        if other.value is not None
    }


def _beside(other: Value, found: Difference, word: Verdict, is_share: bool) -> Beside:
    """Logarithms as ratios again. An interval with an end that is not known can still say worse or better by its other end."""
    first, low, high = ((end if is_share else exp(end)) if isfinite(end) else None for end in astuple(found))
    return Beside(other, first, low, high, word)


def _logs(value: Value) -> Value:
    """An amount or a time as its logarithm; an end that is not known, or zero, is none."""
    if value.value is None or value.value <= 0:
        return replace(value, value=None)
    ends = [log(end) if end else None for end in (value.low, value.high)]
    return replace(value, value=log(value.value), low=ends[0], high=ends[1])
