"""How much texts have in common: the word triples that they share (w-shingling; Broder, 1997)."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pipeline.data.likeness.shingles import words

Triples = frozenset[tuple[str, ...]]


def triples(text: str) -> Triples:
    """Every three words in a row, folded; a shorter text is one shingle of its own."""
    found = words(text)
    if len(found) < 3:
        return frozenset({tuple(found or text.split())})
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def overlap(one: Triples, other: Triples) -> float:
    """Share of the smaller set that stands in the larger one, 0 to 1."""
    return len(one & other) / min(len(one), len(other))


class Copies:
    """A few texts by number, against which any number of others are held, one by one: only texts that share a triple are compared."""

    def __init__(self, texts: Iterable[str], max_overlap: float) -> None:
        self._max_overlap = max_overlap
        self._sizes: list[int] = []
        self._postings: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            found = triples(text)
            self._sizes.append(len(found))
            for triple in found:
                self._postings[triple].append(number)

    def of(self, text: str) -> list[int]:
        """Numbers of the texts that have more than `max_overlap` in common with this one, as `overlap` measures it."""
        found = triples(text)
        shared = found & self._postings.keys()
        if not shared:
            return []
        common = Counter(number for triple in shared for number in self._postings[triple])
        return sorted(
            number
            for number, count in common.items()
            if count / min(len(found), self._sizes[number]) > self._max_overlap
        )
