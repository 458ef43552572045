"""How near texts are to the training data: by words that it never has, and by the distance to its nearest example."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.likeness.shingles import words
from pipeline.scoring.exact import Floats

GRAMS = (3, 5)  # characters within a word and its edges
ROWS = 512  # texts whose distances are worked out at a time
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
    """The training data, ready to be asked. Distances are to `most` of its examples at most, chosen by hash."""

    def __init__(self, training: Sequence[Text], most: int) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        order = sorted(training, key=lambda one: (zlib.crc32(one.text.encode("utf-8", "surrogatepass")), one.text))
        self._kept = order[:most]
        self._groups: dict[str, set[str]] = defaultdict(set)
        for one in training:
            for word in set(words(one.text)):
                if len(self._groups[word]) < 2:
                    self._groups[word].add(one.group)
        self._vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=GRAMS, sublinear_tf=True, dtype=np.float32)
        self._vectors = self._vectorizer.fit_transform(_cut(self._kept))

    def of(self, texts: Sequence[Text]) -> Near:
        """Texts that are none of the training data's."""
        vectors, found = self._vectorizer.transform(_cut(texts)), []
        for start in range(0, len(texts), ROWS):
            alike = (vectors[start : start + ROWS] @ self._vectors.T).max(axis=1).toarray().ravel()
            found.append(1 - np.clip(alike, 0, 1))
        return Near(self._new(texts, False), np.concatenate(found).astype(np.float64))

    def of_itself(self, most: int) -> Near:
        """`most` of the training examples, each against those of other groups."""
        chosen, found = self._kept[:most], []
        members: dict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self._kept):
            members[one.group].append(number)
        for start in range(0, len(chosen), ROWS):
            alike = (self._vectors[start : start + ROWS] @ self._vectors.T).toarray()
            for row, one in enumerate(chosen[start : start + ROWS]):
                alike[row, members[one.group]] = 0
            found.append(1 - np.clip(alike.max(axis=1), 0, 1))
        return Near(self._new(chosen, True), np.concatenate(found).astype(np.float64))

    def is_new(self, word: str) -> bool:
        """Whether training never has the word."""
        return word not in self._groups

    def _new(self, texts: Sequence[Text], is_training: bool) -> Floats:
        shares = []
        for one in texts:
            said = words(one.text)
            own = {one.group} if is_training else set()
            shares.append(sum(self._groups.get(word, set()) <= own for word in said) / max(1, len(said)))
        return np.array(shares, dtype=np.float64)


def _cut(texts: Sequence[Text]) -> list[str]:
    return [one.text[:ENOUGH] for one in texts]
