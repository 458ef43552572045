"""How far a question is from all that the model learnt from: the cosine of its words to the nearest training example.

Words are weighted by how few examples have them (TF-IDF). It says only that the words are new: a paraphrase in other words is far, too,
and a new question in old words is near.
"""

import heapq
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.data.likeness.shingles import words
from pipeline.data.records import Record, stream_records

CHUNK = 500  # questions that are compared at a time


def sample_of(train: Path, most: int) -> list[Record]:
    """So many training examples, chosen by hash (their ids are digests); all where there are no more, none where there is no file."""
    if not train.exists():
        return []
    return heapq.nsmallest(most, stream_records(train), key=lambda record: record.id)


def nearest(questions: Sequence[str], examples: Iterable[Record]) -> list[float]:
    """The cosine of each question to the example that is nearest to it: 0 to 1, one a question."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    asked = [record.question for record in examples]
    if not questions or not any(words(text) for text in asked):
        return [0.0] * len(questions)
    weights = TfidfVectorizer(analyzer=words)
    learnt = weights.fit_transform(asked).T.tocsc()
    found: list[float] = []
    for start in range(0, len(questions), CHUNK):
        alike = weights.transform(questions[start : start + CHUNK]) @ learnt
        found += [float(value) for value in alike.max(axis=1).toarray().ravel()]
    return found
