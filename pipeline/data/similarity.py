"""How much two texts have in common: the word triples that they share (w-shingling; Broder, 1997)."""

import unicodedata

import regex

WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+")


def triples(text: str) -> frozenset[tuple[str, ...]]:
    """Every three words in a row, folded; a shorter text is one shingle of its own."""
    words = WORDS.findall(unicodedata.normalize("NFC", text).casefold())
    if len(words) < 3:
        return frozenset({tuple(words or text.split())})
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def overlap(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Share of the smaller set that stands in the larger one, 0 to 1."""
    return len(one & other) / min(len(one), len(other))
