"""What a result was measured with, as digests that a report names and a gate compares."""

import hashlib
import json
from collections.abc import Iterable

from pipeline.data.questions import Question
from pipeline.data.splitting.test_set import TestSet


def of_test_set(given: TestSet) -> str:
    """What tells one test set from another: its ids."""
    return _digest(sorted(given.ids))


def of_questions(given: Iterable[Question]) -> str:
    """What tells one set of probes or cases from another: the questions, and how their answers are judged."""
    return _digest([question.model_dump() for question in given])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
