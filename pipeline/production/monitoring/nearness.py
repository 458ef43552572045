"""How near texts are to the training data: by words that it never has, and by the distance to the nearest of its examples."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.likeness.shingles import words
from pipeline.scoring.exact import Floats

GRAMS = (3, 5)  # characters within a word and its edges
ROWS = 512  # texts whose distances are worked out at a time
HASHES = 2**18
ENOUGH = 2000  # characters of a text that are looked at


@dataclass(frozen=True)
class Text:
    """A question, its label (or the answer's), and the group that belongs together in training."""

    text: str
    label: str
    group: str = ""


@dataclass(frozen=True)
class Near:
    """Of each text the share of its words that training never has, and the distance to the nearest of it, 0 to 1."""

    new_words: Floats
    distances: Floats


class Nearness:
    """Texts, ready to be asked how near others are.

    Distance is 1 - cosine of character n-grams, the rarer the heavier (TF-IDF), hashed, so that n-grams that none of them has count, too.
    """

    def __init__(self, held: Sequence[Text]) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self._words = {word for one in held for word in words(one.text)}
        self._grams = HashingVectorizer(
            analyzer="char_wb", ngram_range=GRAMS, n_features=HASHES, alternate_sign=False, norm=None, dtype=np.float64
        )
        counts = self._counted(held)
        self._weights = np.log((1 + len(held)) / (1 + np.bincount(counts.indices, minlength=HASHES))) + 1
        self._vectors = self._unit(counts)

    def of(self, texts: Sequence[Text]) -> Near:
        """How near each text is. Raises ValueError for no text."""
        vectors, found = self._unit(self._counted(texts)), []
        for start in range(0, len(texts), ROWS):
            alike = (vectors[start : start + ROWS] @ self._vectors.T).max(axis=1).toarray().ravel()
            found.append(1 - np.clip(alike, 0, 1))
        new = [sum(word not in self._words for word in said) / max(1, len(said)) for said in map(_words_of, texts)]
        return Near(np.array(new, dtype=np.float64), np.concatenate(found).astype(np.float64))

    def _counted(self, texts: Sequence[Text]) -> Any:
        """How often each has each n-gram, damped: 1 + log."""
        counts = self._grams.transform([one.text[:ENOUGH] for one in texts])
        counts.data = 1 + np.log(counts.data)
        return counts

    def _unit(self, counts: Any) -> Any:
        """Weighed, each row of length 1, but for a row of nothing."""
        vectors = counts.copy()
        vectors.data = vectors.data * self._weights[vectors.indices]
        lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        vectors.data = vectors.data / np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(vectors.indptr))
        return vectors


@dataclass(frozen=True)
class Halves:
    """Training data by halves of its groups: `reference`, to which all distances are, and `others`, of which `alone` has one of each group.

    Examples that were never seen by the reference, as little as a request was, say how far texts of training lie from it. Held against
    the whole, each without itself, they seem nearer or farther than texts from elsewhere do (docs/decisions/0024-drift-by-halves.md).
    """

    reference: list[Text]
    others: list[Text]
    alone: list[Text]


def halves_of(training: Sequence[Text], most: int) -> Halves:
    """Halves of at most `most` examples each, chosen by hashes of groups and texts."""
    order = sorted(training, key=lambda one: (_hash(one.text), one.text))
    sides: tuple[list[Text], list[Text]] = ([], [])
    for one in order:
        sides[_hash(one.group) >> 16 & 1].append(one)
    alone: dict[str, Text] = {}
    for one in sides[1]:
        alone.setdefault(one.group, one)
    return Halves(sides[0][:most], sides[1][:most], list(alone.values())[:most])


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _words_of(one: Text) -> list[str]:
    return words(one.text)
