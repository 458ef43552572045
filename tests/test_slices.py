"""Slices in the comparison: by language, what waits, and the worst first."""

import json

import pytest

from pipeline.stage import Fault
from tests.evaluated import (
    SHORT,
    record,
    run_main,
)


def test_what_waits_is_scored_beside_the_test_set(tmp_path):
    without, nothing = (json.loads(text) for text in run_main(tmp_path)[:2])
    assert (tmp_path / "new.jsonl").read_bytes() == b"\n"
    assert nothing["new"] == {}
    told = run_main(tmp_path, [record(SHORT, n) for n in range(9, 12)])
    headline, comparison = (json.loads(text) for text in told[:2])
    found = comparison["new"]["arms"]
    assert headline == without
    assert {arm: given["exact_label"]["mean"] for arm, given in found.items()} == {"base": 0.0, "tuned": 1.0}
    assert {one["n"] for given in found.values() for one in given.values()} == {3}
    assert all(set(given) == set(headline["base"]) for given in found.values())


def test_answers_to_other_waiting_records_are_refused(tmp_path):
    waiting = [record(SHORT, n) for n in range(9, 12)]
    for answered in ([], waiting[:2], [*waiting, record(SHORT, 12)]):
        with pytest.raises(Fault, match="answers another new set"):
            run_main(tmp_path, waiting, answered)
