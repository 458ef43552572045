"""Leaks: what is learnt and stands among what is held out, exactly, nearly, or in thirteen words in a row.

A leak leaves train, never the test set. A row of the slice `new` that says what train says is the later one of the two: it
leaves `new`, so that new data takes nothing from what was learnt before. What all questions share is no leak
(pipeline.data.likeness.template).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.data.likeness.shingles import word_hashes
from pipeline.data.likeness.template import Template
from pipeline.data.records import Record

GRAM = 13  # words in a row that count as a leak (Brown et al., 2020, appendix C)
COMMON = 10  # such a row of words in more learnt records than this is boilerplate (ibid.)
EDGE = GRAM // 2  # words: a row that begins so near to boilerplate is mostly the same words
WITNESSES = 8  # learnt records that are named for a text that leaves; one that stays is enough
Held = tuple[str, str]  # what it is among (test, new, probes, cases), and its id
Grams = list[tuple[int, int]]  # where a row of words begins, and its hash


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

    def __init__(self, similarity: float, template: Template) -> None:
        self._similarity, self._template = similarity, template
        self._postings: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._names: list[Held] = []

    def add(self, name: Held, found: list[int]) -> None:
        """Take in a text, given by its word hashes, under a name."""
        pairs = self._template.rest(found)
        for pair in pairs:
            self._postings[pair].append(len(self._names))
        self._names.append(name)
        self._sizes.append(len(pairs))

    def near(self, found: list[int]) -> list[Held]:
        """Names of the texts whose word pairs overlap enough with those of a text, which is given by its word hashes."""
        if not self._names:
            return []
        pairs = self._template.rest(found)
        common = Counter(number for pair in pairs & self._postings.keys() for number in self._postings[pair])
        return [
            self._names[number]
            for number, count in sorted(common.items())
            if count >= self._similarity * (len(pairs) + self._sizes[number] - count)
        ]


class HeldOut:
    """Texts that are held out, by what can be found of them in one that is learnt.

    Of what cannot leave, one text a trace is enough to know; where `is_leaving`, each one is.
    """

    def __init__(self, similarity: float, template: Template, is_leaving: bool = False) -> None:
        self._template, self._is_leaving = template, is_leaving
        self._exact: dict[int, list[Held]] = {}
        self.grams: dict[int, list[Held]] = {}
        self.near = SmallIndex(similarity, template)

    def add(self, name: Held, text: str, is_small: bool) -> list[int]:
        """Take in a text; only where `is_small` near ones are looked for here. Returns its word hashes."""
        found = word_hashes(text)
        self._name(self._exact, [_digest(found)], name)
        self._name(self.grams, {gram for _, gram in grams(found, self._template)}, name)
        if is_small:
            self.near.add(name, found)
        return found

    def _name(self, names: dict[int, list[Held]], keys: Iterable[int], name: Held) -> None:
        for key in keys:
            known = names.setdefault(key, [])
            if self._is_leaving or not known:
                known.append(name)

    def exact(self, found: list[int]) -> list[Held]:
        """Names of the texts that say the same, given by word hashes."""
        return self._exact.get(_digest(found), [])


def _digest(found: list[int]) -> int:
    return hash(tuple(found))


def grams(found: list[int], template: Template) -> Grams:
    """Each GRAM words in a row that are not mostly template: where they begin, and a hash. None for a shorter text."""
    rows = [(start, hash(tuple(found[start : start + GRAM]))) for start in range(len(found) - GRAM + 1)]
    if not rows or not template.runs:
        return rows
    marks = template.marks(found)
    return [(start, gram) for start, gram in rows if sum(marks[start + 1 : start + GRAM]) <= EDGE]


class Search:
    """The search for leaks among the learnt records, one by one; what is boilerplate is known at the end.

    `near` names by id what was found to be near before. What waits is looked at only where the record itself stays.
    """

    def __init__(self, held_out: HeldOut, waiting: HeldOut, near: dict[str, list[Held]], template: Template) -> None:
        self._places = (held_out, waiting)
        self._near, self._template = near, template
        self._leaks: list[Leak] = []
        self._suspects: list[tuple[str, str, Grams]] = []
        self._uses: Counter[int] = Counter()
        self._named: Counter[tuple[str, int]] = Counter()  # how often a trace of what waits was named

    def look(self, record: Record) -> None:
        """Hold a learnt record against all that is held out."""
        found = word_hashes(record.question)
        known = self._near.get(record.id, ())
        for place, is_waiting in zip(self._places, (False, True), strict=True):
            near = [name for name in known if (name[0] == "new") == is_waiting] + place.near.near(found)
            how, against = ("exact", place.exact(found)) if place.exact(found) else ("near", near)
            if against and is_waiting and how == "exact" and not self._is_telling("exact", _digest(found)):
                continue
            if against:
                self._note(record.id, record.source, how, against)
                if not is_waiting:
                    break
        held_out, waiting = (place.grams for place in self._places)
        shared = [(start, gram) for start, gram in grams(found, self._template) if gram in held_out or gram in waiting]
        if shared:
            self._uses.update({gram for _, gram in shared})
            self._suspects.append((record.id, record.source, shared))

    def _is_telling(self, how: str, trace: int) -> bool:
        """Whether a trace of what waits is to be named once more: a few that say it are enough."""
        self._named[how, trace] += 1
        return self._named[how, trace] <= WITNESSES

    def _note(self, name: str, source: str, how: str, against: Iterable[Held]) -> None:
        self._leaks += [Leak(name, source, how, kind, of) for kind, of in against]

    def leaks(self) -> list[Leak]:
        """All that was found: which kind of held-out text a record repeats, and each text that waits."""
        for name, source, shared in self._suspects:
            telling = self._telling(shared)
            for place in self._places:
                held = {held for gram in telling for held in place.grams.get(gram, ())}
                self._note(name, source, f"{GRAM}-gram", sorted(held))
        self._suspects = []
        leaving = {leak.id for leak in self._leaks if leak.against != "new"}
        found: dict[tuple[str, str], Leak] = {}
        for leak in self._leaks:
            if leak.against != "new":
                found.setdefault((leak.id, leak.against), leak)
            elif leak.id not in leaving:
                found.setdefault((leak.of, "new"), leak)
        return list(found.values())

    def _telling(self, shared: Grams) -> list[int]:
        """The rows of words that are a leak: no boilerplate, and not a few words at the edge of it."""
        common = [start for start, gram in shared if self._uses[gram] > COMMON]
        edges = {near for start in common for near in range(start - EDGE, start + EDGE + 1)}
        return [gram for start, gram in shared if start not in edges]
