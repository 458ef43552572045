"""Evaluate: what an answer scores, what is refused, and that the headline is plain numbers."""

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from pipeline.data.answers import Contract
from pipeline.data.judging.rubric import JudgeParams
from pipeline.data.ledgers import Rating
from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.ratings import RateParams
from pipeline.data.records import Record, digest, record_id, write_jsonl, write_records
from pipeline.evaluate import EvaluateParams, arm_scores, check_targets, evaluate, main, people
from pipeline.scoring.answers import exactness, score
from pipeline.scoring.own import OWN
from pipeline.stage import Fault
from tests.examples import write_lines
from tests.service import service

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["red", "blue"]},
        "urgent": {"type": "boolean"},
        "count": {"type": "integer"},
        "reply": {"type": "string"},
        "note": {"type": "string"},
    },
    "required": ["label", "reply"],
    "additionalProperties": False,
}
FULL = {"label": "red", "urgent": True, "count": 3, "reply": "It is on its way.", "note": "kind"}
SHORT = {"label": "red", "reply": "It is on its way."}


def contract(schema=SCHEMA):
    return Contract(schema, Draft202012Validator(schema))


def record(answer, number=0):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    turns = ({"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": text})
    return Record(
        id=record_id(turns),
        messages=turns,
        origin="human",
        answered_by="human",
        source="f:1",
        group=f"g{number}",
        licence="own",
    )


