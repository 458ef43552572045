"""Words that many people use in production and that training hardly knows: the surest sign of a new kind of question.

A question of a new kind need not lie far from training, in which each is far from most others; but its word comes again and again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.likeness.shingles import words
from pipeline.production.monitoring.nearness import Text

LEAST = 5  # texts of both together that have a word, before it is held against the other words


@dataclass(frozen=True)
class Word:
    """A word, the share of texts that have it here and in training, and p after Bonferroni over all words."""

    word: str
    here: float
    there: float
    p: float


def risen(sample: Sequence[Text], training: Sequence[Text]) -> list[Word]:
    """Words by how surely they are commoner here, the surest first: Fisher's exact test (1922) of texts that have them.

    A group of training is one text.
    """
    from scipy.stats import hypergeom

    here = Counter(word for one in sample for word in set(words(one.text)))
    groups: dict[str, set[str]] = {}
    for one in training:
        groups.setdefault(one.group, set()).update(words(one.text))
    there = Counter(word for said in groups.values() for word in said)
    names = sorted(word for word, count in (here + there).items() if count >= LEAST)
    if not names:
        return []
    n, m = len(sample), len(groups)
    ours, theirs = (np.array([side[word] for word in names]) for side in (here, there))
    p = np.minimum(1.0, len(names) * hypergeom.sf(ours - 1, n + m, ours + theirs, n))
    found = [
        Word(word, float(one) / n, float(other) / m, float(chance))
        for word, one, other, chance in zip(names, ours, theirs, p, strict=True)
    ]
    return sorted(found, key=lambda word: (word.p, word.there - word.here, word.word))
