"""Leaks: what is learnt and stands among what is held out, exactly, nearly, or in thirteen words in a row.

A leak leaves train, never the test set. A row of the slice `new` that says what train says is the later one of the two: it
leaves `new`, so that new data takes nothing from what was learnt before.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.data.likeness.shingles import word_hashes
from pipeline.data.records import Record

GRAM = 13  # words in a row that count as a leak (Brown et al., 2020, appendix C)
COMMON = 10  # such a row of words in more learnt records than this is boilerplate (ibid.)
Held = tuple[str, str]  # what it is among (test, new, probes, cases), and its id


@dataclass(frozen=True)
class Leak:
    """A record that leaves: how it was seen, and what it says again."""

    id: str
    source: str
    how: str
    against: str
    of: str


class SmallIndex:
    """A few texts by their word pairs, against which many are held one by one, exactly."""

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._postings: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._names: list[Held] = []

    def add(self, name: Held, text: str) -> None:
        """Take in a text under a name."""
        pairs = _pairs(word_hashes(text))
        for pair in pairs:
            self._postings[pair].append(len(self._names))
        self._names.append(name)
        self._sizes.append(len(pairs))

    def near(self, found: list[int]) -> list[Held]:
        """Names of the texts whose word pairs overlap enough with those of a text, which is given by its word hashes."""
        if not self._names:
            return []
        pairs = _pairs(found)
        common = Counter(number for pair in pairs & self._postings.keys() for number in self._postings[pair])
        return [
            self._names[number]
            for number, count in sorted(common.items())
            if count >= self._similarity * (len(pairs) + self._sizes[number] - count)
        ]


def _pairs(found: list[int]) -> set[tuple[int, int]]:
    return set(zip([-1, *found], [*found, -1], strict=True))


class HeldOut:
    """Texts that are held out, by what can be found of them in one that is learnt.

    Of what cannot leave, one text a trace is enough to know; where `is_leaving`, each one is.
    """

    def __init__(self, similarity: float, is_leaving: bool = False) -> None:
        self._is_leaving = is_leaving
        self._exact: dict[int, tuple[Held, ...]] = {}
        self.grams: dict[int, tuple[Held, ...]] = {}
        self.near = SmallIndex(similarity)

    def add(self, name: Held, text: str, is_small: bool) -> list[int]:
        """Take in a text; only where `is_small` near ones are looked for here. Returns its word hashes."""
        found = word_hashes(text)
        self._name(self._exact, [hash(tuple(found))], (name,))
        self._name(self.grams, grams(found), (name,))
        if is_small:
            self.near.add(name, text)
        return found

    def _name(self, names: dict[int, tuple[Held, ...]], keys: list[int], name: tuple[Held]) -> None:
        for key in keys:
            known = names.setdefault(key, name)
            if self._is_leaving and name[0] not in known:
                names[key] = (*known, *name)

    def exact(self, found: list[int]) -> tuple[Held, ...]:
        """Names of the texts that say the same, given by word hashes."""
        return self._exact.get(hash(tuple(found)), ())

    def of_gram(self, gram: int) -> tuple[Held, ...]:
        """Names of the texts that have these words in a row."""
        return self.grams.get(gram, ())


def grams(found: list[int]) -> list[int]:
    """A hash of each GRAM words in a row; none for a shorter text."""
    return [hash(tuple(found[start : start + GRAM])) for start in range(len(found) - GRAM + 1)]


class Search:
    """The search for leaks among the learnt records, one by one; what is boilerplate is known at the end.

    `near` names by id what was found to be near before. What waits is looked at only where the record itself stays.
    """

    def __init__(self, held_out: HeldOut, waiting: HeldOut, near: dict[str, list[Held]]) -> None:
        self._places = (held_out, waiting)
        self._near = near
        self._leaks: list[Leak] = []
        self._suspects: list[tuple[str, str, list[int]]] = []
        self._uses: Counter[int] = Counter()

    def look(self, record: Record) -> None:
        """Hold a learnt record against all that is held out."""
        found = word_hashes(record.question)
        known = self._near.get(record.id, ())
        for place, is_waiting in zip(self._places, (False, True), strict=True):
            near = [name for name in known if (name[0] == "new") == is_waiting] + place.near.near(found)
            how, against = ("exact", place.exact(found)) if place.exact(found) else ("near", tuple(near))
            if against:
                self._note(record.id, record.source, how, against)
                if not is_waiting:
                    break
        held_out, waiting = (place.grams for place in self._places)
        shared = [gram for gram in grams(found) if gram in held_out or gram in waiting]
        if shared:
            self._uses.update(set(shared))
            self._suspects.append((record.id, record.source, shared))

    def _note(self, name: str, source: str, how: str, against: Iterable[Held]) -> None:
        self._leaks += [Leak(name, source, how, kind, of) for kind, of in against]

    def leaks(self) -> list[Leak]:
        """All that was found: which kind of held-out text a record repeats, and each text that waits."""
        for name, source, shared in self._suspects:
            telling = [gram for gram in shared if self._uses[gram] <= COMMON]
            for place in self._places:
                self._note(
                    name, source, f"{GRAM}-gram", sorted({held for gram in telling for held in place.of_gram(gram)})
                )
        self._suspects = []
        leaving = {leak.id for leak in self._leaks if leak.against != "new"}
        found: dict[tuple[str, str], Leak] = {}
        for leak in self._leaks:
            if leak.against != "new":
                found.setdefault((leak.id, leak.against), leak)
            elif leak.id not in leaving:
                found.setdefault((leak.of, "new"), leak)
        return list(found.values())
