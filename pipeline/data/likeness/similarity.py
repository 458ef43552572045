"""How much texts have in common: the word triples that they share (w-shingling; Broder, 1997)."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pipeline.data.likeness.shingles import HASHES, words
from pipeline.data.likeness.template import NO_TEMPLATE, Template

Triples = frozenset[tuple[str, ...]]


def triples(text: str, template: Template = NO_TEMPLATE) -> Triples:
    """Every three words in a row that are no template, folded; a shorter text is one shingle of its own."""
    found = words(text)
    if len(found) < 3:
        return frozenset({tuple(found or text.split())})
    if not template.runs:
        return frozenset(zip(found, found[1:], found[2:], strict=False))
    marks = template.marks([HASHES[word] for word in found])
    rows = zip(found, found[1:], found[2:], strict=False)
    rest = frozenset(row for n, row in enumerate(rows) if not (marks[n + 1] and marks[n + 2]))
    return rest or frozenset({tuple(found)})


def overlap(one: Triples, other: Triples) -> float:
    """Share of the smaller set that stands in the larger one, 0 to 1."""
    return len(one & other) / min(len(one), len(other))


class Copies:
    """A few texts by number, against which any number of others are held, one by one: only texts that share a triple are compared."""

    def __init__(self, texts: Iterable[str], max_overlap: float, template: Template = NO_TEMPLATE) -> None:
        self._max_overlap, self._template = max_overlap, template
        self._sizes: list[int] = []
        self._postings: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            found = triples(text, template)
            self._sizes.append(len(found))
            for triple in found:
                self._postings[triple].append(number)

    def of(self, text: str) -> list[int]:
        """Numbers of the texts that have more than `max_overlap` in common with this one, as `overlap` measures it."""
        found = triples(text, self._template)
        shared = found & self._postings.keys()
        if not shared:
            return []
        common = Counter(number for triple in shared for number in self._postings[triple])
        return sorted(
            number
            for number, count in common.items()
            if count / min(len(found), self._sizes[number]) > self._max_overlap
        )
