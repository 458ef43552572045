"""What a report says of a judge: hand-worked numbers come out, order and prose are seen, and nothing counts without people."""

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.data.judging.rubric import Counts
from pipeline.scoring.judge import agreement, told
from tests.test_people import Ballot

DEMANDS = Counts(examples=30, share=0.5, alpha=0.4, max_unreadable=0.1)


@dataclass(frozen=True)
class Verdict:
    at: int
    sides: tuple
    dimension: str = "correct"

    @property
    def faults(self):
        return tuple("not JSON" for side in self.sides if side is None)


def reported(sides, people=(), groups=None, demands=DEMANDS):
    """What is told of a pair of sides an example, and a person's side an example."""
    verdicts = [Verdict(at, both) for at, both in enumerate(sides)]
    own = groups or [f"g{at}" for at in range(len(sides))]
    return told(verdicts, [Ballot(at, side) for at, side in enumerate(people)], own, demands)


def steady(*sides):
    return [(side, side) for side in sides]


# --- agreement, reckoned by hand ---


def test_agreement_by_hand():
    """Ten examples. Judge and people: six times the same side (four 1, two -1), once opposite, once a judge's tie, once both tie, once
    people's tie. People prefer an answer in eight: 6 right, 1 wrong, 1 half: 6.5 / 8.

    Alpha: 20 values, 1 nine times, -1 seven times, 0 four times. Observed disagreement 3 of 10 pairs. Expected: 1 less
    (9*8 + 7*6 + 4*3) / (20*19) = 1 - 126 / 380.
    """
    judge = dict(enumerate([1, 1, 1, 1, -1, -1, 1, 0, 0, -1]))
    people = dict(enumerate([1, 1, 1, 1, -1, -1, -1, -1, 0, 0]))
    values = [*judge.values(), *people.values()]
    assert [values.count(side) for side in (1, -1, 0)] == [9, 7, 4]
    found = agreement(judge, people, [str(at) for at in range(10)])
    assert (found["examples"], found["n"], found["share"]) == (10, 8, 0.8125)
    assert found["alpha"] == pytest.approx(1 - 0.3 / (1 - 126 / 380), abs=1e-4)


def test_only_what_both_voted_on_tells_how_they_agree():
    found = agreement({0: 1, 1: 1, 2: -1}, {1: 1, 2: -1, 3: 1}, list("abcd"))
    assert (found["examples"], found["n"], found["share"], found["alpha"]) == (2, 2, 1.0, 1.0)
    nothing = agreement({0: 1}, {1: 1}, list("ab"))
    assert nothing == {"examples": 0, "n": 0, "share": None, "low": 0.0, "high": 1.0, "alpha": None}


def test_several_raters_of_an_example_are_one_opinion_by_majority():
    verdicts = [Verdict(0, (1, 1)), Verdict(1, (-1, -1)), Verdict(2, (1, 1))]
    ballots = [Ballot(0, 1), Ballot(0, 1, rater="b"), Ballot(0, -1, rater="c"), Ballot(1, 1), Ballot(1, -1, rater="b")]
    people = told(verdicts, ballots, list("abc"), DEMANDS)["people"]
    assert (people["examples"], people["n"], people["share"]) == (2, 1, 1.0)


# --- order ---


def test_replies_that_do_not_agree_are_a_tie_and_counted():
    found = reported([(1, 1), (1, -1), (-1, 1), (0, 1), (-1, 0), (0, 0), (-1, -1), (1, 1)])
    assert (found["n"], found["wins"], found["ties"], found["losses"], found["inconsistent"]) == (8, 2, 5, 1, 4)
    assert found["win_rate"]["rate"] == pytest.approx((2 + 5 / 2) / 8, abs=1e-4)
    assert found["net"]["difference"] == pytest.approx(1 / 8, abs=1e-4)


@pytest.mark.parametrize(("both", "share"), [((1, -1), 1.0), ((-1, 1), 0.0), ((1, 1), 0.5), ((-1, -1), 0.5)])
def test_a_judge_that_goes_by_the_place_is_seen(both, share):
    found = reported([both] * 40)["shown_first"]
    assert (found["share"], found["n"]) == (share, 80)
    assert (found["low"] <= 0.5 <= found["high"]) == (share == 0.5)


