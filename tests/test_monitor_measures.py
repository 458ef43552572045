"""What is measured of requests, by numbers that were counted by hand."""

import random
from datetime import timedelta

import numpy as np
import pytest

from pipeline.production.monitoring.measures import Is
from pipeline.production.monitoring.measuring import measured
from pipeline.production.monitoring.said import Said
from pipeline.production.monitoring.sampling import Sample, hashed
from pipeline.production.monitoring.tally import ALL, ERROR
from tests.monitored import GREEN, RED, WINDOW, entry, said, tally


def values(entries, feedback=None, name=ALL, **more):
    return measured(tally(entries, feedback, **more).slices[name], ["shouts"])


def counted(value):
    """How many of how many."""
    return round(value.value * value.n), value.n


def test_shares_of_answers_are_of_those_that_are_whole():
    entries = [
        entry(1),
        entry(2, valid=False, failed=("not_json",), answer="red"),
        entry(3, valid=False, failed=("schema:label", "rule:shouts")),
        entry(4, valid=False, failed=("refusal",)),
        entry(5, valid=False, failed=("cut", "not_json"), finish="length"),
        entry(6, valid=False, failed=("empty",), answer=""),
        entry(7, valid=None, finish="hung_up", answer='{"la'),
        entry(8, valid=None, finish="engine_failed", answer=None, status=502),
        entry(9, valid=None, finish="", answer=None, status=429),
    ]
    found = values(entries)
    assert found.requests == 9
    assert counted(found.values["format"]) == (2, 6)  # numbers 1 and 4
    assert counted(found.values["flagged"]) == (3, 6)  # 2, 3 and 5
    assert counted(found.values["refused"]) == (1, 6)
    assert counted(found.values["empty"]) == (1, 6)
    assert counted(found.values["cut"]) == (1, 6)
    assert counted(found.values["hung_up"]) == (1, 9)
    assert counted(found.values["engine_failed"]) == (1, 9)
    assert counted(found.values["turned_away"]) == (1, 9)
    assert counted(found.failed["rule:shouts"]) == (1, 6)
    assert counted(found.failed["not_json"]) == (2, 6)


def test_a_rule_that_no_answer_broke_is_told_as_none():
    assert counted(values([entry(1), entry(2)]).failed["rule:shouts"]) == (0, 2)


def test_feedback_is_of_those_who_said_something():
    feedback = [
        said(1, thumb="up"),
        said(2, thumb="down", correction=GREEN),
        said(3, escalated=True),
        said(4, done=True),
        said(5, done=False, escalated=False),
    ]
    found = values([entry(number) for number in range(1, 11)], feedback).values
    assert counted(found["spoken_of"]) == (5, 10)
    assert counted(found["thumbs_up"]) == counted(found["thumbs_down"]) == (1, 2)
    assert counted(found["corrected"]) == (1, 5)
    assert counted(found["escalated"]) == (1, 5)
    assert counted(found["completed"]) == (1, 2)


def test_where_nobody_said_anything_nothing_is_known():
    found = values([entry(1), entry(2)]).values
    for name in ("thumbs_up", "thumbs_down", "corrected", "escalated", "completed"):
        assert found[name].value is None
    assert counted(found["spoken_of"]) == (0, 2)


def test_the_latest_word_on_a_thing_counts_in_whatever_order_it_comes():
    first, later = said(1, thumb="down", done=True), said(1, thumb="up")
    later = type(later)(id="r1", time=first.time + timedelta(hours=1), thumb="up")
    for order in ([first, later], [later, first]):
        bits = Is(Said(order).bits_of("r1"))
        assert bits & Is.UP
        assert not bits & Is.DOWN
        assert bits & Is.DONE
    assert Said([first]).bits_of("another") == 0


def test_the_answer_s_own_field_says_whether_a_person_takes_over():
    answers = ['{"label": "red", "person": true}', '{"label": "red", "person": false}', RED, "no json", "[]"]
    entries = [entry(number, answer=answer) for number, answer in enumerate(answers)]
    assert counted(values(entries, escalation="person").values["asks_escalation"]) == (1, 2)
    assert values(entries).values["asks_escalation"].value is None


def test_slices_are_of_revision_label_and_tags():
    entries = [
        entry(1, tags=("web", "new")),
        entry(2, tags=("web",), answer=GREEN, revision="def"),
        entry(3, answer='{"label": "blue"}', valid=False, failed=("schema:label",), revision="", model="gpt"),
        entry(4, answer=None, finish="engine_failed", valid=None),
    ]
    found = {name: held.requests for name, held in tally(entries).slices.items()}
    assert found == {
        "all": 4,
        "revision:abc": 2,
        "revision:def": 1,
        "revision:gpt": 1,
        "label:red": 1,
        "label:green": 1,
        "label:(other)": 1,
        "tag:web": 2,
        "tag:new": 1,
    }


