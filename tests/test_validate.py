"""Validate: a broken expectation stops the stage with the place of the row; a warning does not."""

import json
from pathlib import Path

import pytest

from pipeline.data.records import read_records, write_records
from pipeline.stage import Fault
from pipeline.validate import ValidateParams, features, main
from tests.examples import SCHEMA, answer, contract, record, turns, write_json

SUITE = Path(__file__).parent / "fixtures/expectations.json"
PARAMS = {"min_examples": 6, "max_label_share": 0.5, "max_question_chars": 40, "max_answer_chars": 80}


def good():
    """Six records, two of each colour."""
    colours = ("red", "green", "blue") * 2
    return [record(f"question {n}", answer(colour), source=f"raw/a.jsonl:{n + 1}") for n, colour in enumerate(colours)]


def run_main(folder, records, out="out", suite=SUITE, **params):
    write_records(folder / "records.jsonl", records)
    schema = write_json(folder / "schema.json", SCHEMA)
    report = folder / f"{out}.json"
    main(ValidateParams(**PARAMS | params), folder / "records.jsonl", suite, schema, folder / out, report)
    return json.loads(report.read_text())


def fault_of(folder, records, **params):
    with pytest.raises(Fault) as caught:
        run_main(folder, records, **params)
    assert len(str(caught.value).splitlines()) == 1
    assert not (folder / "out").exists()
    return str(caught.value)


def test_a_good_set_passes_as_it_is(tmp_path, capsys):
    report = run_main(tmp_path, good())
    assert (report["records"], report["warnings"]) == (6, 0)
    assert report["labels"] == {"red": 2, "green": 2, "blue": 2}
    assert len(report["findings"]) == len(json.loads(SUITE.read_text())["expectations"])
    assert all(finding["holds"] for finding in report["findings"])
    assert (tmp_path / "out/records.jsonl").read_bytes() == (tmp_path / "records.jsonl").read_bytes()
    assert "warning" not in capsys.readouterr().out


BAD = "raw/b.csv:7"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (record("question 1", answer("green"), source=BAD), "unique(id)"),
        (record("", messages=turns("a", answer(), "thanks"), source=BAD), "end the conversation with the answer"),
        (record("", messages=(*turns("a"), *turns("b", answer())), source=BAD), "user and assistant take turns"),
        (record("", messages=turns("a", answer())[1:], source=BAD), "user and assistant take turns"),
        (record("  \n", source=BAD), "fill the empty turn"),
        (record("", messages=turns("a", " ", "b", answer()), source=BAD), "fill the empty turn"),
        (record("a", "no JSON", source=BAD), "(is not JSON)"),
        (record("a", answer("pink"), source=BAD), "'pink' is not one of"),
        (record("a" * 41, source=BAD), "max_question_chars"),
        (record("a", answer(reply="b" * 80), source=BAD), "max_answer_chars"),
        (record("a", licence="", source=BAD), "licence"),
    ],
)
def test_a_broken_expectation_stops_at_the_row(tmp_path, row, words):
    line = fault_of(tmp_path, [row, *good()])
    assert line.startswith(f"{BAD}: ")
    assert words in line


def test_several_broken_rows_are_counted_and_placed(tmp_path):
    line = fault_of(tmp_path, [*good(), record("a", "x", source="b:1"), record("b", "x", source="b:2")])
    assert line.startswith("b:1: 2 rows break ")
    assert "also b:2" in line


def test_values_on_their_bounds_pass(tmp_path):
    long = answer(reply="b" * (80 - len(answer(reply=""))))
    assert len(long) == 80
    multi = record("", messages=turns("a" * 10, "b" * 10, "c" * 20, answer()))
    assert run_main(tmp_path, [*good(), record("a" * 40), record("a", long), multi])["records"] == 9


def test_one_record_too_few_stops_with_both_numbers(tmp_path):
    line = fault_of(tmp_path, good(), min_examples=7)
    assert line.startswith(f"{tmp_path / 'records.jsonl'}: ")
    assert "observed 6" in line
    assert "7" in line
    assert "validate.min_examples" in line


def test_no_record_at_all_is_a_fault(tmp_path):
    assert fault_of(tmp_path, []).startswith(f"{tmp_path / 'records.jsonl'}: has no record")


