"""What many questions share word for word, an instruction around what was really asked: texts are told apart by the rest.

A text that goes round every message ("Classify the message of a customer into one of ...") makes all questions alike. Word pairs
that a tenth of the questions have, six of them or more in a row, are such a template. They are left out of the comparison, and
thirteen words in a row that are mostly template are no leak. Common phrases are shorter than that.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.likeness.shingles import EDGE, HASHES, Hashes, mixed, words

SHARE, LEAST = 0.1, 20  # of the questions that must have a pair, and how many at least
RUN = 6  # pairs in a row that make a template
SAMPLE = 4_000  # questions that are looked at, evenly spread
LONGEST = 4_000  # characters of each that are
END = ""  # stands in a run for the end of the text

Marks = np.ndarray[Any, np.dtype[np.bool_]]
Run = tuple[str, ...]


@dataclass(frozen=True)
class Template:
    """Runs of words that many questions share; `END` is where a text begins or ends."""

    runs: tuple[Run, ...] = ()
    _pairs: frozenset[tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pairs", frozenset(pair for run in self.runs for pair in _hashed_pairs(run)))

    @classmethod
    def load(cls, path: Path) -> "Template":
        """Read what `save` wrote."""
        return cls(tuple(tuple(run) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]))

    def save(self, path: Path) -> None:
        """Write the runs as JSON."""
        path.write_text(json.dumps({"runs": self.runs}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def marks(self, found: Sequence[int]) -> list[bool]:
        """Which of the n + 1 pairs of n word hashes are template; none where all are, for then there is nothing else."""
        marks = [False] * (len(found) + 1)
        if not self._pairs:
            return marks
        flags = [pair in self._pairs for pair in pairs_of(found)]
        position = 0
        for flag, run in groupby(flags):
            length = sum(1 for _ in run)
            if flag and length >= RUN:
                marks[position : position + length] = [True] * length
            position += length
        return [False] * len(marks) if all(marks) else marks

    def rest(self, found: Sequence[int]) -> set[tuple[int, int]]:
        """The pairs of n word hashes that are no template."""
        if not self._pairs:
            return set(pairs_of(found))
        return {pair for pair, mark in zip(pairs_of(found), self.marks(found), strict=True) if not mark}

    def without(self, hashes: Hashes, offsets: Hashes) -> tuple[Hashes, Hashes]:
        """The hashes of the pairs of many texts in a row (`pair_hashes`) that are no template, and where each text's begin."""
        if not self._pairs:
            return hashes, offsets
        marks = self.marked(hashes, offsets)
        before = np.concatenate([[0], np.cumsum(~marks)]).astype(np.uint64)
        return hashes[~marks], before[offsets.astype(np.int64)]

    def marked(self, hashes: Hashes, offsets: Hashes) -> Marks:
        """What `marks` gives for each of many texts, given by the hashes of their pairs in a row and where each text's begin."""
        starts = offsets[:-1].astype(np.int64)
        flags = np.isin(hashes, _mixed_pairs(self._pairs))
        is_new = np.concatenate([[True], flags[1:] != flags[:-1]])
        is_new[starts] = True
        run = np.cumsum(is_new) - 1
        marks: Marks = flags & (np.bincount(run) >= RUN)[run]
        kept = np.add.reduceat(~marks, starts, dtype=np.int64)
        found: Marks = marks & np.repeat(kept > 0, np.diff(offsets).astype(np.int64))
        return found


NO_TEMPLATE = Template()


class Sampler:
    """Questions evenly spread over all that come, and the template that they show."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._step = 1
        self._seen = 0

    def add(self, text: str) -> None:
        """Take note of a question."""
        if self._seen % self._step == 0:
            self._texts.append(text[:LONGEST])
            if len(self._texts) > SAMPLE:
                self._texts = self._texts[::2]
                self._step *= 2
        self._seen += 1

    def template(self) -> Template:
        """What the questions share."""
        found = [(END, *words(text), END) for text in self._texts]
        counts = Counter(pair for text in found for pair in set(pairwise(text)))
        least = max(LEAST, SHARE * len(found))
        common = {pair for pair, count in counts.items() if count >= least}
        covered: set[tuple[str, str]] = set()
        runs: list[Run] = []
        for run in _runs(found, common) if common else ():
            pairs = set(pairwise(run))
            if not pairs <= covered:
                covered |= pairs
                runs.append(run)
        return Template(tuple(runs))


def _runs(texts: Iterable[Run], common: set[tuple[str, str]]) -> Iterator[Run]:
    """Every run of RUN or more common pairs, as the words that they are of."""
    for text in texts:
        position = 0
        for flag, pairs in groupby(pair in common for pair in pairwise(text)):
            length = sum(1 for _ in pairs)
            if flag and length >= RUN:
                yield text[position : position + length + 1]
            position += length


def pairs_of(found: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each two word hashes in a row, the ends of the text counting as words."""
    return zip([int(EDGE), *found], [*found, int(EDGE)], strict=True)


def _hashed_pairs(run: Run) -> Iterator[tuple[int, int]]:
    hashes = [HASHES[word] if word != END else int(EDGE) for word in run]
    return pairwise(hashes)


def _mixed_pairs(pairs: Iterable[tuple[int, int]]) -> Hashes:
    """The hashes that `pair_hashes` gives these pairs."""
    both = np.array(sorted(pairs), dtype=np.uint64)
    return np.unique(mixed(both[:, 0], both[:, 1]))
