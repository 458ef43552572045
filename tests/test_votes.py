"""What evaluate says of people's votes."""

import json

import pytest

from pipeline.data.ledgers import Rating
from pipeline.data.predictions import Predictions
from pipeline.data.records import digest
from pipeline.evaluate import arm_scores, people
from pipeline.stage import Fault
from tests.evaluated import (
    FULL,
    arm,
    contract,
    preference,
    record,
    run_main,
)
from tests.examples import write_lines


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
