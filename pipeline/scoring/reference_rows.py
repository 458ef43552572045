"""What a field can be guessed by without a language model: always the most frequent value, or a classifier over words.

A team should know when a language model is the wrong tool.
"""

from collections import Counter
from collections.abc import Sequence

from pipeline.scoring.answers import Contract, Scores, field_texts
from pipeline.scoring.words import words_of

REGULARISATION = (
    10.0  # C of the logistic regression; of 1 and 10 the better one in cross-validation on the sample's train side
)
Talk = tuple[str, str]  # question and answer


def guesses(learnt: Sequence[Talk], asked: Sequence[Talk], contract: Contract) -> dict[str, Scores]:
    """Scores of both rows on each field with one right value; none where nothing is learnt or the task has no such field."""
    found: dict[str, Scores] = {"majority": {}, "bag_of_words": {}}
    questions, answers = ([talk[side] for talk in learnt] for side in (0, 1))
    for name in contract.exact_fields if learnt else ():
        values, wanted = field_texts(answers, contract, name), field_texts([talk[1] for talk in asked], contract, name)
        said = {
            "majority": majority(values, len(wanted)),
            "bag_of_words": bag_of_words(questions, values, [talk[0] for talk in asked]),
        }
        for row, guessed in said.items():
            found[row][f"exact_{name}"] = [float(one == other) for one, other in zip(guessed, wanted, strict=True)]
    return {row: scores for row, scores in found.items() if scores}


def majority(learnt: Sequence[str], asked: int) -> list[str]:
    """The most frequent of the values for each that is asked; of several the first by name. At least one must be learnt."""
    counts = Counter(learnt)
    value = min(counts, key=lambda one: (-counts[one], one))
    return [value] * asked


def bag_of_words(texts: Sequence[str], values: Sequence[str], asked: Sequence[str]) -> list[str]:
    """A value for each text that is asked, by logistic regression over words weighed by tf-idf, learnt from texts and their values.

    Where all values are equal, or no text has a word, it is the majority.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if len(set(values)) < 2 or not any(words_of(text) for text in texts):
        return majority(values, len(asked))
    weighed = TfidfVectorizer(analyzer=words_of)
    classifier = LogisticRegression(C=REGULARISATION, max_iter=2000)
    classifier.fit(weighed.fit_transform(texts), values)
    found: list[str] = classifier.predict(weighed.transform(asked)).tolist() if asked else []
    return found
