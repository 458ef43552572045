"""What a report says of people's votes: known truths come out, both ways, and nothing is claimed of nothing."""

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.scoring.people import by_dimension, told

NOBODY = {"share": None, "low": 0.0, "high": 1.0, "n": 0}


@dataclass(frozen=True)
class Ballot:
    at: int
    side: int
    shown_first: int = 1
    rater: str = "asha"
    dimension: str = "correct"


def groups(count):
    return [f"g{at}" for at in range(count)]


def reported(ballots, one=None, other=None, count=None):
    own = groups(count or 1 + max((ballot.at for ballot in ballots), default=0))
    return told(ballots, one or {}, other or {}, own)


def test_wins_ties_and_losses_are_counted_and_a_tie_is_half_a_win():
    found = reported([Ballot(at, side) for at, side in enumerate([1] * 30 + [0] * 10 + [-1] * 15)])
    assert (found["n"], found["examples"], found["raters"]) == (55, 55, 1)
    assert (found["wins"], found["ties"], found["losses"]) == (30, 10, 15)
    assert found["win_rate"]["rate"] == pytest.approx(35 / 55, abs=1e-4)
    assert 0.5 < found["win_rate"]["low"] < found["win_rate"]["rate"] < found["win_rate"]["high"]


def test_votes_on_one_example_tell_less_than_votes_on_as_many():
    """Three raters who always agree are hardly more than one."""
    sides = [1 if at % 4 else -1 for at in range(60)]
    apart = reported([Ballot(at, side) for at, side in enumerate(sides)])
    together = reported([Ballot(at // 3, sides[at // 3], rater="abc"[at % 3]) for at in range(60)])
    assert (apart["n"], together["n"], together["examples"], together["rated_twice"]) == (60, 60, 20, 20)
    for key in ("win_rate", "shown_first"):
        widths = [found[key]["high"] - found[key]["low"] for found in (apart, together)]
        assert widths[1] > 1.4 * widths[0]


def test_a_rater_who_always_takes_the_upper_one_is_seen_and_does_not_move_the_win_rate():
    random = np.random.default_rng(3)
    first = [1 if draw else -1 for draw in random.integers(0, 2, 200)]
    found = reported([Ballot(at, side, side) for at, side in enumerate(first)])
    assert (found["shown_first"]["share"], found["shown_first"]["n"]) == (1.0, 200)
    assert found["shown_first"]["low"] > 0.95
    assert found["win_rate"]["low"] < 0.5 < found["win_rate"]["high"]


def test_a_rater_who_does_not_look_at_the_place_is_not_accused():
    random = np.random.default_rng(4)
    found = reported([Ballot(at, 1, 1 if draw else -1) for at, draw in enumerate(random.integers(0, 2, 200))])
    assert found["win_rate"]["rate"] == 1.0
    assert found["shown_first"]["low"] < 0.5 < found["shown_first"]["high"]


def test_ties_say_nothing_of_the_place():
    assert reported([Ballot(at, 0) for at in range(9)])["shown_first"] == NOBODY


@pytest.mark.parametrize(
    ("second", "alpha"),
    [([1, 1, -1, -1, 0, 0], 1.0), ([1, -1, 1, -1, 1, -1], 0.0), ([], None)],
)
def test_alpha_is_of_the_examples_that_two_raters_share(second, alpha):
    first = [1, 1, -1, -1, 0, 0]
    ballots = [Ballot(at, side) for at, side in enumerate(first)] + [Ballot(6, 1)]
    ballots += [Ballot(at, side, rater="ravi") for at, side in enumerate(second)]
    found = reported(ballots)
    assert found["rated_twice"] == len(second)
    if alpha is None:
        assert found["alpha"] is None
    else:
        assert found["alpha"] == pytest.approx(alpha, abs=0.1)


def test_a_metric_agrees_where_it_prefers_what_most_raters_prefer():
    one = {"good": [1.0] * 6, "bad": [0.0] * 6, "blind": [0.5] * 6, "mine": [1.0] * 6}
    other = {"good": [0.0] * 6, "bad": [1.0] * 6, "blind": [0.5] * 6}
    sides = {0: [1, 1, -1], 1: [1], 2: [1, 0, 0], 3: [1, -1], 4: [0]}
    ballots = [Ballot(at, side, rater=str(who)) for at, given in sides.items() for who, side in enumerate(given)]
    metrics = reported(ballots, one, other, 6)["metrics"]
    assert set(metrics) == {"good", "bad", "blind"}
    assert [(metrics[name]["share"], metrics[name]["n"], metrics[name]["ties"]) for name in ("good", "bad")] == [
        (1.0, 3, 0),
        (0.0, 3, 0),
    ]
    assert metrics["good"]["low"] < 0.5  # three examples prove nothing
    assert metrics["blind"] == {**NOBODY, "ties": 3}


def test_a_metric_that_is_right_as_often_as_a_coin_is_not_praised():
    random = np.random.default_rng(5)
    ballots = [Ballot(at, 1 if draw else -1) for at, draw in enumerate(random.integers(0, 2, 300))]
    metric = {"coin": random.random(300).tolist()}
    found = reported(ballots, metric, {"coin": [0.5] * 300})["metrics"]["coin"]
    assert found["n"] == 300
    assert found["low"] < 0.5 < found["high"]


def test_dimensions_are_told_apart():
    ballots = [Ballot(0, 1), Ballot(0, -1, dimension="helpful"), Ballot(1, 1, dimension="helpful")]
    found = by_dimension(ballots, {}, {}, groups(2))
    assert {name: (row["wins"], row["losses"]) for name, row in found.items()} == {"correct": (1, 0), "helpful": (1, 1)}
    assert by_dimension([], {}, {}, []) == {}


def test_equal_arms_and_raters_who_mostly_agree_raise_few_alarms():
    """Of 300 reports in which nothing is there to be found: 5 % and no more than chance allows above it."""
    random, alarms = np.random.default_rng(6), {"win_rate": 0, "shown_first": 0, "coin": 0}
    for _ in range(300):
        taste = random.integers(-1, 2, 40)
        ballots = [
            Ballot(
                at, int(own if random.random() < 0.8 else random.integers(-1, 2)), int(random.choice([1, -1])), rater
            )
            for at, own in enumerate(taste)
            for rater in ("asha", "ravi")
        ]
        found = reported(ballots, {"coin": random.random(40).tolist()}, {"coin": [0.5] * 40})
        for name, row in (*found.items(), *found["metrics"].items()):
            if name in alarms:
                alarms[name] += not row["low"] <= 0.5 <= row["high"]
    assert max(alarms.values()) <= 26  # 300 * 0.05 and three standard deviations