def test_a_frequent_label_warns_only(tmp_path, capsys):
    rows = [*good(), record("a"), record("b")]
    assert run_main(tmp_path, rows)["warnings"] == 0
    report = run_main(tmp_path, [*rows, record("c")])
    assert report["warnings"] == 1
    assert [finding["severity"] for finding in report["findings"] if not finding["holds"]] == ["warning"]
    assert "validate: warning: " in capsys.readouterr().out
    assert len(read_records(tmp_path / "out/records.jsonl")) == 9


def test_a_critical_break_stops_beside_a_warning(tmp_path):
    line = fault_of(tmp_path, [record(f"q{n}") for n in range(6)] + [record("a", "x", source=BAD)])
    assert line.startswith(f"{BAD}: ")


def test_the_page_shows_no_markup_of_the_data(tmp_path):
    script = "<script>alert('x')</script>"
    rows = [record(f"{script} {n}", answer(reply=script), source=f"raw/{script}.jsonl:{n}") for n in range(6)]
    suite = {
        "name": script,
        "expectations": [
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "question_chars", "max_value": 1},
                "severity": "warning",
                "meta": {"remedy": script},
            },
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "label", "value_set": [script]},
                "severity": "warning",
            },
        ],
    }
    report = run_main(tmp_path, rows, suite=write_json(tmp_path / "suite.json", suite))
    assert report["warnings"] == 2
    page = (tmp_path / "out/page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "raw/&lt;script&gt;" in page
    assert "http" not in page


def test_the_same_records_give_the_same_bytes(tmp_path):
    run_main(tmp_path, good(), "one", max_label_share=0.1)
    run_main(tmp_path, good(), "two", max_label_share=0.1)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    for name in ("records.jsonl", "page.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"name": "x"}'])
def test_a_file_that_is_no_suite_is_a_fault(tmp_path, text):
    suite = tmp_path / "suite.json"
    if text is not None:
        suite.write_text(text)
    line = fault_of(tmp_path, good(), suite=suite)
    assert line.startswith(f"{suite}: is no suite of expectations")


def test_an_expectation_that_cannot_be_checked_stops_the_stage(tmp_path):
    unknown = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "mood"}, "severity": "critical"}
    suite = write_json(tmp_path / "suite.json", {"name": "x", "expectations": [unknown]})
    line = fault_of(tmp_path, good(), suite=suite)
    assert line.startswith(f"{tmp_path / 'records.jsonl'}: ")
    assert "could not be checked" in line
    assert "mood" in line


RIGHT = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}, "severity": "critical"}
OTHER = {**RIGHT, "type": "expect_column_values_to_not_be_null"}


@pytest.mark.parametrize(
    "changes",
    [{"type": "expect_colum_values_to_be_unique"}, {"type": "expect_nothing"}, {"severity": "grave"}, {"severity": ""}],
)
def test_an_expectation_of_unknown_type_or_severity_stops_the_stage(tmp_path, changes):
    suite = write_json(tmp_path / "suite.json", {"name": "x", "expectations": [RIGHT, OTHER | changes]})
    line = fault_of(tmp_path, good(), suite=suite)
    assert (OTHER | changes)["type"] in line
    assert "not known" in line


@pytest.mark.parametrize("place", ["min_value", "max_value"])
def test_a_parameter_that_the_section_has_not_stops_the_stage(tmp_path, place):
    asked = {"min_value": {"$PARAMETER": "min_examples"}, place: {"$PARAMETER": "min_exampels"}}
    one = {"type": "expect_table_row_count_to_be_between", "kwargs": asked, "severity": "warning"}
    suite = write_json(tmp_path / "suite.json", {"name": "x", "expectations": [one]})
    assert fault_of(tmp_path, good(), suite=suite).startswith(f"{suite}: asks for the parameter min_exampels")


def test_the_share_of_a_label_is_of_all_records(tmp_path):
    rows = features([record("a"), record("b"), record("c", answer("blue")), record("d", "x")], contract(tmp_path))
    assert [row["label_share"] for row in rows] == [0.5, 0.5, 0.25, 0.25]