def scored(answer, reference, schema=SCHEMA):
    """Each metric of one answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {name: given[0] for name, given in score([text], [record(reference).answer], contract(schema)).items()}


def arm(records, texts):
    return Predictions({}, {("test", one.id): text for one, text in zip(records, texts, strict=True)})


def params(targets, prohibited=()):
    return EvaluateParams(margin=0.05, targets=targets, shown=4, prohibited=list(prohibited))


@pytest.mark.parametrize("reference", [FULL, SHORT])
def test_reference_as_answer_scores_one_everywhere(reference):
    assert set(scored(reference, reference).values()) == {1.0}
    assert set(scored(dict(reversed(reference.items())), reference).values()) == {1.0}


@pytest.mark.parametrize("reference", [FULL, SHORT])
@pytest.mark.parametrize("answer", ["", "red", '{"label": "red"', "null", "[" * 5000])
def test_answer_that_does_not_parse_scores_zero_everywhere(answer, reference):
    found = scored(answer, reference)
    del found["format_permitted"]
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("answer", ["42", "[]", '"red"'])
def test_answer_that_is_no_object_earns_nothing_for_fields_left_out(answer):
    found = scored(answer, SHORT)
    del found["format_permitted"]
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("answer", ["1" * 5000, json.dumps({**SHORT, "reply": "\ud83d"})])
def test_odd_answer_is_scored_and_does_not_stop_the_run(answer):
    """An endless number; half of an emoji, where the answer was cut inside of an escape."""
    assert 0 <= scored(answer, FULL)["rouge_l_reply"] < 1


def test_one_wrong_field_costs_that_field_alone():
    found = scored({**FULL, "label": "blue", "reply": "It is on a way."}, FULL)
    assert (found["format_accuracy"], found["exact_label"], found["exact_urgent"]) == (1, 0, 1)
    assert 0 < found["rouge_l_reply"] < 1


def test_exactness_is_the_mean_of_the_exact_metrics():
    for answer in (FULL, {**FULL, "label": "blue"}, {**SHORT, "count": 4}, "no answer"):
        found = scored(answer, FULL)
        exact = [value for name, value in found.items() if name.startswith("exact_")]
        text = answer if isinstance(answer, str) else json.dumps(answer)
        assert exactness([text], [record(FULL).answer], contract()) == [pytest.approx(sum(exact) / len(exact))]


def test_field_too_many_costs_the_format():
    found = scored({**FULL, "mood": "good"}, FULL)
    assert (found["format_accuracy"], found["exact_label"]) == (0, 1)


@pytest.mark.parametrize(("key", "wrong"), [("urgent", "true"), ("urgent", 1), ("count", "3"), ("count", 4)])
def test_value_of_another_type_is_another_value(key, wrong):
    assert scored({**FULL, key: wrong}, FULL)[f"exact_{key}"] == 0


def test_same_number_written_otherwise_is_the_same_value():
    assert scored('{"label": "red", "count": 3.0, "reply": "x"}', FULL)["exact_count"] == 1


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [("red", (1, 1)), (" red\n", (1, 1)), ("blue", (1, 0)), ("green", (0, 0)), ("", (0, 0)), ('"red"', (0, 0))],
)
def test_label_in_plain_text(answer, wanted):
    found = scored(answer, "red", {"type": "string", "enum": ["red", "blue"]})
    assert (found["format_accuracy"], found["exact_answer"]) == wanted


def test_missing_answer_is_a_failure():
    records = [record(FULL, number) for number in range(4)]
    given = arm(records[:3], [json.dumps(FULL)] * 3)
    headline, *_ = evaluate({"tuned": given}, records, contract(), params({}))
    assert set(headline["tuned"].values()) == {0.75}


def test_arms_are_compared_pair_by_pair_and_targets_have_two_sides():
    records = [record(SHORT, number) for number in range(40)]
    right, wrong = json.dumps(SHORT), json.dumps({**SHORT, "label": "blue"})
    arms = {"base": arm(records, [wrong] * 40), "tuned": arm(records, [right] * 30 + [wrong] * 10)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({"exact_label": 0.75, "format_accuracy": 1.0}))
    pair = comparison["pairs"]["tuned against base"]["exact_label"]
    assert (pair["fixed"], pair["broken"], pair["verdict"]) == (30, 0, "better")
    assert comparison["targets"]["exact_label"] == {"wanted": 0.75, "base": False, "tuned": True}
    assert headline["tuned"]["exact_label"] == 0.75
    _, above, _ = evaluate(arms, records, contract(), params({"exact_label": 0.76}))
    assert above["targets"]["exact_label"]["tuned"] is False


@pytest.mark.parametrize("ids", [["a"], ["a", "b", "c"], ["a", "x"], []])
def test_predictions_of_another_test_set_are_refused(ids, tmp_path):
    given = Predictions({}, {("test", name): "" for name in ids} | {("probe", "b"): ""})
    with pytest.raises(Fault, match="dvc repro predict@tuned"):
        check_complete({"tuned": given}, "test", ["a", "b"], tmp_path)


def test_predictions_of_this_test_set_are_taken(tmp_path):
    check_complete({"tuned": Predictions({}, {("test", "b"): "", ("test", "a"): ""})}, "test", ["a", "b"], tmp_path)


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1])
def test_a_metric_that_gives_no_share_is_named(value, monkeypatch):
    monkeypatch.setattr("pipeline.evaluate.score", lambda answers, *_: {"mine": [value] * len(answers)})
    records = [record(FULL, number) for number in range(4)]
    with pytest.raises(Fault, match="tuned: mine: scores an answer with no number between 0 and 1"):
        evaluate({"tuned": arm(records, ["x"] * 4)}, records, contract(), params({}))


def preference(number):
    one = record(SHORT, number)
    return msgspec.structs.replace(one, rejected=({"role": "assistant", "content": "no"},))


def test_preference_accuracy_is_of_the_preferences_alone():
    records = [record(FULL, 0), *(preference(number) for number in range(1, 5))]
    answers = {("test", one.id): one.answer for one in records}
    held = {("test", one.id): number != 2 for number, one in enumerate(records) if one.rejected}
    arms = {"base": Predictions({}, answers, dict.fromkeys(held, False)), "tuned": Predictions({}, answers, held)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({"preference_accuracy": 0.75}))
    assert headline["tuned"]["preference_accuracy"] == 0.75
    assert comparison["arms"]["tuned"]["preference_accuracy"]["n"] == 4
    assert comparison["pairs"]["tuned against base"]["preference_accuracy"]["fixed"] == 3
    assert comparison["targets"]["preference_accuracy"] == {"wanted": 0.75, "base": False, "tuned": True}
    arms["hosted"] = Predictions({}, answers)  # a service that tells no likelihoods
    headline, comparison, _ = evaluate(arms, records, contract(), params({}))
    assert "preference_accuracy" not in headline["hosted"]
    assert "preference_accuracy" not in comparison["pairs"]["tuned against hosted"]
    headline, *_ = evaluate(arms, records[:1], contract(), params({}))
    assert "preference_accuracy" not in headline["tuned"]


def test_a_preference_is_read_from_its_likelihoods(tmp_path):
    rows = [
        {"set": "test", "id": "a", "answer": "x", "chosen": -1.5, "rejected": -2.0},
        {"set": "test", "id": "b", "answer": "x", "chosen": -2.0, "rejected": -2.0},
        {"set": "test", "id": "c", "answer": "x"},
    ]
    write_arm(tmp_path / "tuned", rows)
    assert read_arms(tmp_path)["tuned"].preferred == {("test", "a"): True, ("test", "b"): False}


def test_a_target_of_preferences_without_one_is_refused(tmp_path):
    with pytest.raises(Fault, match=r"evaluate\.targets\.preference_accuracy: has nothing to be measured on"):
        run_main(tmp_path, targets={"preference_accuracy": 0.5})


def write_arm(folder, rows):
    write_jsonl(folder / "answers.jsonl", rows)
    (folder / "arm.json").write_text("{}")


def test_id_that_comes_twice_is_refused_and_in_another_set_is_not(tmp_path):
    rows = [{"set": "test", "id": "a", "answer": "x"}, {"set": "probe", "id": "a", "answer": "y"}]
    write_arm(tmp_path / "tuned", rows)
    assert read_arms(tmp_path)["tuned"].texts("probe", ["a"]) == ["y"]
    write_arm(tmp_path / "tuned", [*rows, rows[0]])
    with pytest.raises(Fault, match=r"answers\.jsonl:3: answers a twice"):
        read_arms(tmp_path)


def test_target_of_an_unknown_metric_names_the_choices():
    check_targets(params({"exact_label": 0.5, "rouge_l_reply": 0.1}), contract())
    with pytest.raises(Fault, match=r"evaluate\.targets\.exact_colour.*exact_label.*rouge_l_reply"):
        check_targets(params({"exact_colour": 0.5}), contract())


@pytest.mark.parametrize("wanted", [0.0, 1.0])
def test_a_target_on_a_bound_is_taken(wanted):
    assert params({"exact_label": wanted}).targets == {"exact_label": wanted}


@pytest.mark.parametrize("wanted", [-0.01, 1.01, 90.0, float("nan")])
def test_a_target_that_no_share_can_reach_is_refused(wanted):
    with pytest.raises(ValidationError):
        params({"exact_label": wanted})


JUDGE = JudgeParams.model_validate(
    {
        "pairs": [],
        "shows_reference": True,
        "service": service().model_dump(),
        "counts": {"examples": 1, "share": 0.5, "alpha": 0.0, "max_unreadable": 0.0},
    }
)
RATE = RateParams(arms=["tuned", "base"], dimensions={"correct": "Which is right?"}, seed=1)


def run_main(folder, waiting=(), answered=None, out="out", targets=None, learnt=()):
    """The stage on five test records and those that wait; `answered` is what the arms were asked of these."""
    records = [record(FULL, number) for number in range(5)]
    write_records(folder / "test.jsonl", records)
    write_records(folder / "new.jsonl", waiting)
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    (folder / "test_set.txt").write_text("".join(f"{one.id}\n" for one in records))
    asked = [("test", one) for one in records] + [("new", one) for one in (waiting if answered is None else answered)]
    for name in ("base", "tuned"):
        write_arm(
            folder / "predictions" / name,
            [{"set": which, "id": one.id, "answer": one.answer if name == "tuned" else "no"} for which, one in asked],
        )
    write_records(folder / "train.jsonl", learnt)
    names = ("predictions", "test.jsonl", "new.jsonl", "train.jsonl", "schema.json", "test_set.txt", "ratings")
    places = [folder / place for place in (*names, "judge.yaml", "judge")]
    reports = (folder / f"{out}.json", folder / f"{out}_comparison.json", folder / f"{out}_examples.jsonl")
    main(params(targets or {}), RATE, JUDGE, *places, *reports)
    return [path.read_text() for path in reports]


def test_what_waits_is_scored_beside_the_test_set(tmp_path):
    without, nothing = (json.loads(text) for text in run_main(tmp_path)[:2])
    assert (tmp_path / "new.jsonl").read_bytes() == b"\n"
    assert nothing["new"] == {}
    told = run_main(tmp_path, [record(SHORT, n) for n in range(9, 12)])
    headline, comparison = (json.loads(text) for text in told[:2])
    found = comparison["new"]
    assert headline == without
    assert {arm: given["exact_label"]["mean"] for arm, given in found.items()} == {"base": 0.0, "tuned": 1.0}
    assert {one["n"] for given in found.values() for one in given.values()} == {3}
    assert all(set(given) == set(headline["base"]) for given in found.values())


def test_answers_to_other_waiting_records_are_refused(tmp_path):
    waiting = [record(SHORT, n) for n in range(9, 12)]
    for answered in ([], waiting[:2], [*waiting, record(SHORT, 12)]):
        with pytest.raises(Fault, match="answers another new set"):
            run_main(tmp_path, waiting, answered)


def test_reports_hold_plain_numbers_and_are_the_same_twice(tmp_path):
    waiting = [record(SHORT, 9)]
    first = run_main(tmp_path, waiting, out="one")
    assert first == run_main(tmp_path, waiting, out="two")
    headline = json.loads(first[0])
    assert set(headline) == {"base", "tuned"}
    assert all(isinstance(value, int | float) for metrics in headline.values() for value in metrics.values())


def test_guesses_without_a_model_stand_beside_the_arms_and_are_compared(tmp_path):
    other = {**FULL, "label": "blue"}
    learnt = [record(FULL, n) for n in range(20, 24)] + [record(other, n) for n in range(24, 26)]
    headline, comparison = (json.loads(text) for text in run_main(tmp_path, learnt=learnt)[:2])
    assert set(headline) == {"base", "tuned", "majority", "bag_of_words"}
    assert headline["majority"] == {"exact_label": 1.0, "exact_urgent": 1.0, "exact_count": 1.0}
    assert set(comparison["pairs"]["tuned against majority"]) == set(headline["majority"])
    assert set(comparison["yardstick"]) == set(comparison["tokens"]) == {"base", "tuned"}
    assert "worth" not in comparison  # there is no arm prompted


def test_what_was_fixed_and_broken_is_shown_with_both_answers(tmp_path):
    rows = [json.loads(line) for line in run_main(tmp_path)[2].splitlines()]
    assert rows[0] == {"against": "base", "counts": {"broken": 0, "fixed": 5, "same": 0}}
    assert len(rows) == 5  # four are shown
    assert {row["change"] for row in rows[1:]} == {"fixed"}
    first = record(FULL)
    assert (rows[1]["before"], rows[1]["after"], rows[1]["reference"]) == ("no", first.answer, first.answer)
    assert (rows[1]["question"], rows[1]["metrics"]["exact_label"]) == (first.question, [0.0, 1.0])


def test_the_verdict_on_the_fine_tune_counts_targets_tokens_and_guesses():
    records = [record(FULL, number) for number in range(80)]
    good, bad = [one.answer for one in records], ["no"] * 80

    def told(prompted, tuned, targets):
        arms = {"prompted": arm(records, prompted), "tuned": arm(records, tuned)}
        for found, read in zip(arms.values(), (900, 100), strict=True):
            found.tokens.update(dict.fromkeys(found.answers, (read, 10)))
        return evaluate(arms, records, contract(), params(targets), records)[1]

    comparison = told(bad, good, {})
    assert comparison["tokens"] == {"prompted": {"read": 900, "written": 10}, "tuned": {"read": 100, "written": 10}}
    assert (comparison["worth"]["word"], comparison["worth"]["words_alone_are_better_on"]) == ("fine-tune", "")
    assert told(good, good, {"exact_label": 0.9})["worth"]["word"] == "prompt"
    lost = told(good, bad, {})["worth"]
    assert lost["word"] == "prompt"
    assert lost["words_alone_are_better_on"] == "exact_count, exact_label, exact_urgent"
    assert "800 of 910 tokens" in told(good, good, {})["worth"]["because"]


def test_the_parts_of_format_accuracy_are_told_alone_and_not_compared():
    records = [record(FULL, number) for number in range(4)]
    odd = {**FULL, "label": "green"}
    said = [FULL, odd, {**FULL, "reply": "As an AI I cannot."}]
    texts = [*(json.dumps(one) for one in said), "no JSON"]
    arms = {"base": arm(records, texts), "tuned": arm(records, texts)}
    headline, comparison, _ = evaluate(arms, records, contract(), params({}, prohibited=["(?i)as an ai"]))
    found = {name: value for name, value in headline["tuned"].items() if name.startswith("format")}
    assert found == {"format_parses": 0.75, "format_schema": 0.5, "format_permitted": 0.75, "format_accuracy": 0.25}
    assert {name for name in comparison["pairs"]["tuned against base"] if name.startswith("format")} == {
        "format_accuracy"
    }
    check_targets(params({"format_parses": 0.5}), contract())


def test_a_pattern_that_is_none_is_refused_and_one_that_takes_for_ever_counts_as_found():
    with pytest.raises(ValidationError, match="is no pattern"):
        params({}, prohibited=["("])
    slow = score(["a" * 60 + "!"], [record(FULL).answer], contract(), ["^(a|aa)+$"])
    assert slow["format_permitted"] == [0.0]


def test_a_metric_of_the_team_s_own_stands_beside_the_others(monkeypatch):
    monkeypatch.setitem(OWN, "says_red", lambda answer, _reference: float("red" in answer))
    records = [record(FULL, number) for number in range(2)]
    headline, *_ = evaluate({"tuned": arm(records, [records[0].answer, "blue"])}, records, contract(), params({}))
    assert headline["tuned"]["says_red"] == 0.5
    check_targets(params({"says_red": 0.5}), contract())
    monkeypatch.setitem(OWN, "says_red", lambda *_: 2)
    with pytest.raises(Fault, match="tuned: says_red: scores an answer with no number between 0 and 1"):
        evaluate({"tuned": arm(records, ["x", "y"])}, records, contract(), params({}))


def vote(one, first, second, word, **changes):
    """A line of the raters' ledger on two answers to a record."""
    day = {"date": "2031-01-02", "time": "10:00:00.000000", "dimension": "correct", "rater": "asha"}
    return {**day, "example": one.id, "first": digest(first), "second": digest(second), "vote": word, **changes}


