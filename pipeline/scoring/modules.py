"""The metrics of an answer as modules of the `evaluate` library that need no network, for scripts of your own.

    from pipeline.data.answers import Contract
    from pipeline.scoring.modules import FormatAccuracy

    FormatAccuracy(Contract.load(Path("task/answer.schema.json"))).compute(predictions=['{"category": "refund"}'])

They know no path, no service and no model: a judge may be any function that is shown a question and two answers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import datasets
import evaluate

from pipeline.scoring import metrics
from pipeline.scoring.answers import Contract, format_parts
from pipeline.scoring.judge import side_of

TEXT = datasets.Value("string")
Side = int | None  # 1: the first of two answers, -1: the second, 0: neither, None: a reply that cannot be read
Ask = Callable[[Sequence[str], Sequence[str], Sequence[str]], Sequence[Side]]


class _PerExample(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """A metric with a value for each pair of prediction and reference."""

    metric: type[metrics.Metric]

    def _info(self) -> evaluate.MetricInfo:
        return _info(str(self.metric.__doc__).partition("\n")[0], predictions=TEXT, references=TEXT)

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, Any]:
        found = metrics.values(self.metric, predictions, references)
        return {"values": found, "mean": _mean(found)}


class ExactMatch(_PerExample):
    """1 where the two texts are the same, else 0."""

    metric = metrics.ExactMatch


class RougeL(_PerExample):
    """ROUGE-L F1 of words in any script."""

    metric = metrics.RougeL


class Bleu(_PerExample):
    """BLEU of one sentence."""

    metric = metrics.Bleu


class FormatAccuracy(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """1 for an answer that parses, meets the schema and matches nothing prohibited; `parts` has each of the three alone."""

    def __init__(self, contract: Contract, prohibited: Sequence[str] = (), **options: Any) -> None:
        self._contract, self._prohibited = contract, prohibited
        super().__init__(**options)

    def _info(self) -> evaluate.MetricInfo:
        return _info("the answer parses, meets the schema, and says nothing prohibited", predictions=TEXT)

    def _compute(self, predictions: list[str]) -> dict[str, Any]:
        found = format_parts(predictions, self._contract, self._prohibited)
        values = found.pop("format_accuracy")
        return {"values": values, "mean": _mean(values), "parts": {name: _mean(one) for name, one in found.items()}}


class Judge(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """1 where a judge prefers the prediction to the other answer, 0 where the other, 0.5 for a tie; asked both ways round.

    `ask` is given questions and the answers that stand first and second, and gives a side each. Two replies that do not take the same
    side are a tie, and `inconsistent`; what cannot be read has no value, and is counted as `unreadable`.
    """

    def __init__(self, ask: Ask, **options: Any) -> None:
        self._ask = ask
        super().__init__(**options)

    def _info(self) -> evaluate.MetricInfo:
        return _info("which of two answers a judge prefers", predictions=TEXT, references=TEXT, questions=TEXT)

    def _compute(self, predictions: list[str], references: list[str], questions: list[str]) -> dict[str, Any]:
        there = self._ask(questions, predictions, references)
        back = self._ask(questions, references, predictions)
        both = [(one, None if other is None else -other) for one, other in zip(there, back, strict=True)]
        read = [sides for sides in both if None not in sides]
        values = [(1 + side_of(sides)) / 2 for sides in read]
        return {
            "values": values,
            "mean": _mean(values),
            "inconsistent": sum(one != other for one, other in read),
            "unreadable": len(both) - len(read),
        }


def _info(description: str, **features: Any) -> evaluate.MetricInfo:
    return evaluate.MetricInfo(
        description=description,
        citation="",
        inputs_description=f"texts under {', '.join(features)}, one an example",
        features=datasets.Features(features),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
