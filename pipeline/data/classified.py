"""What classifiers say of the arms' answers: which classifiers there are, and their scores as the stage `classify` has written them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline.data.predictions import Predictions
from pipeline.data.records import parse_json, read_jsonl
from pipeline.stage import Fault, Params

SCORES, FACTS = "scores.jsonl", "classifiers.json"
AGAIN = "run dvc repro classify"
Key = tuple[str, str, str]  # arm, set and id
NAME = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ClassifierParams(BaseModel):
    """A text classifier and what it is shown.

    `model`: a folder, or the file that pins a model of the hub, in the folder of the classifiers. `label`: whose probability is the
    score; where it `is_wanted` not, one minus it. `field`: of the answer; "" is all of it. `pair`: the question goes before the
    answer. `max_length`: tokens, of which the rest is cut. `batch_size`: rows of one shape.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    model: Annotated[str, Field(pattern=r"\S")]
    label: Annotated[str, Field(pattern=r"\S")]
    is_wanted: bool
    field: str
    pair: bool
    max_length: Annotated[int, Field(ge=8)]
    batch_size: Annotated[int, Field(ge=1)]


class ClassifyParams(Params):
    """Section `classify`. `classifiers` by name; `threads` 0 leaves their number to torch."""

    section: ClassVar[str] = "classify"
    device: str
    threads: Annotated[int, Field(ge=0)]
    classifiers: dict[NAME, ClassifierParams]


def place_of(name: str, key: str = "") -> str:
    """Where a classifier stands, for people."""
    return f"params.yaml: classify.classifiers.{name}{f'.{key}' if key else ''}"


def metric_of(name: str) -> str:
    """The metric that a classifier gives."""
    return f"classifier_{name}"


def metrics_of(names: Iterable[str], taken: Collection[str]) -> list[str]:
    """The metrics of classifiers. Raises Fault for one whose name another metric has."""
    for name in names:
        if metric_of(name) in taken:
            fault = f"gives the metric {metric_of(name)}, a name that another metric has"
            raise Fault(place_of(name), fault, "give one of them another name")
    return [metric_of(name) for name in names]


@dataclass(frozen=True)
class Classified:
    """The score of each answer, by classifier; and of each classifier what shaped its scores."""

    scores: Mapping[str, Mapping[Key, float]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> "Classified":
        """From what the stage `classify` gives."""
        scores: dict[str, dict[Key, float]] = {name: {} for name in facts}
        for row in rows:
            scores[row["classifier"]][row["arm"], row["set"], row["id"]] = row["score"]
        return cls(scores, facts)

    def of(self, arm: str, name: str, ids: Sequence[str]) -> dict[str, list[float]]:
        """By metric: the scores of an arm's answers to a set, in the order of `ids`; no metric of an arm that was not classified."""
        return {
            metric_of(classifier): [found[arm, name, key] for key in ids]
            for classifier, found in self.scores.items()
            if all((arm, name, key) in found for key in ids)
        }


def answers_of(arms: Mapping[str, Predictions], sets: Mapping[str, Sequence[str]]) -> Iterator[tuple[Key, str]]:
    """Each arm's answer to each example of these sets, whose ids are given."""
    for arm, given in sorted(arms.items()):
        for name, ids in sorted(sets.items()):
            yield from (((arm, name, key), text) for key, text in zip(ids, given.texts(name, list(ids)), strict=True))


def read_classified(
    folder: Path, names: Collection[str], arms: Mapping[str, Predictions], sets: Mapping[str, Sequence[str]]
) -> Classified:
    """The scores of these classifiers. Raises Fault where they are of more or of fewer answers than the arms gave to these sets."""
    place, rows = folder / SCORES, list[dict[str, Any]]()
    for number, row in read_jsonl(place):
        if row["arm"] not in arms:
            raise Fault(f"{place}:{number}", f"scores the arm {row['arm']}, which gave no answers", AGAIN)
        if row["classifier"] not in names:
            raise Fault(f"{place}:{number}", f"is of {row['classifier']}, which is no classifier of params.yaml", AGAIN)
        rows.append(row)
    facts = parse_json((folder / FACTS).read_bytes())
    found = Classified.of_rows(rows, {name: facts.get(name, {}) for name in sorted(names)})
    wanted = {key for key, _ in answers_of(arms, sets)}
    for name, scores in found.scores.items():
        if gap := scores.keys() ^ wanted:
            raise Fault(place, f"{name} scores other answers than the arms gave ({len(gap)} differ)", AGAIN)
    return found