def people_of(folder, *votes):
    """What the stage reports of votes on five records, which base answers with no and tuned as the reference."""
    write_lines(folder / "ratings/2031-01-02-asha.jsonl", *votes)
    return json.loads(run_main(folder)[1])["people"]


def test_without_a_vote_nothing_is_said_of_people(tmp_path):
    nothing = {"votes": 0, "stale": 0, "pairs": {}}
    assert json.loads(run_main(tmp_path)[1])["people"] == nothing  # there is no folder
    (tmp_path / "ratings").mkdir()
    (tmp_path / "ratings/.gitkeep").touch()
    assert json.loads(run_main(tmp_path)[1])["people"] == nothing


def test_people_s_votes_are_reported_by_pair_and_dimension_and_stale_ones_are_not_used(tmp_path):
    rows = [record(FULL, number) for number in range(5)]
    found = people_of(
        tmp_path,
        vote(rows[0], rows[0].answer, "no", "first"),
        vote(rows[0], "no", rows[0].answer, "second", rater="ravi"),
        vote(rows[1], "no", rows[1].answer, "first"),
        vote(rows[2], rows[2].answer, "no", "tie"),
        vote(rows[3], rows[3].answer, "another", "second"),  # which base said once
        vote(record(FULL, 9), rows[0].answer, "no", "first"),  # no longer in the test set
    )
    pair = found["pairs"]["tuned against base"]["dimensions"]["correct"]
    counted = [found["pairs"]["tuned against base"][key] for key in ("n_equal", "n_differ")]
    assert (found["votes"], found["stale"], counted) == (4, 2, [0, 5])
    assert (pair["wins"], pair["ties"], pair["losses"], pair["n"], pair["raters"]) == (2, 1, 1, 4, 2)
    assert (pair["shown_first"]["share"], pair["shown_first"]["n"]) == (0.6667, 3)
    assert (pair["metrics"]["exact_label"]["share"], pair["metrics"]["exact_label"]["n"]) == (0.5, 2)


