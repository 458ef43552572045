"""What many questions share word for word, an instruction around what was really asked: texts are told apart by the rest.

A text that goes round every message ("Classify the message of a customer into one of ...") makes all questions alike. Seven words
in a row that one in twenty questions has are such a template. Two texts are near copies only where they are alike as a whole
and in what is no template, and thirteen words in a row that are mostly template are no leak.
"""

import heapq
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.data.likeness.shingles import EDGE, HASHES, MIX, Hashes, mixed, words
from pipeline.stage import Fault

SHARE, LEAST = 0.05, 20  # of the questions that must have a row of words, and how many at least
RUN = 6  # pairs of words in a row that make a template: seven words
SAMPLE = 4_000  # questions that are looked at
LONGEST = 20_000  # characters of each that are
MOST_WORDS = 1_000_000  # of the sample: of long questions fewer are looked at
CHUNK = 1_000_000  # pairs that are looked at together
TINY = 2  # pairs: a rest of one word is none that tells two texts apart for sure
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
        """Read what `save` wrote. Raises Fault where it is not there, or is none."""
        try:
            return cls(tuple(tuple(map(str, run)) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Fault(path, f"is no template ({error!r})", "run the stage ingest again") from None

    def save(self, path: Path) -> None:
        """Write the runs as JSON."""
        path.write_text(json.dumps({"runs": self.runs}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def told(self) -> list[str]:
        """The first few runs as text, but for those that another one of them begins with."""
        texts = sorted({" ".join(run).strip() for run in self.runs}, key=lambda text: (len(text), text))
        first = [text for n, text in enumerate(texts) if not any(text.startswith(other) for other in texts[:n])]
        return [text[:200] for text in first[:5]]

    def marks(self, found: Sequence[int]) -> list[bool]:
        """Which of the n + 1 pairs of n word hashes are template; none where at most TINY are not."""
        marks = [False] * (len(found) + 1)
        if not self._rows:
            return marks
        for start, row in enumerate(_rows_of([int(EDGE), *found, int(EDGE)])):
            if row in self._rows:
                marks[start : start + RUN] = [True] * RUN
        return [False] * len(marks) if marks.count(False) <= TINY else marks

    def rest(self, found: Sequence[int]) -> set[tuple[int, int]]:
        """The pairs of n word hashes that are no template, or all of them where that leaves nearly nothing."""
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
        found, kept = self._found(hashes, offsets)
        return found & np.repeat(kept > TINY, np.diff(offsets).astype(np.int64))

    def nearly_all(self, hashes: Hashes, offsets: Hashes) -> set[int]:
        """Numbers of the texts that are template but for a word or nothing, so that they are compared as a whole."""
        if not self._rows:
            return set()
        _, kept = self._found(hashes, offsets)
        return set(np.flatnonzero((kept <= TINY) & (kept < np.diff(offsets).astype(np.int64))).tolist())

    def _found(self, hashes: Hashes, offsets: Hashes) -> tuple[Marks, Hashes]:
        """Which pairs are template, and how many of each text are not."""
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
        return found, np.add.reduceat(~found, ends[:-1], dtype=np.int64)


NO_TEMPLATE = Template()


class Sampler:
    """The different questions whose own hash is lowest, so that their order does not matter; and what they share."""

    def __init__(self) -> None:
        self._lowest: list[tuple[int, str]] = []  # a heap, the highest hash first
        self._ranks: set[int] = set()

    def add(self, text: str) -> None:
        """Take note of a question."""
        rank = -zlib.crc32(text.encode("utf-8", "surrogatepass"))
        if rank in self._ranks or (len(self._lowest) == SAMPLE and rank < self._lowest[0][0]):
            return
        self._ranks.add(rank)
        heapq.heappush(self._lowest, (rank, text[:LONGEST]))
        if len(self._lowest) > SAMPLE:
            self._ranks.remove(heapq.heappop(self._lowest)[0])

    def template(self) -> Template:
        """What the questions share."""
        found = list(self._sample())
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

    def _sample(self) -> Iterator[Run]:
        """The words of the sample, as many as may be looked at."""
        left = MOST_WORDS
        for _, text in sorted(self._lowest, reverse=True):
            if left <= 0:
                return
            found = words(text)
            left -= len(found)
            yield (END, *found, END)


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
