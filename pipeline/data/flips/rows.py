"""Examples between an arm and each other one, as rows: what became of each, with both answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.data.predictions import Predictions
from pipeline.data.records import Record

SET = "test"
LONGEST = 1000  # characters of a text in the short rows, since these stand in git
TEXTS = ("question", "reference", "before", "after")
Row = dict[str, Any]


class Flip(Protocol):
    """What became of an example: `at` is its place in the set, `size` how far its metrics moved, `kept` those that did not move."""

    @property
    def at(self) -> int: ...

    @property
    def size(self) -> float: ...

    @property
    def kept(self) -> Mapping[str, float]: ...

    def told(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Pair:
    """What became of every example of the test set from the arm `against` to the arm `arm`: how many of each, and the worst first.

    Those that stand `in_git`, and those `on_page`, are some of them.
    """

    arm: str
    against: str
    counts: Mapping[str, int]
    everything: Sequence[Flip]
    on_page: Sequence[Flip]
    in_git: Sequence[Flip]


class Examples:
    """The test set with the arms' answers. `slices` names for each record the slices that it is in."""

    def __init__(
        self, records: Sequence[Record], arms: Mapping[str, Predictions], slices: Sequence[Sequence[str]]
    ) -> None:
        self._records, self._arms, self._slices = records, arms, slices

    def rows(self, pair: Pair, flips: Iterable[Flip]) -> Iterator[Row]:
        """A row for each of `flips` with all that is known of it."""
        for one in flips:
            yield {
                **self.texts(pair, one),
                "kept": {name: round(value, 4) for name, value in sorted(one.kept.items())},
                "size": round(one.size, 4),
                "slices": list(self._slices[one.at]),
                "finish": {when: self._finish(arm, one.at) for when, arm in _sides(pair)},
            }

    def texts(self, pair: Pair, one: Flip) -> Row:
        """What became of it, and its texts."""
        record = self._records[one.at]
        answers = {when: self._arms[arm].answers.get((SET, record.id), "") for when, arm in _sides(pair)}
        texts = {"question": record.question, "reference": record.answer, **answers}
        whole = {key: text.encode("utf-8", "replace").decode() for key, text in texts.items()}
        return {"against": pair.against, "id": record.id, "source": record.source, **one.told(), **whole}

    def short(self, pair: Pair) -> Iterator[Row]:
        """A row with the counts, and one for each that stands in git, with its texts cut."""
        yield {"against": pair.against, "counts": dict(pair.counts)}
        for one in pair.in_git:
            row = self.texts(pair, one)
            yield {**row, **{key: cut(row[key], LONGEST) for key in TEXTS}}

    def _finish(self, arm: str, at: int) -> str:
        return self._arms[arm].finish.get((SET, self._records[at].id), "")


def _sides(pair: Pair) -> tuple[tuple[str, str], ...]:
    return ("before", pair.against), ("after", pair.arm)


def cut(text: str, longest: int) -> str:
    """At most so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