def test_a_vote_on_an_unknown_dimension_is_named_by_its_line(tmp_path):
    one = record(FULL)
    with pytest.raises(Fault, match=r"asha\.jsonl:2: dimension: is 'tone', and rate\.dimensions has correct; name it"):
        people_of(tmp_path, vote(one, "a", "b", "tie"), vote(one, "a", "b", "tie", dimension="tone"))


def test_three_arms_share_the_votes_on_the_answers_that_they_share():
    records = [record(FULL, number) for number in range(8)]
    good = [one.answer for one in records]
    arms = {
        "base": arm(records, ["no"] * 8),
        "prompted": arm(records, [*good[:4], *["no"] * 4]),
        "tuned": arm(records, good),
    }
    votes = [Rating(**vote(one, one.answer, "no", "first")) for one in records]
    found = people(votes, arms, records, arm_scores(arms, "test", records, contract()))["pairs"]
    assert {
        name: (pair["n_equal"], pair["n_differ"], pair["dimensions"]["correct"]["wins"]) for name, pair in found.items()
    } == {
        "tuned against base": (0, 8, 8),
        "tuned against prompted": (4, 4, 4),
        "base against prompted": (4, 4, 0),
    }
    assert found["base against prompted"]["dimensions"]["correct"]["losses"] == 4


def test_likelihoods_are_no_metric_of_the_answers_that_people_saw():
    records = [preference(number) for number in range(4)]
    held = {("test", one.id): True for one in records}
    arms = {
        "base": Predictions({}, dict.fromkeys(held, "no"), dict.fromkeys(held, False)),
        "tuned": Predictions({}, {("test", one.id): one.answer for one in records}, held),
    }
    votes = [Rating(**vote(one, one.answer, "no", "first")) for one in records]
    found = people(votes, arms, records, arm_scores(arms, "test", records, contract()))
    metrics = found["pairs"]["tuned against base"]["dimensions"]["correct"]["metrics"]
    assert "exact_label" in metrics
    assert "preference_accuracy" not in metrics
