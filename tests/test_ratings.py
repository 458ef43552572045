"""Ratings: the latest vote counts, in whatever order lines come, on the answers that it was given on and on no others."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.data.ledgers import Rating, append, read_ratings
from pipeline.data.ratings import RateParams, between, key_of, last_words
from pipeline.data.records import digest
from pipeline.stage import Fault
from tests.examples import write_lines
from tests.project import ROOT, git

A, B, C = "the one", "the other", "a third"
VOTE = {
    "date": "2031-01-02",
    "time": "10:00:00.000001",
    "example": "e",
    "dimension": "correct",
    "first": digest(A),
    "second": digest(B),
    "vote": "first",
    "rater": "asha",
}


def rating(**changes):
    return Rating(**{**VOTE, **changes})


def swapped(**changes):
    return rating(first=digest(B), second=digest(A), **changes)


RATINGS = st.builds(
    lambda minute, example, sides, dimension, vote, rater: rating(
        time=f"10:{minute:02d}:00.000000",
        example=example,
        first=digest(sides[0]),
        second=digest(sides[1]),
        dimension=dimension,
        vote=vote,
        rater=rater,
    ),
    st.integers(0, 5),
    st.sampled_from("ef"),
    st.permutations([A, B, C]),
    st.sampled_from(["correct", "helpful"]),
    st.sampled_from(["first", "second", "tie"]),
    st.sampled_from(["asha", " Asha", "ravi"]),
)


@given(st.lists(RATINGS, max_size=12), st.randoms())
def test_the_order_of_lines_and_lines_that_come_twice_change_nothing(votes, chance: random.Random):
    again = [*votes, *chance.choices(votes, k=3)] if votes else []
    chance.shuffle(again)
    assert [*last_words(again).items()] == [*last_words(votes).items()]


@given(st.lists(RATINGS, max_size=12))
def test_each_key_has_one_vote_and_none_that_is_later(votes):
    found = last_words(votes)
    assert found.keys() == {key_of(vote) for vote in votes}
    for vote in votes:
        assert (vote.date, vote.time) <= (found[key_of(vote)].date, found[key_of(vote)].time)
    assert all(vote in votes for vote in found.values())


@given(st.lists(RATINGS, max_size=6), st.lists(RATINGS, max_size=6))
def test_two_ledgers_fold_as_one(one, other):
    """What was folded can be folded again with more."""
    folded = [*last_words(one).values(), *last_words(other).values()]
    assert last_words(folded) == last_words([*one, *other])


@given(st.lists(RATINGS, max_size=12))
def test_a_vote_for_an_arm_is_the_same_from_the_other_arm(votes):
    found = last_words(votes)
    one, other = between(found, ["e", "f"], [A, A], [B, C]), between(found, ["e", "f"], [B, C], [A, A])
    assert one.keys() == other.keys()
    for key, ballot in one.items():
        assert (ballot.side, ballot.shown_first) == (-other[key].side, -other[key].shown_first)


def test_a_vote_changed_later_wins_though_its_line_stands_before():
    later = swapped(date="2031-01-03", time="00:00:00.000000", vote="tie")
    assert [*last_words([later, rating()]).values()] == [later]
    assert [*last_words([rating(), later]).values()] == [later]


def test_raters_dimensions_examples_and_answers_are_told_apart_and_spellings_of_a_name_are_not():
    others = [rating(rater="ravi"), rating(dimension="helpful"), rating(example="f"), rating(second=digest(C))]
    assert len(last_words([rating(), *others])) == 5
    assert len(last_words([rating(), rating(rater=" ASHA "), swapped()])) == 1


@pytest.mark.parametrize(
    ("vote", "side", "shown_first"),
    [
        (rating(vote="first"), 1, 1),
        (rating(vote="second"), -1, 1),
        (rating(vote="tie"), 0, 1),
        (swapped(vote="first"), -1, -1),
        (swapped(vote="second"), 1, -1),
    ],
)
def test_a_vote_is_for_the_arm_whose_answer_was_shown_there(vote, side, shown_first):
    (ballot,) = between(last_words([vote]), ["x", "e"], ["", A], ["", B]).values()
    assert (ballot.at, ballot.side, ballot.shown_first) == (1, side, shown_first)
    assert (ballot.dimension, ballot.rater) == ("correct", "asha")


@pytest.mark.parametrize(
    ("ids", "one", "other"),
    [(["e"], [A], [C]), (["e"], [A], [A]), (["e"], [A + " "], [B]), (["x"], [A], [B]), ([], [], [])],
)
def test_votes_on_other_answers_and_examples_are_left_out(ids, one, other):
    assert between(last_words([rating()]), ids, one, other) == {}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**VOTE, "vote": "both"}, "vote: is 'both'"),
        ({**VOTE, "first": "the one"}, "first: is 'the one'"),
        ({**VOTE, "second": VOTE["first"]}, "is a mapping: .*one answer, on which nobody can vote"),
        ({**VOTE, "time": "10:00"}, "time: is '10:00'"),
        ({**VOTE, "date": "yesterday"}, "date: is 'yesterday'"),
        ({**VOTE, "rater": " "}, "rater: is ' '"),
        ({**VOTE, "answer": A}, "answer: is not a known key"),
        ({key: value for key, value in VOTE.items() if key != "example"}, "example: is missing"),
        (
            {**VOTE, "dimension": "tone"},
            "dimension: is 'tone', and rate.dimensions has correct, helpful; name it there",
        ),
        ('{"date": "2031', "is not JSON"),
        ("[1]", "is not a JSON object"),
    ],
)
def test_a_wrong_line_is_named_in_one_line_by_its_place(tmp_path, row, said):
    path = write_lines(tmp_path / "2031-01-02-asha.jsonl", VOTE, row)
    with pytest.raises(Fault, match=rf"^{path}:2: {said}") as raised:
        read_ratings(tmp_path, ["correct", "helpful"])
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_written_is_read_again_and_holds_no_text(tmp_path):
    path = append(tmp_path, "Asha Rao", rating())
    assert read_ratings(tmp_path, ["correct"]) == [rating()]
    assert A not in path.read_text()
    assert path.name.endswith("-asha-rao.jsonl")


PARAMS = {"arms": ["tuned", "base"], "dimensions": {"correct": "Which?"}, "seed": 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"dimensions": {}},
        {"dimensions": {"a b": "x"}},
        {"dimensions": {"a": " "}},
        {"seed": -1},
        {"seed": 1.0},
        {"more": 1},
    ],
)
def test_parameters_that_ask_nothing_are_refused(changes):
    RateParams(**PARAMS)
    with pytest.raises(ValidationError):
        RateParams(**{**PARAMS, **changes})


def test_votes_of_two_branches_merge_without_a_conflict(tmp_path):
    """Two raters, and one who voted on the same day on both."""
    (tmp_path / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    ledger = tmp_path / "data/ledgers/ratings"
    append(ledger, "asha", rating())
    for words in ("init -q -b main", "add -A", "commit -qm one", "switch -qc other"):
        git(tmp_path, *words.split())
    append(ledger, "asha", rating(time="11:00:00.000000", vote="tie"))
    append(ledger, "ravi", rating(rater="ravi"))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "theirs")
    git(tmp_path, "switch", "-q", "main")
    append(ledger, "asha", rating(time="12:00:00.000000", vote="second"))
    append(ledger, "mina", rating(rater="mina"))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "ours")
    git(tmp_path, "merge", "-q", "other", "-m", "both")
    votes = read_ratings(ledger, ["correct"])
    assert len(votes) == 5
    assert {key.rater: vote.vote for key, vote in last_words(votes).items()} == {
        "asha": "second",
        "ravi": "first",
        "mina": "first",
    }
