"""Which of many texts are nearly the same: MinHash signatures and locality-sensitive hashing, then the exact overlap.

Signatures (128 values) are cut into 32 bands of 4; two texts that agree in a band are compared in full. A pair with a Jaccard
similarity of 0.65 agrees in at least one band with a probability of 99.8 %, one of 0.6 with 98.8 %, one of 0.1 with 0.3 %
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4). `rensa` makes the signatures and finds who has company at all.
"""

from collections.abc import Collection
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

import numpy as np

from pipeline.data.likeness.shingles import Hashes, jaccard, pair_hashes, word_hashes
from pipeline.data.likeness.template import NO_TEMPLATE, Sampler, Template

PERMUTATIONS, BANDS, SEED = 128, 32, 7
ROWS = PERMUTATIONS // BANDS
CHUNK = 20_000  # texts hashed at a time
CROWD = 64  # how many earlier members of a band a text is compared with
ROLLING = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)

Packed = tuple[Hashes, Hashes]
Hashes32 = np.ndarray[Any, np.dtype[np.uint32]]


@dataclass(frozen=True)
class Pair:
    """Two texts by number, the earlier first, and their Jaccard similarity.

    It `is_sure`, unless one of them is template but for a word: that can be a popular question said again, or an instruction with
    another word in its one slot.
    """

    first: int
    second: int
    similarity: float
    is_sure: bool = True


class Texts:
    """The word pairs of many texts, 8 bytes a pair.

    Words are hashed CHUNK texts at a time; from the second chunk on another process does it, while this one reads on.
    """

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._first: Packed | None = None
        self._others: list[Future[Packed]] = []
        self._pool: ProcessPoolExecutor | None = None
        self._sampler = Sampler()

    def add(self, text: str) -> None:
        """Take in one more text; its number is how many there were."""
        self._waiting.append(text)
        self._sampler.add(text)
        if len(self._waiting) >= CHUNK:
            self._hash()

    def _hash(self) -> None:
        texts, self._waiting = self._waiting, []
        if self._first is None:
            self._first = hashed(texts)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._others.append(self._pool.submit(hashed, texts))

    def packed(self) -> Packed:
        """All hashes in a row, and n + 1 offsets."""
        if self._waiting or self._first is None:
            self._hash()
        assert self._first is not None
        parts = [self._first, *(future.result() for future in self._others)]
        if self._pool is not None:
            self._pool.shutdown()
        self._pool, self._others = None, []
        lengths = np.concatenate([np.diff(offsets) for _, offsets in parts])
        hashes = np.concatenate([part for part, _ in parts])
        self._first = (hashes, np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint64))
        return self._first

    def template(self) -> Template:
        """What many of the texts share, which tells none of them from another."""
        return self._sampler.template()


def hashed(texts: list[str]) -> Packed:
    """The hashes of the word pairs of texts in a row, and where each text's begin."""
    found = [word_hashes(text) for text in texts]
    return pair_hashes([word for one in found for word in one], [len(one) for one in found])


def near_pairs(
    texts: Texts, similarity: float, template: Template = NO_TEMPLATE, left_out: Collection[int] = ()
) -> list[Pair]:
    """Every pair of texts whose word pairs overlap by at least `similarity`, ordered by the second, then the first.

    They overlap as a whole, and in what is no template. In a crowd (a band that more than CROWD texts share) a text is compared
    with the crowd's first and with the CROWD before it. Numbers that are `left_out` are in no pair.
    """
    whole = texts.packed()
    if len(whole[1]) < 3:
        return []
    hashes, offsets = template.without(*whole)
    suspects = np.setdiff1d(_suspects(hashes, offsets), np.array(sorted(left_out), dtype=np.uint64))
    if len(suspects) < 2:
        return []
    signatures = _signatures(hashes, offsets, suspects)
    pairs = _plausible(_candidates(_band_keys(signatures)), signatures, similarity)
    alike = _Alike(whole, (hashes, offsets), template.nearly_all(*whole))
    found = [(int(suspects[one]), int(suspects[other])) for one, other in pairs.tolist()]
    measured = (alike.pair(first, second) for first, second in found)
    return sorted(
        (pair for pair in measured if pair.similarity >= similarity), key=lambda pair: (pair.second, pair.first)
    )


