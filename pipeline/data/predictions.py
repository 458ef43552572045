"""Predictions: the answers of an arm, keyed by set and id."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline.data.records import read_jsonl
from pipeline.stage import Fault

Key = tuple[str, str]


@dataclass(frozen=True)
class Predictions:
    """What one arm answered, and the digests of what shaped it.

    `preferred`: of a preference, whether it holds the better answer likelier. `tokens`: read and written for each answer.
    `told`: of each general text, how likely a token was in the geometric mean. `measured`: by task and metric of lm-evaluation-harness
    the value of each document.
    """

    arm: dict[str, Any]
    answers: dict[Key, str]
    preferred: dict[Key, bool] = field(default_factory=dict)
    tokens: dict[Key, tuple[int, int]] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    measured: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)

    def tokens_each(self, name: str, ids: list[str]) -> tuple[float, float]:
        """Tokens read and written for an answer of a set, in the mean; 0 where nothing was counted."""
        found = [self.tokens[name, key] for key in ids if (name, key) in self.tokens]
        return tuple(round(fmean(one), 1) for one in zip(*found, strict=True)) if found else (0.0, 0.0)  # type: ignore[return-value]

    def texts(self, name: str, ids: list[str]) -> list[str]:
        """Answers of a set in the order of `ids`; a missing answer is empty, and so a failure."""
        return [self.answers.get((name, key), "") for key in ids]


def read_predictions(folder: Path) -> Predictions:
    """Read an arm's folder. Raises Fault where an id comes twice."""
    arm = json.loads((folder / "arm.json").read_text(encoding="utf-8"))
    answers: dict[Key, str] = {}
    preferred: dict[Key, bool] = {}
    tokens: dict[Key, tuple[int, int]] = {}
    for number, row in read_jsonl(folder / "answers.jsonl"):
        key = (row["set"], row["id"])
        if key in answers:
            raise Fault(
                f"{folder / 'answers.jsonl'}:{number}",
                f"answers {row['id']} twice",
                f"run dvc repro -f -s predict@{folder.name}",
            )
        answers[key] = row["answer"]
        if "prompt_tokens" in row:
            tokens[key] = row["prompt_tokens"], row["answer_tokens"]
        if "chosen" in row:
            preferred[key] = row["chosen"] > row["rejected"]
    told, measured = _told(folder / "texts.jsonl"), _measured(folder / "harness.jsonl")
    return Predictions(arm, answers, preferred, tokens, told, measured)


def _told(path: Path) -> dict[str, float]:
    """The chance of a token of each text (geometric mean): none of a hosted model, and none of a text without two tokens."""
    rows = [row for _, row in read_jsonl(path)] if path.is_file() else []
    return {row["id"]: math.exp(row["log_likelihood"] / row["tokens"]) for row in rows if row["tokens"] > 0}


def _measured(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    """What tasks of lm-evaluation-harness found, by task and metric; nothing where none was asked."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for _, row in read_jsonl(path) if path.is_file() else ():
        found.setdefault((row["task"], row["metric"]), {})[row["doc"]] = row["value"]
    return found


def read_arms(folder: Path) -> dict[str, Predictions]:
    """Every arm under the folder, by name."""
    return {path.name: read_predictions(path) for path in sorted(folder.iterdir()) if (path / "arm.json").is_file()}


def check_complete(predictions: dict[str, Predictions], name: str, ids: list[str], place: Path) -> None:
    """Raises Fault where an arm answered another set than the one asked now."""
    for arm, given in predictions.items():
        answered = {key for which, key in given.answers if which == name}
        if answered != set(ids):
            gap = len(set(ids) ^ answered)
            raise Fault(place / arm, f"answers another {name} set ({gap} ids differ)", f"run dvc repro predict@{arm}")
