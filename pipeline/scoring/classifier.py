"""A text classifier as a metric: a module of the `evaluate` library that needs no network.

    from pipeline.model.classifying import TextClassifier
    from pipeline.scoring.classifier import Classifier

    polite = TextClassifier(Path("models/classifiers/tone"), "polite", max_length=256, batch_size=16)
    Classifier(polite).compute(predictions=["Thank you for waiting.", "What now?"])     # {"values": [...], "mean": ...}

It knows no model: what it is given may be any function that gives texts their probabilities.
"""

from collections.abc import Callable, Sequence
from typing import Any

import datasets
import evaluate

Probabilities = Callable[[Sequence[str], Sequence[str]], Sequence[float]]


class Classifier(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """The probability of a label for each text; where it is not one that `is_wanted`, one minus it.

    With `is_pair` it takes `questions` beside `predictions`, one for each.
    """

    def __init__(
        self, probabilities: Probabilities, *, is_pair: bool = False, is_wanted: bool = True, **options: Any
    ) -> None:
        self._probabilities, self._is_pair, self._is_wanted = probabilities, is_pair, is_wanted
        super().__init__(**options)

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="what a text classifier says",
            citation="",
            inputs_description="texts, with a question for each where pairs are judged",
            features=datasets.Features({"predictions": text} | ({"questions": text} if self._is_pair else {})),
        )

    def _compute(self, predictions: list[str], questions: list[str] | None = None) -> dict[str, Any]:
        found = self._probabilities(predictions, questions or [])
        values = [float(value) if self._is_wanted else round(1 - float(value), 6) for value in found]
        return {"values": values, "mean": sum(values) / len(values) if values else 0.0}


def values(metric: Classifier, predictions: Sequence[str], questions: Sequence[str] = ()) -> list[float]:
    """The metric's value for each text, in order."""
    given = {"questions": list(questions)} if questions else {}
    return list(metric.compute(predictions=list(predictions), **given)["values"]) if predictions else []
