"""What many questions share word for word, an instruction around what was really asked: texts are told apart by the rest.

A text that goes round every message ("Classify the message of a customer into one of ...") makes all questions alike. Seven words
in a row that one in twenty questions has are such a template. They are left out of the comparison, and thirteen words in a row
that are mostly template are no leak.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.data.likeness.shingles import EDGE, HASHES, MIX, Hashes, mixed, words

SHARE, LEAST = 0.05, 20  # of the questions that must have a row of words, and how many at least
RUN = 6  # pairs of words in a row that make a template: seven words
SAMPLE = 2_000  # questions that are looked at, evenly spread
LONGEST = 4_000  # characters of each that are
CHUNK = 1_000_000  # pairs that are looked at together
END = ""  # stands in a run for the end of the text

Marks = np.ndarray[Any, np.dtype[np.bool_]]
Run = tuple[str, ...]
Row = tuple[int, ...]  # the hashes of RUN + 1 words
Word = TypeVar("Word", str, int)


@dataclass(frozen=True)
class Template:
    """Runs of words that many questions share; `END` is where a text begins or ends."""

    runs: tuple[Run, ...] = ()
    _rows: frozenset[Row] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hashed = ([HASHES[word] if word != END else int(EDGE) for word in run] for run in self.runs)
        object.__setattr__(self, "_rows", frozenset(row for run in hashed for row in _rows_of(run)))

    @classmethod
    def load(cls, path: Path) -> "Template":
        """Read what `save` wrote."""
        return cls(tuple(tuple(run) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]))

    def save(self, path: Path) -> None:
        """Write the runs as JSON."""
        path.write_text(json.dumps({"runs": self.runs}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def told(self) -> list[str]:
        """The first few runs as text, but for those that another one of them begins with."""
        texts = sorted({" ".join(run).strip() for run in self.runs}, key=lambda text: (len(text), text))
        first = [text for n, text in enumerate(texts) if not any(text.startswith(other) for other in texts[:n])]
        return [text[:200] for text in first[:5]]

    def marks(self, found: Sequence[int]) -> list[bool]:
        """Which of the n + 1 pairs of n word hashes are template; none where all are, for then there is nothing else."""
        marks = [False] * (len(found) + 1)
        if not self._rows:
            return marks
        for start, row in enumerate(_rows_of([int(EDGE), *found, int(EDGE)])):
            if row in self._rows:
                marks[start : start + RUN] = [True] * RUN
        return [False] * len(marks) if all(marks) else marks

    def rest(self, found: Sequence[int]) -> set[tuple[int, int]]:
        """The pairs of n word hashes that are no template."""
        if not self._rows:
            return set(pairs_of(found))
        return {pair for pair, mark in zip(pairs_of(found), self.marks(found), strict=True) if not mark}

    def without(self, hashes: Hashes, offsets: Hashes) -> tuple[Hashes, Hashes]:
        """The hashes of the pairs of many texts in a row (`pair_hashes`) that are no template, and where each text's begin."""
        if not self._rows:
            return hashes, offsets
        marks = self.marked(hashes, offsets)
        before = np.concatenate([[0], np.cumsum(~marks)]).astype(np.uint64)
        return hashes[~marks], before[offsets.astype(np.int64)]

    def marked(self, hashes: Hashes, offsets: Hashes) -> Marks:
        """What `marks` gives for each of many texts, given by the hashes of their pairs in a row and where each text's begin."""
        ends = offsets.astype(np.int64)
        marks = np.zeros(len(hashes), dtype=np.bool_)
        rows = _row_hashes(np.array(sorted(self._rows), dtype=np.uint64).reshape(-1, RUN + 1))
        for first in range(0, len(hashes), CHUNK):
            there = _sums(hashes[first : first + CHUNK + RUN - 1])
            marks[first : first + len(there)] = np.isin(there, rows)
        last = np.repeat(ends[1:], np.diff(ends)) - RUN  # the last pair at which a row of a text can begin
        begins = np.flatnonzero(marks & (np.arange(len(hashes)) <= last))
        found: Marks = np.zeros(len(hashes), dtype=np.bool_)
        for offset in range(RUN):
            found[begins + offset] = True
        kept = np.add.reduceat(~found, ends[:-1], dtype=np.int64)
        return found & np.repeat(kept > 0, np.diff(ends))


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
        counts = Counter(row for text in found for row in {hash(row) for row in _rows_of(text)})
        least = max(LEAST, SHARE * len(found))
        common = {row for row, count in counts.items() if count >= least}
        covered: set[int] = set()
        runs: list[Run] = []
        for run in _runs(found, common) if common else ():
            rows = {hash(row) for row in _rows_of(run)}
            if not rows <= covered:
                covered |= rows
                runs.append(run)
        return Template(tuple(runs))


def _runs(texts: Iterable[Run], common: set[int]) -> Iterator[Run]:
    """The words of every run of pairs that common rows of words cover."""
    for text in texts:
        marks = [False] * (len(text) - 1)
        for start, row in enumerate(_rows_of(text)):
            if hash(row) in common:
                marks[start : start + RUN] = [True] * RUN
        position = 0
        for is_common, pairs in groupby(marks):
            length = sum(1 for _ in pairs)
            if is_common:
                yield text[position : position + length + 1]
            position += length


def _rows_of(text: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Each RUN + 1 words in a row."""
    return zip(*(text[start:] for start in range(RUN + 1)), strict=False)


def pairs_of(found: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each two word hashes in a row, the ends of the text counting as words."""
    return zip([int(EDGE), *found], [*found, int(EDGE)], strict=True)


def _row_hashes(rows: Hashes) -> Hashes:
    """One hash of each row of words, by the hashes of its pairs: shape (rows,) from (rows, RUN + 1)."""
    pairs = mixed(rows[:, :-1], rows[:, 1:])
    return np.unique(_sums(pairs.ravel())[::RUN]) if len(rows) else np.empty(0, dtype=np.uint64)


def _sums(hashes: Hashes) -> Hashes:
    """A polynomial in each RUN hashes in a row: shape (n - RUN + 1,), none where there are fewer."""
    count = max(0, len(hashes) - RUN + 1)
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(RUN):
        sums = sums * MIX[0] + hashes[offset : offset + count]
    return sums
