"""The worst slices first: a report whose keys are sorted by name cannot say it by their order."""

from collections.abc import Mapping
from typing import Any

MOST = 10  # of a pair of arms
TOLD = ("difference", "low", "high", "n", "verdict", "p_adjusted")
Table = Mapping[str, Mapping[str, Mapping[str, Any]]]


def worst_slices(table: Table, most: int = MOST) -> list[dict[str, Any]]:
    """Rows of slice and metric: those that are worse beyond doubt, then the others, each by what they lost.

    `table` has a comparison by slice and metric. A slice that rose comes last, where there is room.
    """
    rows = [
        {"slice": name, "metric": metric, **{key: row[key] for key in TOLD}}
        for name, by_metric in table.items()
        for metric, row in by_metric.items()
    ]
    return sorted(rows, key=_badness)[:most]


def _badness(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["verdict"] != "worse", row["difference"], row["p_adjusted"], row["slice"], row["metric"]
