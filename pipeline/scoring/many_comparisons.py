"""Many comparisons at once: p adjusted, so that among all of them one false alarm comes in at most 1 of 20 reports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pipeline.scoring.exact import ALPHA
from pipeline.scoring.paired import FEWEST, Comparison, Verdict, compare

Scores = dict[str, list[float]]
Slices = dict[str, dict[str, list[int]]]
Row = dict[str, Any]


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p of each (Holm, Scandinavian Journal of Statistics 6, 1979), in the order given."""
    order = sorted(range(len(values)), key=lambda position: values[position])
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, position in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[position]))
        adjusted[position] = highest
    return adjusted


def by_adjusted(found: Comparison, p: float, margin: float) -> Comparison:
    """The comparison of a slice with the verdict that its adjusted p allows: better and worse only where it is below 0.05."""
    if found.verdict not in ("better", "worse") or p < ALPHA:
        return found
    word: Verdict = "no worse" if found.low >= -margin else "cannot tell"
    return replace(found, verdict=word)


def compare_family(
    candidate: Scores, baseline: Scores, groups: Mapping[str, Sequence[str]], slices: Slices, margin: float
) -> tuple[dict[str, Row], dict[str, dict[str, Row]]]:
    """Each metric that both have, overall and on each slice, as plain values with `p_adjusted`.

    The family is every comparison of these two arms: all metrics, overall and by slice. Overall verdicts go by p itself, since each
    metric is a question asked beforehand; those of slices by the adjusted one, since nobody reads a table of slices but for its worst
    rows. `slices` name positions by metric; one of fewer than six groups can tell nothing, and is left out.
    """

    def on(metric: str, chosen: Sequence[int]) -> Comparison:
        return _on(candidate[metric], baseline[metric], groups[metric], chosen, margin)

    overall = {name: on(name, range(len(values))) for name, values in baseline.items() if name in candidate}
    parts = {
        (name, metric): on(metric, chosen)
        for name, by_metric in slices.items()
        for metric, chosen in by_metric.items()
        if metric in overall and len({groups[metric][at] for at in chosen}) >= FEWEST
    }
    adjusted = holm([found.p for found in (*overall.values(), *parts.values())])
    rows = {name: row(found, p) for (name, found), p in zip(overall.items(), adjusted, strict=False)}
    tables: dict[str, dict[str, Row]] = {}
    for ((name, metric), found), p in zip(parts.items(), adjusted[len(overall) :], strict=True):
        tables.setdefault(name, {})[metric] = row(by_adjusted(found, p, margin), p)
    return rows, tables


def compare_part(
    candidate: Scores, baseline: Scores, groups: Mapping[str, Sequence[str]], margin: float
) -> dict[str, Row]:
    """Each metric that both have, on a set that is a slice by itself: the family is its metrics, and verdicts go by `p_adjusted`."""
    found = {
        name: _on(candidate[name], values, groups[name], range(len(values)), margin)
        for name, values in baseline.items()
        if name in candidate
    }
    adjusted = holm([one.p for one in found.values()])
    return {name: row(by_adjusted(one, p, margin), p) for (name, one), p in zip(found.items(), adjusted, strict=True)}


def _on(
    candidate: Sequence[float], baseline: Sequence[float], groups: Sequence[str], chosen: Sequence[int], margin: float
) -> Comparison:
    one, other = ([side[at] for at in chosen] for side in (candidate, baseline))
    return compare(one, other, [groups[at] for at in chosen], margin)


def row(found: Comparison, p_adjusted: float) -> Row:
    """A comparison as a report holds it: shares to four places, p to three digits."""
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(found).items()}
    return {**values, "p": float(f"{found.p:.3g}"), "p_adjusted": float(f"{p_adjusted:.3g}")}
