"""What a result was measured with, as digests that a report names and a gate compares."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.data.questions import Question
from pipeline.data.splitting.test_set import TestSet
from pipeline.stage import Fault


def of_test_set(given: TestSet) -> str:
    """What tells one test set from another: its ids."""
    return _digest(sorted(given.ids))


def check_of_test_set(ids: Sequence[str], frozen: TestSet, place: Path) -> None:
    """Raises Fault where there is nothing to measure on, and for a record that is not of the frozen test set."""
    if not ids:
        raise Fault(place, "holds no record to be measured on", "add examples, then make test-set")
    for name in ids:
        if name not in frozen.ids:
            raise Fault(place, f"holds {name}, which is not in the test set", "run dvc repro -f -s split")


def of_questions(given: Iterable[Question]) -> str:
    """What tells one set of probes or cases from another: the questions, and how their answers are judged; not where they are from."""
    return _digest([question.model_dump(exclude={"incident"}) for question in given])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