def test_ties_say_nothing_of_the_place():
    assert reported([(0, 0)] * 9)["shown_first"]["n"] == 0


# --- what cannot be read ---


def test_what_cannot_be_read_counts_nowhere_and_too_much_of_it_is_silence():
    few = reported([(1, 1)] * 36 + [(1, None)] * 2 + [(None, None)] * 2)
    assert (few["n"], few["unreadable"], few["unreadable_replies"]) == (36, 4, {"not JSON": 6})
    assert few["win_rate"]["rate"] == 1.0
    many = reported([(1, 1)] * 35 + [(1, None)] * 5, [1] * 35)
    assert (many["n"], many["win_rate"], many["net"], many["may_count"]) == (35, None, None, False)
    assert many["because"] == "it tells nothing: 5 of 40 pairs have a reply that cannot be read (5 not JSON)"


def test_of_nothing_nothing_is_claimed():
    found = reported([])
    assert (found["n"], found["win_rate"], found["may_count"]) == (0, None, False)
    assert found["because"] == "both arms answer every example alike"


# --- whether it may count ---

MIXED = [1, -1] * 50


def agreeing(right, n, of=MIXED):
    """People's sides of n examples, of which the judge's are the same in so many, wrong ones spread over both sides."""
    return [side if at < right else -side for at, side in enumerate(of[:n])]


@pytest.mark.parametrize(
    ("right", "n", "said"),
    [
        (30, 30, ""),
        (26, 30, ""),
        (29, 29, "people have voted on 29 of the 30 examples that judge.counts asks: make rate"),
        (19, 30, "and not surely in more than 50%"),
        (15, 30, "and not surely in more than 50%"),
        (64, 100, "and beyond chance too little (below 0.4)"),
        (3, 30, "and not surely in more than 50%"),
    ],
)
def test_it_counts_where_it_agrees_with_people_surely_and_beyond_chance(right, n, said):
    found = reported(steady(*MIXED), agreeing(right, n))
    assert found["may_count"] is (not said)
    assert said in found["because"]
    assert "agrees with people in" in found["because"] or said.startswith("people have")


def test_a_judge_that_always_takes_one_arm_agrees_often_and_does_not_count():
    """People prefer that arm in nine of ten, and so it is right in 90 %; beyond chance it knows nothing."""
    found = reported(steady(*[1] * 60), [1] * 54 + [-1] * 6)
    assert found["people"]["low"] > 0.75
    assert found["people"]["alpha"] < 0.1
    assert (found["may_count"], "beyond chance too little" in found["because"]) == (False, True)


def test_where_nothing_differs_agreement_is_no_evidence():
    found = reported(steady(*[1] * 60), [1] * 60)
    assert (found["people"]["share"], found["people"]["alpha"], found["may_count"]) == (1.0, None, False)
    assert "alpha none, since all votes are alike" in found["because"]


def test_a_judge_of_ties_or_by_place_does_not_count():
    for both in ((0, 0), (1, -1)):
        found = reported([both] * 60, [1, -1] * 30)
        assert (found["people"]["share"], found["may_count"]) == (0.5, False)


def test_people_who_prefer_nothing_are_no_yardstick():
    found = reported(steady(*MIXED), [0] * 40)
    assert (found["people"]["examples"], found["people"]["n"], found["may_count"]) == (40, 0, False)
    assert "cannot be held against people, who prefer no answer" in found["because"]


def test_examples_of_one_group_are_hardly_more_than_one():
    sides, people = steady(*MIXED[:40]), agreeing(32, 40)
    apart, together = reported(sides, people), reported(sides, people, [f"g{at // 20}" for at in range(40)])
    assert apart["may_count"] is True
    assert together["may_count"] is False
    assert together["net"]["groups"] == 2
    assert together["net"]["high"] - together["net"]["low"] > apart["net"]["high"] - apart["net"]["low"]


def test_a_coin_seldom_counts():
    """Of 300 coins that people have rated 30 answers of, at most 2 %."""
    random, counted = np.random.default_rng(7), 0
    for _ in range(300):
        sides, people = (random.choice([1, -1], 30) for _ in range(2))
        counted += reported(steady(*map(int, sides)), map(int, people))["may_count"]
    assert counted <= 6
