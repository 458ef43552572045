"""A text as the set of its word pairs: what near-duplicates are told by.

Two words in a row are a shingle (Broder, 1997), the ends of the text counting as words, so that a text of one word has two.
In scripts without spaces (Han, Kana, Thai, Lao, Khmer, Burmese, Tibetan) each letter with its marks counts as a word.
Words are folded: case and composition (NFKC) make no difference, punctuation none, numbers do. A sign that can be all the
difference (3 + 4 and 3 * 4, 12 - 4 and 12.4, C++ and C#, an emoji) is a word.
"""

import re
import string
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import regex

SIGNS = "+*=<>#%&^~|"
# Between two digits a dash, a slash and a point are all the difference
MAY_BE_BETWEEN, BETWEEN = re.compile(r"[-/.]\s?\d"), re.compile(r"(?<=\d)\s?([-/.])\s?(?=\d)")
SPOKEN = {"-": "minus", "/": "per", ".": "point"}  # without blanks: a date or an amount is one word
# Letters and digits folded, signs apart, everything else a blank: for plain text five times as fast as a pattern
PLAIN = {code: chr(code).lower() if chr(code) in string.ascii_letters + string.digits else " " for code in range(128)}
PLAIN |= {ord(sign): f" {sign} " for sign in SIGNS}
SPACELESS = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"  # no spaces between their words
)
WORDS = regex.compile(
    rf"(?V1)[{SPACELESS}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{SPACELESS}]]+|[{regex.escape(SIGNS)}\p{{Sm}}\p{{So}}\U0001F3FB-\U0001F3FF]"
)
EDGE = np.uint64(0x9E3779B97F4A7C15)
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
MOST_WORDS = 500_000  # of the memory of word hashes, about 60 MB

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    if MAY_BE_BETWEEN.search(text):
        text = BETWEEN.sub(lambda found: SPOKEN[found[1]], text)
    if text.isascii():
        return text.translate(PLAIN).split()
    found: list[str] = WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    return found


class _WordHashes(dict[str, int]):
    """The hash of each word, worked out once: 64 bits of two checksums, the same in every process and on every machine."""

    def __missing__(self, word: str) -> int:
        if len(self) >= MOST_WORDS:
            self.clear()
        text = word.encode("utf-8", "surrogatepass")
        self[word] = value = zlib.crc32(text) << 32 | zlib.adler32(text[::-1], len(text) + 1) & 0xFFFFFFFF
        return value


HASHES = _WordHashes()


def word_hashes(text: str) -> list[int]:
    """The hash of each word, in order. A text without a word gives the hash of what it is, so that two emoji differ."""
    return list(map(HASHES.__getitem__, words(text) or [text.strip()]))


def pair_hashes(flat: Sequence[int] | Hashes, lengths: Sequence[int] | Numbers) -> tuple[Hashes, Hashes]:
    """Hashes of all word pairs of many texts, and where each text's begin.

    `flat` holds the word hashes of all texts in a row, `lengths` how many each has. Returns (sum of lengths + n) hashes and
    n + 1 offsets.
    """
    counts = np.asarray(lengths, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts + 1)])
    size = int(starts[-1])
    left, right = np.full(size, EDGE), np.full(size, EDGE)
    inner = np.ones(size, dtype=bool)
    inner[starts[:-1]] = False  # the first pair of a text begins at its edge
    values = np.asarray(flat, dtype=np.uint64)
    left[inner] = values
    inner = np.ones(size, dtype=bool)
    inner[starts[1:] - 1] = False  # the last one ends there
    right[inner] = values
    return mixed(left, right), starts.astype(np.uint64)


def mixed(left: Hashes, right: Hashes) -> Hashes:
    """One hash of each pair of word hashes: the finalizer of SplitMix64 (Steele et al., 2014)."""
    values = left * MIX[0] + right
    values = (values ^ (values >> np.uint64(30))) * MIX[0]
    values = (values ^ (values >> np.uint64(27))) * MIX[1]
    found: Hashes = values ^ (values >> np.uint64(31))
    return found


def shingles(text: str) -> frozenset[int]:
    """The word pairs of one text, as hashes."""
    found = word_hashes(text)
    return frozenset(pair_hashes(found, [len(found)])[0].tolist())


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """What two sets have in common, as a share of what they have together: 0 to 1."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)
