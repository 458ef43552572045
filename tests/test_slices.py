"""Slices in the comparison: by language, what waits, and the worst first."""

import json

import msgspec
import pytest

from pipeline.data.checking.language import LanguageParams
from pipeline.data.records import record_id
from pipeline.scoring.worst import MOST, worst_slices
from pipeline.stage import Fault
from tests.evaluated import FULL, SHORT, answers_of, lay_out, record, run_main, run_stage, write_arm


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


def test_what_waits_is_compared_as_a_slice_with_a_family_of_its_own(tmp_path):
    """Seven of seven rose: p = 0.016 by itself, and too little among as many metrics; thirty of thirty is enough."""
    few, many = ([record(SHORT, n) for n in range(9, 9 + count)] for count in (7, 30))

    def told(waiting):
        return json.loads(run_main(tmp_path, waiting)[1])["new"]["pairs"]["tuned against base"]["exact_label"]

    assert (told(few[:1])["verdict"], told(few[:1])["n"]) == ("cannot tell", 1)
    row = told(few)
    assert (row["p"], row["p_adjusted"] > 0.05, row["verdict"]) == (0.0156, True, "no worse")
    row = told(many)
    assert (row["verdict"], row["n"], row["fixed"]) == ("better", 30, 30)


QUESTIONS = {
    "en": "Where is my order, it should have been here on Monday and nobody answers the phone",
    "hi": "मेरा ऑर्डर कहाँ है, यह सोमवार को आना था और कोई फ़ोन नहीं उठा रहा है",
}


def spoken(language, number):
    """A record that asks in a language."""
    asked = {"role": "user", "content": f"{QUESTIONS[language]} {number}"}
    turns = (asked, record(FULL).messages[-1])
    return msgspec.structs.replace(record(FULL, number), id=record_id(turns), messages=turns)


def in_two_languages(folder, languages):
    """Forty records, half of them in each language; the tuned arm loses what is asked in Hindi. Returns the comparison."""
    records = [spoken("hi" if number < 20 else "en", number) for number in range(40)]
    lay_out(folder, records)
    write_arm(folder / "predictions/base", answers_of(records, lambda one: one.answer))
    hindi = {one.id for one in records[:20]}
    write_arm(folder / "predictions/tuned", answers_of(records, lambda one: "no" if one.id in hindi else one.answer))
    return json.loads(run_stage(folder, languages=LanguageParams(languages=languages))[1])


def test_languages_are_slices_and_the_worst_slice_comes_first(tmp_path):
    found = in_two_languages(tmp_path, ["en", "hi"])
    slices = found["slices"]["tuned against base"]
    assert (slices["language hi"]["exact_label"]["verdict"], slices["language hi"]["exact_label"]["broken"]) == (
        "worse",
        20,
    )
    assert slices["language en"]["exact_label"]["broken"] == 0
    rows = found["worst_slices"]["tuned against base"]
    assert (rows[0]["slice"], rows[0]["difference"], rows[0]["verdict"]) == ("language hi", -1.0, "worse")
    assert len(rows) == MOST
    assert all(row["verdict"] == "worse" for row in rows if row["slice"] == "language hi")


def test_one_language_is_no_slice(tmp_path):
    names = in_two_languages(tmp_path, ["en"])["slices"]["tuned against base"]
    assert not [name for name in names if name.startswith("language")]


def row_of(difference, verdict="cannot tell", p=0.5):
    return {"difference": difference, "low": -1, "high": 1, "n": 9, "verdict": verdict, "p_adjusted": p, "p": p}


def test_what_is_worse_beyond_doubt_comes_before_what_lost_more_by_luck():
    table = {
        "tag a": {"x": row_of(-0.5), "y": row_of(0.2, "better")},
        "tag b": {"x": row_of(-0.1, "worse"), "y": row_of(-0.2, "worse")},
        "new": {"x": row_of(-0.6)},
    }
    order = [("tag b", "y"), ("tag b", "x"), ("new", "x"), ("tag a", "x"), ("tag a", "y")]
    assert [(row["slice"], row["metric"]) for row in worst_slices(table)] == order
    assert [(row["slice"], row["metric"]) for row in worst_slices(table, 2)] == order[:2]
    assert "p" not in worst_slices(table)[0]
