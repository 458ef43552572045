"""What a slice came to: each measure as a value with its interval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.production.monitoring.measures import AMOUNTS, LATENCIES, SHARES, TIMES, Is
from pipeline.production.monitoring.tally import ERROR, Slice, value_at
from pipeline.scoring import grouped_sums
from pipeline.scoring.exact import ALPHA
from pipeline.scoring.grouped_sums import Value


@dataclass(frozen=True)
class Measured:
    """A slice: how many requests it has, each measure, each thing that answers failed, and what it came to in all."""

    requests: int
    values: Mapping[str, Value]
    failed: Mapping[str, Value]
    totals: Mapping[str, float] = field(default_factory=dict)


def measured(held: Slice, rules: Iterable[str], alpha: float = ALPHA) -> Measured:
    """Everything of a slice, with intervals that miss in `alpha` of samples. Users belong together where any is known.

    `rules` are told though no answer failed them.
    """
    values = {
        one.name: grouped_sums.share(held.count(one.hit), held.count(one.of), held.has_users, alpha) for one in SHARES
    }
    for row, amount in enumerate(AMOUNTS):
        values[amount.name] = grouped_sums.mean(held.amounts[row][0], held.amounts[row][1], alpha)
    for row, time in enumerate(TIMES):
        values |= _latencies(held, row, time, alpha)
    judged = held.count(Is.JUDGED)
    failed = {
        name: grouped_sums.share(held.failed.get(name, judged * 0), judged, held.has_users, alpha)
        for name in sorted({*held.failed, *(f"rule:{rule}" for rule in rules)})
    }
    totals = {amount.name: float(held.amounts[row][0].sum()) for row, amount in enumerate(AMOUNTS)}
    return Measured(held.requests, values, failed, totals)


def _latencies(held: Slice, row: int, time: str, alpha: float) -> dict[str, Value]:
    """Percentiles of a time. How much users leave of n is told by the mean of the times' logarithms."""
    bins, (sums, sizes) = held.bins[row], held.logs[row]
    n = int(bins.sum())
    effect = grouped_sums.design_effect(sums, sizes, float(held.squares[row])) if held.has_users else 1.0
    found = {
        one.name: grouped_sums.percentile(one.q, lambda share: value_at(bins, share), n, n / effect, alpha)
        for one in LATENCIES
        if one.time == time
    }
    return {name: _with_bin(value) for name, value in found.items()}


def _with_bin(value: Value) -> Value:
    """The interval wider by what a bin hides."""
    low = value.low / (1 + ERROR) if value.low is not None else None
    return replace(value, low=low, high=value.high / (1 - ERROR) if value.high is not None else None)
