"""The metrics of an answer. Each computes a value an example, since every comparison pairs by example; the mean is the headline.

What computes them stands here alone, since the library `evaluate` imports PyTorch, which takes seconds: they are modules of it in
`pipeline.scoring.modules`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from pipeline.scoring.words import words_of


class Metric(ABC):
    """A metric with a value for each pair of prediction and reference."""

    @abstractmethod
    def value(self, prediction: str, reference: str) -> float:
        """The value of one pair, 0 to 1."""


class ExactMatch(Metric):
    """1 where the two texts are the same, else 0."""

    def value(self, prediction: str, reference: str) -> float:
        return float(prediction == reference)


class _WordsOfAnyScript(Tokenizer):  # type: ignore[misc]  # rouge_score is untyped
    def tokenize(self, text: str) -> list[str]:
        return words_of(text)


class RougeL(Metric):
    """ROUGE-L F1 (Lin, 2004): the longest common subsequence of words, in any script."""

    def value(self, prediction: str, reference: str) -> float:
        if not words_of(prediction) and not words_of(reference):
            return float(prediction.strip() == reference.strip())
        return float(_SCORER.score(reference, prediction)["rougeL"].fmeasure)


class Bleu(Metric):
    """BLEU of one sentence (Papineni et al., 2002), runs of two to four words counted with one more each (Lin and Och, 2004).

    A reference of fewer than four words is compared by runs as long as it has. 1 only for the same words in the same order.
    """

    def value(self, prediction: str, reference: str) -> float:
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        said, wanted = words_of(prediction), words_of(reference)
        if not said or not wanted:
            return float(prediction.strip() == reference.strip())
        longest = min(4, len(wanted), len(said))
        weights = [1 / longest] * longest
        return min(1.0, float(sentence_bleu([wanted], said, weights, SmoothingFunction().method2)))


class Own(Metric):
    """A function of a team's own as a metric (pipeline.scoring.own)."""

    def __init__(self, function: Callable[[str, str], float]) -> None:
        self._function = function

    def value(self, prediction: str, reference: str) -> float:
        return float(self._function(prediction, reference))


_SCORER = RougeScorer(["rougeL"], tokenizer=_WordsOfAnyScript())


def values(metric: Callable[[], Metric], predictions: Sequence[str], references: Sequence[str]) -> list[float]:
    """The metric's value for each pair, in order."""
    one = metric()
    return [float(one.value(said, wanted)) for said, wanted in zip(predictions, references, strict=True)]
