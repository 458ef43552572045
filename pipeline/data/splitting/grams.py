"""Thirteen words in a row that texts have in common, for many texts at a time.

A row of words is a 64-bit hash: a polynomial in the hashes of its words, the same wherever the row stands. Texts are held by
number.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.likeness.shingles import MIX, Hashes, mixed, pair_hashes
from pipeline.data.likeness.template import Template

GRAM = 13  # words in a row that count as a leak (Brown et al., 2020, appendix C)
COMMON = 10  # such a row of words in more learnt records than this is boilerplate (ibid.)
EDGE = GRAM // 2  # words: a row that begins so near to boilerplate is mostly the same words
CHUNK, MOST_WORDS = 20_000, 1_000_000  # texts and words that are hashed at a time
FILTER = 16  # places of the filter for each row of words: one in so many that is not there passes it

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
POWERS = [np.uint64(pow(int(MIX[0]), n, 2**64)) for n in range(GRAM)]


@dataclass(frozen=True)
class Grams:
    """Rows of words: the number of the text that each stands in, the word at which it begins, its hash. Shape (rows,) each."""

    texts: Numbers
    starts: Numbers
    hashes: Hashes

    def only(self, chosen: Flags) -> "Grams":
        """The chosen ones."""
        return Grams(self.texts[chosen], self.starts[chosen], self.hashes[chosen])


def joined(parts: Sequence[Grams]) -> Grams:
    """Several parts in a row."""
    return Grams(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("texts", "starts", "hashes")))


class Words:
    """The word hashes of texts in a row, taken in one by one and worked off CHUNK at a time."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._flat = array("Q")
        self._lengths = array("Q")
        self._first = 0  # number of the first text that waits

    @property
    def is_full(self) -> bool:
        """Whether enough texts wait to be worked off."""
        return len(self._lengths) >= CHUNK or len(self._flat) >= MOST_WORDS

    def add(self, found: Sequence[int]) -> None:
        """Take in the word hashes of one more text; its number is how many there were."""
        self._flat.extend(found)
        self._lengths.append(len(found))

    def grams(self) -> Grams:
        """The rows of words of the texts that wait, but those that are mostly template. A text of fewer words has none."""
        flat = np.array(self._flat, dtype=np.uint64)
        lengths = np.array(self._lengths, dtype=np.int64)
        first, self._first = self._first, self._first + len(lengths)
        self._flat, self._lengths = array("Q"), array("Q")
        begins = np.cumsum(lengths) - lengths
        texts = np.repeat(np.arange(len(lengths)), lengths)
        starts = np.arange(len(flat)) - begins[texts]
        places = np.flatnonzero(starts + GRAM <= lengths[texts])
        hashes = np.zeros(len(places), dtype=np.uint64)
        for offset, power in enumerate(POWERS):
            hashes += flat[places + offset] * power
        found = Grams(texts[places] + first, starts[places], mixed(hashes, hashes))
        return found.only(self._is_own(flat, lengths)[places]) if self._template.runs else found

    def _is_own(self, flat: Hashes, lengths: Numbers) -> Flags:
        """Of each word whether GRAM words from there on are not mostly template."""
        marks = self._template.marked(*pair_hashes(flat, lengths))
        before = np.concatenate([[0], np.cumsum(marks)])
        texts = np.repeat(np.arange(len(lengths)), lengths)
        pair = np.arange(len(flat)) + texts  # a text has one pair more than words
        inner = before[np.minimum(pair + GRAM, len(marks))] - before[np.minimum(pair + 1, len(marks))]
        return np.asarray(inner <= EDGE)


class GramIndex:
    """The rows of words of texts that are held out, and who has each."""

    def __init__(self, template: Template) -> None:
        self._words = Words(template)
        self._parts: list[Grams] = []

    def add(self, found: Sequence[int]) -> None:
        """Take in the word hashes of one more text; its number is how many there were."""
        self._words.add(found)
        if self._words.is_full:
            self._parts.append(self._words.grams())

    def finish(self) -> None:
        """Make ready to be asked; nothing is added after that."""
        self._parts.append(self._words.grams())
        whole = joined(self._parts)
        self._parts = []
        order = np.lexsort((whole.texts, whole.hashes))
        hashes, texts = whole.hashes[order], whole.texts[order]
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = (hashes[1:] != hashes[:-1]) | (texts[1:] != texts[:-1])
        self._hashes, self._texts = hashes[is_first], texts[is_first]
        self._shift = np.uint64(64 - max(10, (len(self._hashes) * FILTER).bit_length()))
        self._filter = np.zeros(1 << (64 - int(self._shift)), dtype=np.bool_)
        self._filter[self._hashes >> self._shift] = True

    def has(self, hashes: Hashes) -> Flags:
        """Of each hash whether a text here has it."""
        found: Flags = self._filter[hashes >> self._shift]
        maybe = np.flatnonzero(found)
        places = np.searchsorted(self._hashes, hashes[maybe])
        places[places == len(self._hashes)] = 0
        found[maybe] = self._hashes[places] == hashes[maybe] if len(self._hashes) else False
        return found

    def owners(self, gram: int) -> list[int]:
        """Numbers of the texts that have it, in the order in which they came."""
        first, end = (np.searchsorted(self._hashes, np.uint64(gram), side=side) for side in ("left", "right"))
        found: list[int] = self._texts[first:end].tolist()
        return found


def telling(found: Grams) -> Iterator[tuple[int, list[int]]]:
    """By number of a learnt text the rows of words that are a leak: no boilerplate, and not a few words at the edge of it."""
    common = _is_common(found)
    for text in np.unique(found.texts[~common]).tolist():
        first, end = np.searchsorted(found.texts, [text, text + 1])
        starts, is_common = found.starts[first:end], common[first:end]
        edges = {near for start in starts[is_common].tolist() for near in range(start - EDGE, start + EDGE + 1)}
        hashes = found.hashes[first:end].tolist()
        if own := [gram for start, gram in zip(starts.tolist(), hashes, strict=True) if start not in edges]:
            yield text, own


def _is_common(found: Grams) -> Flags:
    """Of each row of words whether more than COMMON texts have it."""
    order = np.lexsort((found.texts, found.hashes))
    hashes, texts = found.hashes[order], found.texts[order]
    is_other = np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)]
    is_counted = is_other | np.concatenate([[True], texts[1:] != texts[:-1]])[: len(hashes)]
    group = np.cumsum(is_other) - 1
    common = np.empty(len(order), dtype=np.bool_)
    common[order] = np.bincount(group, weights=is_counted)[group] > COMMON
    return common
