"""Validate: a broken expectation stops the stage with the place of the row; a warning does not."""

import json
from pathlib import Path

import pytest

from pipeline.data.checking.features import Features, alternates
from pipeline.data.records import read_records, write_records
from pipeline.data.reviews import ReviewParams
from pipeline.stage import Fault
from pipeline.validate import ValidateParams, enough_for, main
from tests.examples import SCHEMA, answer, contract, record, turns, write_json, write_lines

SUITE = Path(__file__).parent / "fixtures/expectations.json"
PARAMS = {
    "min_examples": 6,
    "max_label_share": 0.5,
    "max_question_chars": 40,
    "max_answer_chars": 80,
    "max_unreviewed_share": 0.2,
    "denied_licences": ["CC-BY-NC-4.0"],
    "languages": ["en"],
    "required_slices": {},
}


def good():
    """Six records, two of each colour."""
    colours = ("red", "green", "blue") * 2
    return [record(f"question {n}", answer(colour), source=f"raw/a.jsonl:{n + 1}") for n, colour in enumerate(colours)]


def run_main(folder, records, out="out", suite=SUITE, near=(), reviews=(), origins=("production",), **params):
    write_records(folder / "records.jsonl", records)
    write_lines(folder / "near.jsonl", *near)
    write_lines(folder / "reviews/r.jsonl", *reviews)
    schema = write_json(folder / "schema.json", SCHEMA)
    report = folder / f"{out}.json"
    paths = (folder / "records.jsonl", folder / "near.jsonl", folder / "reviews", suite, schema, folder / out, report)
    main(ValidateParams(**PARAMS | params), ReviewParams(origins=list(origins)), *paths)
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


def test_a_suite_that_expects_nothing_is_a_fault(tmp_path):
    suite = write_json(tmp_path / "suite.json", {"name": "x", "expectations": []})
    assert fault_of(tmp_path, good(), suite=suite).startswith(f"{suite}: expects nothing")


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
    features = Features(contract(tmp_path), [], lambda _: "en")
    for row in (record("a"), record("b"), record("c", answer("blue")), record("d", "x")):
        features.add(row, contradicts=False)
    features.finish(0.0, {})
    assert features.columns["label_share"] == [0.5, 0.5, 0.25, 0.25]


CALL = {"type": "function", "function": {"name": "look_up", "arguments": {"order": "7"}}}


@pytest.mark.parametrize(
    ("roles", "holds"),
    [
        (["user", "assistant"], True),
        (["user", "assistant", "user", "assistant"], True),
        (["user", "call", "tool", "tool", "assistant"], True),
        (["user", "call", "tool", "call", "tool", "assistant", "user", "assistant"], True),
        (["assistant"], False),
        (["user", "user", "assistant"], False),
        (["user", "assistant", "assistant"], False),
        (["user", "tool", "assistant"], False),
        (["user", "call", "assistant"], False),
        (["user", "call", "tool", "user", "assistant"], False),
    ],
)
def test_turns_alternate_and_a_call_is_answered_by_its_tools(roles, holds):
    made = [
        {"role": "assistant", "content": "", "tool_calls": [CALL]} if role == "call" else {"role": role, "content": "x"}
        for role in roles
    ]
    assert alternates(made) == holds


def test_a_call_of_tools_may_say_nothing(tmp_path):
    calling = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    told = {"role": "tool", "content": ""}
    talk = (*turns("where is it"), calling, told, {"role": "assistant", "content": answer()})
    assert run_main(tmp_path, [*good(), record("", messages=talk)])["records"] == 7


@pytest.mark.parametrize("licence", ["", " ", "none", "Unknown", "?"])
def test_a_licence_that_names_none_stops(tmp_path, licence):
    assert "licence_is_named" in fault_of(tmp_path, [record("a", licence=licence, source=BAD), *good()])


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "cc-by-nc-4.0 "])
def test_a_denied_licence_stops_and_its_neighbour_does_not(tmp_path, licence):
    line = fault_of(tmp_path, [record("a", licence=licence, source=BAD), *good()])
    assert line.startswith(f"{BAD}: ")
    assert "licence_is_allowed" in line
    assert run_main(tmp_path, [record("a", licence="CC-BY-4.0"), *good()])["records"] == 7


def test_contradictions_warn_with_both_places(tmp_path, capsys):
    one, other = record("a b", source="one:1"), record("a c", answer("blue"), source="two:2")
    pair = {"first": one.id, "second": other.id, "similarity": 0.7, "answers": "other"}
    report = run_main(tmp_path, [*good(), one, other], near=[pair])
    assert report["warnings"] == 1
    assert (
        "one:1: 2 rows break expect_column_values_to_be_in_set(contradicts) (contradicts two:2)"
        in capsys.readouterr().out
    )
    for kind in ("same", "unlike"):
        assert run_main(tmp_path, [*good(), one, other], near=[pair | {"answers": kind}])["warnings"] == 0