class _Alike:
    """How much texts have in common: as a whole, and without what is template."""

    def __init__(self, whole: Packed, rest: Packed, unsure: set[int]) -> None:
        self._rest, self._whole = _Sets(*rest), _Sets(*whole)
        self._has_template, self._unsure = len(whole[0]) != len(rest[0]), unsure

    def pair(self, first: int, second: int) -> Pair:
        """The pair of two texts; the smaller of its two similarities counts."""
        found = jaccard(self._rest[first], self._rest[second])
        if self._has_template:
            found = min(found, jaccard(self._whole[first], self._whole[second]))
        return Pair(first, second, found, self._unsure.isdisjoint((first, second)))


def identical(texts: Texts) -> list[list[int]]:
    """Numbers of texts that have the same word pairs, those of two or more."""
    hashes, offsets = texts.packed()
    starts = offsets[:-1].astype(np.int64)
    if not len(starts):
        return []
    sums = np.add.reduceat(
        hashes, starts
    )  # of hashes that are mixed well, so that equal sums are equal sets but for chance
    order = np.argsort(sums, kind="stable")
    edges = np.flatnonzero(np.concatenate([[True], sums[order][1:] != sums[order][:-1], [True]]))
    return [order[first:end].tolist() for first, end in pairwise(edges.tolist()) if end - first > 1]


class _Sets(dict[int, frozenset[int]]):
    """The word pairs of a text as a set, made when it is asked for."""

    def __init__(self, hashes: Hashes, offsets: Hashes) -> None:
        super().__init__()
        self._hashes, self._offsets = hashes, offsets

    def __missing__(self, number: int) -> frozenset[int]:
        if len(self) >= CHUNK:
            self.clear()
        start, end = int(self._offsets[number]), int(self._offsets[number + 1])
        self[number] = found = frozenset(self._hashes[start:end].tolist())
        return found


def _suspects(hashes: Hashes, offsets: Hashes) -> Hashes:
    """Numbers of the texts that share a band with another one."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, SEED)
    index = RMinHashLSH(threshold=0.6, num_perm=PERMUTATIONS, num_bands=BANDS)
    return np.flatnonzero(index.query_duplicate_flags_matrix_one_shot(matrix)).astype(np.uint64)


def _signatures(hashes: Hashes, offsets: Hashes, chosen: Hashes) -> Hashes32:
    """The MinHash signature of each chosen text: shape (chosen, PERMUTATIONS)."""
    from rensa import RMinHash

    signatures = np.empty((len(chosen), PERMUTATIONS), dtype=np.uint32)
    for start in range(0, len(chosen), CHUNK):
        part = chosen[start : start + CHUNK]
        pieces = [hashes[int(offsets[n]) : int(offsets[n + 1])] for n in part]
        ends = np.cumsum([0, *(len(piece) for piece in pieces)]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(pieces), ends, PERMUTATIONS, SEED)
        signatures[start : start + CHUNK] = matrix.to_rows()
    return signatures


def _band_keys(signatures: Hashes32) -> Hashes:
    """One key a band of each signature: shape (texts, BANDS)."""
    keys = np.empty((len(signatures), BANDS), dtype=np.uint64)
    for band in range(BANDS):
        part = signatures[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64)
        keys[:, band] = (part * ROLLING).sum(axis=1, dtype=np.uint64)
    return keys


def _candidates(keys: Hashes) -> Hashes:
    """Pairs of rows that share a key in a column, each once, the earlier row first: shape (pairs, 2)."""
    count = np.uint64(len(keys))
    codes = np.empty(0, dtype=np.uint64)
    for band in range(keys.shape[1]):
        # stable order keeps the earlier row first in a run of equal keys
        order = np.argsort(keys[:, band], kind="stable")
        ranked, rows = keys[order, band], order.astype(np.uint64)
        is_first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
        firsts = np.maximum.accumulate(np.where(is_first, np.arange(len(ranked)), 0))
        found = [(rows[firsts] * count + rows)[~is_first]]
        for distance in range(1, CROWD + 1):
            same = np.flatnonzero(ranked[distance:] == ranked[:-distance])
            if not len(same):
                break
            found.append(rows[same] * count + rows[same + distance])
        codes = np.unique(np.concatenate([codes, *found]))
    return np.stack([codes // count, codes % count], axis=1)


def _plausible(pairs: Hashes, signatures: Hashes32, similarity: float) -> Hashes:
    """The pairs whose signatures agree in about as many places as they should, five standard errors allowed."""
    least = similarity - 5 * (0.25 / PERMUTATIONS) ** 0.5
    parts = [
        (signatures[part[:, 0]] == signatures[part[:, 1]]).mean(axis=1) >= least
        for part in (pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK))
    ]
    return pairs[np.concatenate(parts)] if parts else pairs
