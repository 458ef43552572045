"""What evaluate does with inputs that it cannot judge by: a line, or `cannot tell`; never a crash, never a sure number."""

import json

import pytest

from pipeline.data.records import write_records
from pipeline.stage import Fault
from tests.evaluated import FULL, SHORT, answers_of, lay_out, record, run_stage, write_arm


def right(one):
    return one.answer


def wrong(_):
    return "no"


@pytest.fixture
def laid_out(tmp_path):
    """Lays out a test set of so many records, answered by both arms; returns the records."""

    def make(count=5, base=wrong, tuned=right):
        records = lay_out(tmp_path, [record(FULL, number) for number in range(count)])
        for name, says in (("base", base), ("tuned", tuned)):
            write_arm(tmp_path / "predictions" / name, answers_of(records, says))
        return records

    return make


def pair_of(folder):
    """The comparison of the two arms, by metric."""
    return json.loads(run_stage(folder)[1])["pairs"]["tuned against base"]


def test_answers_to_another_test_set_are_refused(laid_out, tmp_path):
    records = laid_out()
    write_arm(tmp_path / "predictions/tuned", answers_of(records[:4], right))
    with pytest.raises(Fault, match=r"predictions/tuned: answers another test set \(1 ids differ\)"):
        run_stage(tmp_path)


@pytest.mark.parametrize("name", ["test", "new"])
def test_a_record_that_would_count_twice_is_refused(name, laid_out, tmp_path):
    records = laid_out()
    twice = [*records, records[2]] if name == "test" else [record(SHORT, 8)] * 2
    write_records(tmp_path / f"{name}.jsonl", twice)
    with pytest.raises(Fault, match=rf"{name}\.jsonl: holds {twice[-1].id} 2 times; run dvc repro -f -s split"):
        run_stage(tmp_path)


def test_an_empty_test_set_is_refused_and_so_is_a_record_that_is_not_of_it(laid_out, tmp_path):
    laid_out(0)
    with pytest.raises(Fault, match=r"test\.jsonl: holds no record to be measured on"):
        run_stage(tmp_path)
    [first, *_] = laid_out(3)
    asked = (tmp_path / "test.jsonl").read_text()
    (tmp_path / "test.jsonl").write_text("")
    with pytest.raises(Fault, match=r"test\.jsonl: holds no record, and 6 answers below .*; run dvc repro split"):
        run_stage(tmp_path)
    (tmp_path / "test.jsonl").write_text(asked)
    (tmp_path / "test_set.txt").write_text("# none\n")
    with pytest.raises(Fault, match=rf"test\.jsonl: holds {first.id}, which is not in the test set"):
        run_stage(tmp_path)


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ('{"type": "objekt"}', "is not a JSON Schema"),
        ('{"properties": {"a": {"pattern": "("}}}', "is not a JSON Schema"),
        ("[]", "is not a JSON Schema"),
        ("{", "is not JSON"),
        ('{"properties": {"a": true}}', "has a property that is no object"),
        ('{"$ref": "#/nothing"}', "refers to #/nothing"),
    ],
)
def test_a_schema_that_is_none_is_named(schema, fault, laid_out, tmp_path):
    laid_out()
    (tmp_path / "schema.json").write_text(schema)
    with pytest.raises(Fault, match=rf"schema\.json: {fault}"):
        run_stage(tmp_path)


def test_no_answers_at_all_are_a_line(tmp_path):
    lay_out(tmp_path)
    for fault in ("no such folder", "has no answers yet"):
        with pytest.raises(Fault, match=f"predictions: {fault}; run make run first"):
            run_stage(tmp_path)
        (tmp_path / "predictions").mkdir(exist_ok=True)


@pytest.mark.parametrize("says", [right, wrong])
def test_arms_that_answer_alike_cannot_be_told_apart(says, laid_out, tmp_path):
    laid_out(30, says, says)
    found = pair_of(tmp_path)
    assert {row["verdict"] for row in found.values()} == {"cannot tell"}
    assert all(row["low"] < 0 < row["high"] and row["difference"] == 0 for row in found.values())


@pytest.mark.parametrize(("base", "tuned"), [(wrong, right), (right, wrong), (right, right)])
def test_one_record_tells_nothing(base, tuned, laid_out, tmp_path):
    laid_out(1, base, tuned)
    reports = run_stage(tmp_path)
    comparison = json.loads(reports[1])
    found = comparison["pairs"]["tuned against base"]
    assert {row["verdict"] for row in found.values()} == {"cannot tell"}
    assert all(row["high"] - row["low"] > 1.5 for row in found.values())
    assert comparison["slices"]["tuned against base"] == {}
    assert all(one["high"] - one["low"] > 0.5 for arm in comparison["arms"].values() for one in arm.values())


def test_one_arm_alone_is_scored_and_compared_with_nothing(laid_out, tmp_path):
    records = laid_out()
    (tmp_path / "predictions/tuned/arm.json").unlink()
    comparison, page = (run_stage(tmp_path)[at] for at in (1, 4))
    assert json.loads(comparison)["pairs"] == {}
    assert "There is nothing to compare" in page
    assert records[0].id not in page