def test_a_slice_that_is_short_warns_and_names_it(tmp_path, capsys):
    rows = [record(f"q{n}", tags=("angry",)) for n in range(3)] + good()
    assert (
        run_main(tmp_path, rows, required_slices={"angry": 3, "red": 2, "en": 9}, max_label_share=1.0)["warnings"] == 0
    )
    assert run_main(tmp_path, rows, required_slices={"angry": 4, "red": 2}, max_label_share=1.0)["warnings"] == 1
    assert "angry has 3 of 4" in capsys.readouterr().out


def review(one, decision, reviewer="asha", **changes):
    return {
        "record": one.id,
        "decision": decision,
        "reviewer": reviewer,
        "date": "2031-01-02",
        "reason": "x",
        **changes,
    }


def test_what_needs_a_review_waits_for_it(tmp_path):
    asked = record("from production", origin="production", answered_by="corrected")
    report = run_main(tmp_path, [*good(), asked])
    assert (report["records"], report["reviews"]["waiting"]) == (6, 1)
    assert [row.id for row in read_records(tmp_path / "out/waiting.jsonl")] == [asked.id]
    approved = run_main(tmp_path, [*good(), asked], reviews=[review(asked, "approve")])
    assert (approved["records"], approved["reviews"]["waiting"]) == (7, 0)
    assert run_main(tmp_path, [*good(), asked], origins=())["records"] == 7
    assert (
        run_main(
            tmp_path,
            [*good(), asked],
            origins=("human", "production"),
            min_examples=1,
            reviews=[review(asked, "approve")],
        )["records"]
        == 1
    )


def test_a_rejected_record_leaves_and_an_edited_one_comes_in_its_new_form(tmp_path):
    first, second, *_ = rows = good()
    edited = list(turns("question 1", answer("green", "better")))
    report = run_main(
        tmp_path, [*rows, record("a")], reviews=[review(first, "reject"), review(second, "edit", messages=edited)]
    )
    assert (report["records"], report["reviews"]["rejected"], report["reviews"]["edited"]) == (6, 1, 1)
    written = read_records(tmp_path / "out/records.jsonl")
    assert first.id not in {row.id for row in written}
    assert [(row.answer, row.parents, row.answered_by) for row in written if row.parents] == [
        (answer("green", "better"), (second.id,), "corrected")
    ]


def test_an_edit_that_says_what_another_record_says_counts_once(tmp_path):
    first, second, *_ = rows = good()
    for one, other in ((first, second), (second, first)):
        made = review(one, "edit", messages=list(other.messages))
        assert run_main(tmp_path, rows, reviews=[made], min_examples=5)["records"] == 5


def test_too_many_that_wait_warn(tmp_path):
    waiting = [record(f"p{n}", origin="production") for n in range(2)]
    assert run_main(tmp_path, [*good(), waiting[0]], max_unreviewed_share=0.15)["warnings"] == 0
    assert run_main(tmp_path, [*good(), *waiting], max_unreviewed_share=0.25)["warnings"] == 0
    assert run_main(tmp_path, [*good(), *waiting], max_unreviewed_share=0.24)["warnings"] == 1


def test_every_broken_critical_expectation_is_said(tmp_path, capsys):
    fault_of(tmp_path, [record("a" * 41, source="a:1"), record("b", "no JSON", source="b:2"), *good()])
    assert "validate: also broken: " in capsys.readouterr().out


def test_the_report_says_what_so_many_examples_are_enough_for():
    assert enough_for(49) == {"format and style": "below", "a domain": "below", "complex behaviour": "below"}
    assert enough_for(50)["format and style"] == "within"
    assert enough_for(201)["format and style"] == "above"
    assert enough_for(1000) == {"format and style": "above", "a domain": "within", "complex behaviour": "within"}


def test_languages_are_told_apart(tmp_path):
    rows = [record("Where is my parcel? It is two days late."), record("मेरा पार्सल कहाँ है?"), *good()]
    report = run_main(tmp_path, rows, languages=["en", "hi"], max_label_share=1.0)
    assert report["languages"] == {"en": 7, "hi": 1}
    assert "xx" in fault_of_language(tmp_path, rows)


def fault_of_language(folder, rows):
    with pytest.raises(Fault, match=r"validate\.languages") as caught:
        run_main(folder, rows, languages=["en", "xx"])
    return str(caught.value)
