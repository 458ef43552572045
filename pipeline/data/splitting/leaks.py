"""Leaks: what is learnt and stands among what is held out, exactly, nearly, or in thirteen words in a row.

A leak leaves train, never the test set. A row of the slice `new` that says what train says is the later one of the two: it
leaves `new`, so that new data takes nothing from what was learnt before. What all questions share is no leak
(pipeline.data.likeness.template).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.data.likeness.shingles import word_hashes
from pipeline.data.likeness.template import Template, pairs_of
from pipeline.data.records import Record
from pipeline.data.splitting.grams import GRAM, GramIndex, Grams, Words, joined, telling

WITNESSES = 8  # learnt records that are named for a text that leaves; one that stays is enough
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

    def __init__(self, similarity: float, template: Template) -> None:
        self._similarity, self._template = similarity, template
        self._postings: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._texts: list[tuple[Held, int, set[tuple[int, int]]]] = []  # name, pairs that are no template, all pairs

    def add(self, name: Held, found: list[int]) -> None:
        """Take in a text, given by its word hashes, under a name."""
        pairs = self._template.rest(found)
        for pair in pairs:
            self._postings[pair].append(len(self._texts))
        self._texts.append((name, len(pairs), set(pairs_of(found)) if self._template.runs else pairs))

    def near(self, found: list[int]) -> list[Held]:
        """Names of the texts that overlap enough with a text, given by its word hashes: as a whole, and without the template."""
        if not self._texts:
            return []
        pairs = self._template.rest(found)
        common = Counter(number for pair in pairs & self._postings.keys() for number in self._postings[pair])
        near = []
        for number, count in sorted(common.items()):
            name, size, whole = self._texts[number]
            if self._is_enough(count, len(pairs) + size) and (
                not self._template.runs
                or self._is_enough(len(whole & (mine := set(pairs_of(found)))), len(whole) + len(mine))
            ):
                near.append(name)
        return near

    def _is_enough(self, common: int, both: int) -> bool:
        return common >= self._similarity * (both - common)


class HeldOut:
    """Texts that are held out, by what can be found of them in one that is learnt.

    Of what cannot leave, one text a trace is enough to know; where `is_leaving`, each one is.
    """

    def __init__(self, similarity: float, template: Template, is_leaving: bool = False) -> None:
        self.is_leaving = is_leaving
        self._exact: dict[int, list[Held]] = {}
        self._names: list[Held] = []
        self._grams = GramIndex(template)
        self.near = SmallIndex(similarity, template)

    def add(self, name: Held, text: str, is_small: bool) -> list[int]:
        """Take in a text; only where `is_small` near ones are looked for here. Returns its word hashes."""
        found = word_hashes(text)
        known = self._exact.setdefault(_digest(found), [])
        if self.is_leaving or not known:
            known.append(name)
        self._names.append(name)
        self._grams.add(found)
        if is_small:
            self.near.add(name, found)
        return found

    def finish(self) -> GramIndex:
        """The rows of words of all texts; nothing is added after that."""
        self._grams.finish()
        return self._grams

    def of_gram(self, gram: int) -> list[Held]:
        """Names of the texts that have these words in a row: one, where the texts cannot leave."""
        owners = self._grams.owners(gram)
        return [self._names[number] for number in (owners if self.is_leaving else owners[:1])]

    def exact(self, found: list[int]) -> list[Held]:
        """Names of the texts that say the same, given by word hashes."""
        return self._exact.get(_digest(found), [])


def _digest(found: list[int]) -> int:
    return hash(tuple(found))


class Search:
    """The search for leaks among the learnt records, one by one; what is boilerplate is known at the end.

    `near` names by id what was found to be near before. What waits is looked at only where the record itself stays.
    """

    def __init__(self, held_out: HeldOut, waiting: HeldOut, near: dict[str, list[Held]], template: Template) -> None:
        self._places = (held_out, waiting)
        self._grams = [place.finish() for place in self._places]
        self._near = near
        self._words = Words(template)
        self._leaks: list[Leak] = []
        self._waiting: list[tuple[str, str]] = []  # id and source of the records whose words wait
        self._looked_at = 0
        self._suspects: dict[int, tuple[str, str]] = {}
        self._shared: list[Grams] = []
        self._named: Counter[int] = Counter()  # how often a record was named for a text that waits, by what it says

    def look(self, record: Record) -> None:
        """Hold a learnt record against all that is held out."""
        found = word_hashes(record.question)
        known = self._near.get(record.id, ())
        for place, is_waiting in zip(self._places, (False, True), strict=True):
            near = [name for name in known if (name[0] == "new") == is_waiting] + place.near.near(found)
            how, against = ("exact", place.exact(found)) if place.exact(found) else ("near", near)
            if is_waiting and how == "exact" and self._is_known(found):
                continue
            if against:
                self._note(record.id, record.source, how, against)
                if not is_waiting:
                    break
        self._waiting.append((record.id, record.source))
        self._words.add(found)
        if self._words.is_full:
            self._hold()

    def _hold(self) -> None:
        """Keep what the learnt texts since the last time have in common with what is held out."""
        found = self._words.grams()
        shared = self._grams[0].has(found.hashes) | self._grams[1].has(found.hashes)
        self._shared.append(found.only(shared))
        for number in np.unique(self._shared[-1].texts).tolist():
            self._suspects[number] = self._waiting[number - self._looked_at]
        self._looked_at += len(self._waiting)
        self._waiting = []

    def _is_known(self, found: list[int]) -> bool:
        """Whether there are enough learnt records that say what a text that waits says."""
        self._named[_digest(found)] += 1
        return self._named[_digest(found)] > WITNESSES

    def _note(self, name: str, source: str, how: str, against: Iterable[Held]) -> None:
        self._leaks += [Leak(name, source, how, kind, of) for kind, of in against]

    def leaks(self) -> list[Leak]:
        """All that was found: which kind of held-out text a record repeats, and each text that waits."""
        self._hold()
        for number, rows in telling(joined(self._shared)):
            for place in self._places:
                held = {held for gram in set(rows) for held in place.of_gram(gram)}
                self._note(*self._suspects[number], f"{GRAM}-gram", sorted(held))
        self._shared = []
        leaving = {leak.id for leak in self._leaks if leak.against != "new"}
        found: dict[tuple[str, str], Leak] = {}
        for leak in self._leaks:
            if leak.against != "new":
                found.setdefault((leak.id, leak.against), leak)
            elif leak.id not in leaving:
                found.setdefault((leak.of, "new"), leak)
        return list(found.values())