def test_tags_beyond_the_most_that_are_told_apart_are_one_slice():
    found = tally([entry(number, tags=(f"t{number}",)) for number in range(30)], most=10).slices
    assert found["tag:(other)"].requests == 20
    assert sum(name.startswith("tag:") for name in found) == 11


def test_percentiles_are_within_a_hundredth_of_the_true_ones():
    seconds = [number / 100 for number in range(1, 1001)]
    found = values([entry(number, first_token_s=one, total_s=2 * one) for number, one in enumerate(seconds)]).values
    for name, true in (("first_token_p50_s", 5.0), ("first_token_p95_s", 9.5), ("total_p99_s", 19.8)):
        assert found[name].value == pytest.approx(true, rel=1.001 * ERROR)
        assert found[name].low < true < found[name].high


def test_times_are_of_answers_that_came():
    entries = [entry(1, total_s=1.0), entry(2, total_s=50.0, finish="hung_up", valid=None)]
    entries += [entry(3, total_s=0.001, status=503, finish="engine_failed", valid=None)]
    assert values(entries).values["total_p99_s"].n == 1


def test_times_beyond_the_histogram_and_impossible_ones_do_no_harm():
    entries = [entry(1, total_s=0.0), entry(2, total_s=1e9), entry(3, total_s=-5.0), entry(4, tokens_in=-1, cost=-0.5)]
    found = values(entries).values
    assert found["total_p50_s"].n == 2
    assert found["tokens_in"].value is None
    assert found["cost"].value is None


def test_amounts_are_means_of_what_was_counted_and_sums():
    entries = [entry(1, tokens_in=10, cost=0.01), entry(2, tokens_in=30, tokens_out=5), entry(3)]
    found = values(entries)
    assert (found.values["tokens_in"].value, found.values["tokens_in"].n) == (20, 2)
    assert (found.values["tokens_out"].value, found.values["tokens_out"].n) == (5, 1)
    assert found.totals == {"tokens_in": 40, "tokens_out": 5, "cost": 0.01}


def test_users_requests_belong_together():
    alone = [entry(number, valid=number % 2 == 0, failed=("not_json",) * (number % 2)) for number in range(400)]
    one = values(alone).values["format"]
    users = [entry(n, valid=n % 40 < 20, failed=("not_json",) * (n % 40 >= 20), user=f"u{n % 40}") for n in range(400)]
    other = values(users).values["format"]
    assert one.value == other.value == 0.5
    assert one.effective_n == 400
    assert other.effective_n < 45  # forty people


def test_logs_that_nobody_judged_are_judged_here():
    entries = [
        entry(1, valid=None),
        entry(2, valid=None, answer="hello!"),
        entry(3, valid=None, answer=RED[:-3], finish="length"),
        entry(4, valid=None, answer=None, finish="tool_calls"),
    ]
    found = values(entries)
    assert counted(found.values["format"]) == (1, 3)
    assert counted(found.values["cut"]) == (1, 3)
    assert counted(found.failed["rule:shouts"]) == (1, 3)


def test_no_order_of_requests_gives_other_numbers():
    def one(n):
        failed = ("not_json",) * (n % 7 == 0)
        return entry(n, user=f"u{n % 31}", tags=(f"t{n % 3}",), total_s=0.1 + n % 13, valid=not failed, failed=failed)

    entries = [one(number) for number in range(300)]
    shuffled = random.Random(5).sample(entries, len(entries))
    here, there = tally(entries), tally(shuffled)
    assert here.slices.keys() == there.slices.keys()
    for name, held in here.slices.items():
        found, other = (measured(side, []) for side in (held, there.slices[name]))
        assert found.values["format"] == other.values["format"]
        assert found.values["total_p95_s"].value == other.values["total_p95_s"].value
    assert np.array_equal(here.steps, there.steps)


def test_a_sample_is_the_same_whatever_the_order_and_has_one_request_of_each_user():
    entries = [entry(number, user=f"u{number % 60}") for number in range(600)]
    samples = []
    for order in (entries, entries[::-1], random.Random(2).sample(entries, 600)):
        sample = Sample(20)
        for one in order:
            key = hashed(one.user)
            if key < sample.limit:
                sample.offer(one.user, key, hashed(one.id), one)
        samples.append([one.id for one in sample.entries()])
    assert samples[0] == samples[1] == samples[2]
    assert len({int(name[1:]) % 60 for name in samples[0]}) == 20


def test_a_window_without_a_request_and_one_with_a_single_one():
    assert all(value.value is None for value in values([]).values.values())
    found = values([entry(1, total_s=2.0)]).values
    assert found["format"].low < 0.25
    assert found["total_p95_s"].high is None


def test_requests_are_counted_by_their_time_in_the_window():
    half = (WINDOW.until - WINDOW.since) / 2
    found = tally([entry(1, time=WINDOW.since), entry(2, time=WINDOW.since + half), entry(3, time=WINDOW.since + half)])
    assert found.steps[0].tolist().count(0) == 46
    assert found.steps[0][0] == 1
    assert found.steps[0][24] == 2
