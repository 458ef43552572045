"""What the evaluation found of a model that answers in production, read where it stands: in this tree, or at the model's own revision.

The accepted model's numbers are those of models/accepted.json. Of another revision they are those of the arm `tuned` in the
reports of that commit, as git has them; a request that names no revision is held against this tree's. A revision that git does not
have is said, and nothing is held against it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.predictions import read_predictions
from pipeline.data.records import parse_json
from pipeline.desk.accepted import ARM as ACCEPTED
from pipeline.desk.accepted import RECORD, Record
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry
from pipeline.production.monitoring.columns import OTHER, UNKNOWN
from pipeline.production.monitoring.measures import SHARES, Is, outcome_of
from pipeline.pull_request.revision import git
from pipeline.scoring.exact import Floats
from pipeline.scoring.grouped_sums import Value, share

COMPARISON, RUN, ARM = "reports/comparison.json", "reports/run.json", "tuned"
PREDICTIONS, EPOCH = Path("data/predictions"), datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Expected:
    """What was measured of a model by an evaluation, by the names of the monitor's measures, and where that stands.

    `is_known` is false where git has no such revision. `arm` is whose answers of data/predictions are this model's, "" where none are.
    """

    values: dict[str, Value]
    source: str
    is_known: bool = True
    arm: str = ""


def expected(revision: str, models: set[str], root: Path, accepted: Record | None) -> Expected:
    """The evaluation's numbers of a revision, whose requests name these models."""
    if accepted and (revision == accepted.revision or accepted.model in models):
        return Expected(_of_metrics(accepted.metrics), f"{RECORD}", arm=ACCEPTED)
    if revision in (UNKNOWN, OTHER) or not _is_commit(revision, root):
        if revision in (UNKNOWN, *models):
            return Expected(
                _of_reports(_here(root / COMPARISON), _here(root / RUN)), f"{COMPARISON} of this tree", arm=ARM
            )
        return Expected({}, "git has no such revision here, so there is nothing to hold it against", False)
    commit = str(git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")).strip()
    reports = _json(git(root, "show", f"{commit}:{COMPARISON}")), _json(git(root, "show", f"{commit}:{RUN}"))
    is_here = commit == str(git(root, "rev-parse", "HEAD")).strip()
    return Expected(_of_reports(*reports), f"{COMPARISON} of {commit[:12]}", arm=ARM if is_here else "")


def with_answers(found: Expected, root: Path, judge: Judge) -> Expected:
    """The same with what the model's answers to the test set failed, where these are in the tree (make pull): judged as production's are.

    Raises Fault where they cannot be read.
    """
    folder = root / PREDICTIONS / found.arm
    if not found.arm or not (folder / "answers.jsonl").is_file():
        return found
    answers = read_predictions(folder)
    keys = [key for key in answers.answers if key[0] == "test"]
    bits = [_bits(judge, answers.answers[key], answers.finish[key]) for key in keys]
    values = {
        one.name: share(_sum(bits, one.of | one.hit), _sum(bits, one.of), has_groups=False)
        for one in SHARES
        if one.of is Is.JUDGED and one.name not in found.values
    }
    return replace(found, values=found.values | {name: value for name, value in values.items() if value.n})


def _bits(judge: Judge, answer: str, finish: str) -> Is:
    passed, failed = judge.verdict(answer, finish)
    return outcome_of(Entry(id="", time=EPOCH, finish=finish), passed is not None, failed)


def _sum(bits: list[Is], wanted: Is) -> Floats:
    """How many have all of these."""
    return np.array([float(sum(one & wanted == wanted for one in bits))])


def _is_commit(revision: str, root: Path) -> bool:
    """Whether git has a commit by that name, which came out of a log."""
    if not revision.isalnum():
        return False
    return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") is not None


def _here(path: Path) -> Any:
    return _json(path.read_text(encoding="utf-8")) if path.is_file() else None


def _json(text: str | None) -> Any:
    try:
        return parse_json(text) if text else None
    except ValueError:
        return None


def _of_reports(comparison: Any, run: Any) -> dict[str, Value]:
    """Metrics with their intervals; of what asking took, means without one."""
    try:
        found = _of_metrics(comparison["arms"][ARM])
    except (KeyError, TypeError):
        return {}
    try:
        asked = run["arms"][ARM]
        n = int(asked["answers"])
        amounts = {"tokens_in": asked["prompt_tokens"], "tokens_out": asked["answer_tokens"], "cost": asked["cost"]}
        times = {"total_p50_s": asked["latency_s"]["median"], "total_p95_s": asked["latency_s"]["p95"]}
        plain = {name: total / n for name, total in amounts.items() if total is not None} | times
    except (KeyError, TypeError, ZeroDivisionError):
        return found
    return found | {name: Value(float(value), None, None, n, float(n)) for name, value in plain.items()}


def _of_metrics(metrics: dict[str, dict[str, float]]) -> dict[str, Value]:
    """Those of the evaluation's metrics that say the same of an answer as a measure does."""
    found = {}
    for one in SHARES:
        if one.evaluated in metrics:
            metric = metrics[one.evaluated]
            n = int(metric["n"])
            found[one.name] = Value(metric["mean"], metric["low"], metric["high"], n, metric.get("effective_n", n))
    return found
