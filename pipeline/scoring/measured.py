"""What of a set a metric is measured on, and how sure its mean is."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

from pipeline.scoring.answers import PARTS, Scores

PREFERENCE = "preference_accuracy"


class Example(Protocol):
    """What has a group, and where it is a preference a worse answer."""

    @property
    def group(self) -> str: ...

    @property
    def rejected(self) -> Sequence[object]: ...


def positions_of(metric: str, examples: Sequence[Example]) -> list[int]:
    """Positions of the examples that a metric has a value for."""
    return [at for at, one in enumerate(examples) if metric != PREFERENCE or one.rejected]


def groups_of(metric: str, examples: Sequence[Example]) -> list[str]:
    """The groups of the examples that a metric has a value for."""
    return [examples[at].group for at in positions_of(metric, examples)]


def estimates(scores: dict[str, Scores], examples: Sequence[Example]) -> dict[str, Any]:
    """The mean of each metric with its interval and n, by arm."""
    from pipeline.scoring.rates import estimate

    return {
        arm: {
            metric: _rounded(asdict(estimate(values, groups_of(metric, examples)))) for metric, values in found.items()
        }
        for arm, found in scores.items()
    }


def without_parts(scores: Scores) -> Scores:
    """What is compared: the parts of format accuracy are told, and would ask the same question again."""
    return {name: values for name, values in scores.items() if name not in PARTS}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
