"""Format accuracy and a judge as modules of `evaluate`: the values that the reports have, from any script."""

import json
import subprocess
import sys

import pytest

from pipeline.data.answers import Contract
from pipeline.scoring import metrics
from pipeline.scoring.answers import score
from pipeline.scoring.modules import Bleu, ExactMatch, FormatAccuracy, Judge, RougeL
from tests.project import ROOT

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ANSWERS = ['{"a": 1}', "{", '{"a": "one"}', '{"a": 2, "b": "as an AI"}', ""]


@pytest.fixture
def contract(tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return Contract.load(tmp_path / "schema.json")


def test_format_accuracy_is_that_of_the_reports(contract):
    found = FormatAccuracy(contract, ["as an AI"], keep_in_memory=True).compute(predictions=ANSWERS)
    assert (found["values"], found["mean"]) == ([1, 0, 0, 0, 0], 0.2)
    assert found["parts"] == {"format_parses": 0.6, "format_schema": 0.4, "format_permitted": 0.6}
    reported = score(ANSWERS, ANSWERS, contract, ["as an AI"])
    assert found["values"] == reported["format_accuracy"]


@pytest.mark.parametrize("module", [ExactMatch, RougeL, Bleu])
def test_a_module_gives_the_values_of_the_reports(module):
    said, wanted = ["the same", "one two three", "घर गया", ""], ["the same", "one three", "घर आया", "x"]
    found = module(keep_in_memory=True).compute(predictions=said, references=wanted)
    assert found["values"] == metrics.values(module.metric, said, wanted)
    assert found["mean"] == sum(found["values"]) / 4


def test_who_scores_does_not_wait_for_what_trains():
    """`evaluate` imports PyTorch: make report would take twice as long."""
    code = "import sys, pipeline.scoring.metrics, pipeline.pull_request.report; sys.exit(bool({'evaluate', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def judged(ask, predictions, references):
    given = {"predictions": predictions, "references": references, "questions": ["q"] * len(predictions)}
    return Judge(ask, keep_in_memory=True).compute(**given)


def test_a_judge_is_asked_both_ways_round():
    def longer(_, first, second):
        return [(len(one) > len(other)) - (len(one) < len(other)) for one, other in zip(first, second, strict=True)]

    found = judged(longer, ["long", "s", "same"], ["l", "short", "emas"])
    assert found == {"values": [1, 0, 0.5], "mean": 0.5, "inconsistent": 0, "unreadable": 0}


def test_a_judge_that_goes_by_the_order_prefers_nobody():
    found = judged(lambda asked, *_: [1] * len(asked), ["one", "two"], ["three", "four"])
    assert found == {"values": [0.5, 0.5], "mean": 0.5, "inconsistent": 2, "unreadable": 0}


def test_a_reply_that_cannot_be_read_has_no_value():
    def mute(_, first, __):
        return [None if one == "a" else 1 for one in first]

    found = judged(mute, ["a", "b"], ["c", "a"])
    assert (found["values"], found["unreadable"]) == ([], 2)
