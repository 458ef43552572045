"""Predictions: the answers of an arm, keyed by set and id."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, TypeVar

import msgspec

from pipeline.data.records import Record, parse_json, read_jsonl, read_records
from pipeline.stage import Fault

Key = tuple[str, str]


@dataclass(frozen=True)
class Predictions:
    """What one arm answered, and the digests of what shaped it.

    `preferred`: of a preference, whether it holds the better answer likelier. `tokens`: read and written for each answer.
    `told`: of each general text, how likely a token was in the geometric mean. `finish`: why each answer ended.
    `measured`: by task and metric of lm-evaluation-harness the value of each document.
    """

    arm: dict[str, Any]
    answers: dict[Key, str]
    preferred: dict[Key, bool] = field(default_factory=dict)
    tokens: dict[Key, tuple[int, int]] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    finish: dict[Key, str] = field(default_factory=dict)
    measured: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)

    def tokens_each(self, name: str, ids: list[str]) -> tuple[float, float]:
        """Tokens read and written for an answer of a set, in the mean; 0 where nothing was counted."""
        found = [self.tokens[name, key] for key in ids if (name, key) in self.tokens]
        return tuple(round(fmean(one), 1) for one in zip(*found, strict=True)) if found else (0.0, 0.0)  # type: ignore[return-value]

    def texts(self, name: str, ids: list[str]) -> list[str]:
        """Answers of a set in the order of `ids`; a missing answer is empty, and so a failure."""
        return [self.answers.get((name, key), "") for key in ids]


class Answer(msgspec.Struct, frozen=True):
    """What is read of a line of answers; of a preference `chosen` and `rejected` are log-likelihoods."""

    set: str
    id: str
    answer: str
    finish: str = ""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    chosen: float | None = None
    rejected: float | None = None


class Told(msgspec.Struct, frozen=True):
    """A line of a general text: the log-likelihood of all its tokens. What rounding adds to a certainty is let pass."""

    id: str
    log_likelihood: Annotated[float, msgspec.Meta(le=1e-3)]
    tokens: int


class Value(msgspec.Struct, frozen=True):
    """What a task of lm-evaluation-harness found of a document."""

    task: str
    doc: str
    metric: str
    value: float


R = TypeVar("R", Answer, Told, Value)


def read_predictions(folder: Path) -> Predictions:
    """Read an arm's folder. Raises Fault for a line that is no answer, and where an id comes twice."""
    found = Predictions(_arm(folder), {})
    for place, row in _rows(folder / "answers.jsonl", Answer):
        key = (row.set, row.id)
        if key in found.answers:
            raise Fault(place, f"answers {row.id} twice", _again(folder))
        found.answers[key] = row.answer
        found.finish[key] = row.finish
        if row.prompt_tokens is not None and row.answer_tokens is not None:
            found.tokens[key] = row.prompt_tokens, row.answer_tokens
        if row.chosen is not None and row.rejected is not None:
            found.preferred[key] = row.chosen > row.rejected
    found.told.update(_told(folder / "texts.jsonl"))
    found.measured.update(_measured(folder / "harness.jsonl"))
    return found


def _arm(folder: Path) -> dict[str, Any]:
    path = folder / "arm.json"
    try:
        found = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise Fault(path, "no such file", _again(folder)) from None
    except ValueError as error:
        raise Fault(path, f"is not JSON ({error})", _again(folder)) from None
    if not isinstance(found, dict):
        raise Fault(path, "is not a JSON object", _again(folder))
    return found


def _rows(path: Path, kind: type[R]) -> list[tuple[str, R]]:
    """Place and content of each line."""
    rows = []
    for number, value in read_jsonl(path):
        try:
            rows.append((f"{path}:{number}", msgspec.convert(value, kind)))
        except msgspec.ValidationError as error:
            fault = f"is no line of an arm ({error})"
            raise Fault(f"{path}:{number}", fault, _again(path.parent)) from None
    return rows


def _told(path: Path) -> dict[str, float]:
    """The chance of a token of each text (geometric mean): none of a hosted model, and none of a text without two tokens."""
    told: dict[str, float] = {}
    for place, row in _rows(path, Told) if path.is_file() else []:
        if row.id in told:
            raise Fault(place, f"tells of {row.id} twice", _again(path.parent))
        if row.tokens > 0:
            told[row.id] = min(1.0, math.exp(row.log_likelihood / row.tokens))
    return told


def _again(folder: Path) -> str:
    return f"run dvc repro -f -s predict@{folder.name}"


def _measured(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    """What tasks of lm-evaluation-harness found, by task and metric; nothing where none was asked."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for place, row in _rows(path, Value) if path.is_file() else []:
        values = found.setdefault((row.task, row.metric), {})
        if row.doc in values:
            raise Fault(place, f"has {row.doc} of {row.task} twice", _again(path.parent))
        values[row.doc] = row.value
    return found


def read_arms(folder: Path) -> dict[str, Predictions]:
    """Every arm under the folder, by name. Raises Fault where there is none."""
    if not folder.is_dir():
        raise Fault(folder, "no such folder", "run make run first")
    found = {path.name: read_predictions(path) for path in sorted(folder.iterdir()) if (path / "arm.json").is_file()}
    if not found:
        raise Fault(folder, "has no answers yet", "run make run first")
    for name, given in found.items():
        if given.arm.get("arm", name) != name:
            raise Fault(folder / name / "arm.json", f"is of the arm {given.arm.get('arm')!r}", _again(folder / name))
    return found


def read_asked(path: Path, name: str, arms: dict[str, Predictions], place: Path) -> list[Record]:
    """The records of a set that every arm below `place` was asked. Raises Fault for one that comes twice, and for another set."""
    records = read_records(path)
    ids = [record.id for record in records]
    for key, count in Counter(ids).items():
        if count > 1:
            raise Fault(path, f"holds {key} {count} times", "run dvc repro -f -s split")
    answered = sum(which == name for given in arms.values() for which, _ in given.answers)
    if answered and not ids:
        raise Fault(path, f"holds no record, and {answered} answers below {place} are to such", "run dvc repro split")
    check_complete(arms, name, ids, place)
    return records


def check_complete(predictions: dict[str, Predictions], name: str, ids: list[str], place: Path) -> None:
    """Raises Fault where an arm answered another set than the one asked now."""
    for arm, given in predictions.items():
        answered = {key for which, key in given.answers if which == name}
        if answered != set(ids):
            gap = len(set(ids) ^ answered)
            raise Fault(place / arm, f"answers another {name} set ({gap} ids differ)", f"run dvc repro predict@{arm}")
