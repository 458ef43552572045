"""The metrics of an answer, as modules of the `evaluate` library that need no network.

Each computes a value an example, since every comparison pairs by example; the mean is the headline.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import datasets
import evaluate
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from pipeline.scoring.words import words_of

PAIR = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}


class _PerExample(evaluate.Metric, ABC):  # type: ignore[misc]  # evaluate is untyped
    """A metric with a value for each pair of prediction and reference."""

    description = ""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.description,
            citation="",
            inputs_description="two texts a pair",
            features=datasets.Features(PAIR),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, Any]:
        values = [
            self.value(prediction, reference) for prediction, reference in zip(predictions, references, strict=True)
        ]
        return {"values": values, "mean": sum(values) / len(values) if values else 0.0}

    @abstractmethod
    def value(self, prediction: str, reference: str) -> float:
        """The value of one pair, 0 to 1."""


class ExactMatch(_PerExample):
    """1 where the two texts are the same, else 0."""

    description = "the same text"

    def value(self, prediction: str, reference: str) -> float:
        return float(prediction == reference)


class _WordsOfAnyScript(Tokenizer):  # type: ignore[misc]  # rouge_score is untyped
    def tokenize(self, text: str) -> list[str]:
        return words_of(text)


class RougeL(_PerExample):
    """ROUGE-L F1 (Lin, 2004): the longest common subsequence of words, in any script."""

    description = "longest common subsequence of words, F1"

    def value(self, prediction: str, reference: str) -> float:
        if not words_of(prediction) and not words_of(reference):
            return float(prediction.strip() == reference.strip())
        return float(_SCORER.score(reference, prediction)["rougeL"].fmeasure)


class Bleu(_PerExample):
    """BLEU of one sentence (Papineni et al., 2002), runs of two to four words counted with one more each (Lin and Och, 2004).

    A reference of fewer than four words is compared by runs as long as it has. 1 only for the same words in the same order.
    """

    description = "runs of up to four words in common, shorter texts marked down"

    def value(self, prediction: str, reference: str) -> float:
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        said, wanted = words_of(prediction), words_of(reference)
        if not said or not wanted:
            return float(prediction.strip() == reference.strip())
        longest = min(4, len(wanted), len(said))
        weights = [1 / longest] * longest
        return min(1.0, float(sentence_bleu([wanted], said, weights, SmoothingFunction().method2)))


class Own(_PerExample):
    """A function of a team's own as a metric (pipeline.scoring.own)."""

    description = "a metric of the team's own"

    def __init__(self, function: Callable[[str, str], float], **options: Any) -> None:
        self._function = function
        super().__init__(**options)

    def value(self, prediction: str, reference: str) -> float:
        return float(self._function(prediction, reference))


_SCORER = RougeScorer(["rougeL"], tokenizer=_WordsOfAnyScript())


def values(metric: Callable[..., _PerExample], predictions: Sequence[str], references: Sequence[str]) -> list[float]:
    """The metric's value for each pair, in order."""
    computed = metric(keep_in_memory=True).compute(predictions=predictions, references=references)
    return [float(value) for value in computed["values"]]
