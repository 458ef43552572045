"""The checks before a fine-tune, each on both sides of its bound, and what follows from them."""

from itertools import product

import pytest

from pipeline.desk.deciding.check import Check
from pipeline.desk.deciding.churn import Churn
from pipeline.desk.deciding.data_checks import Facts, Reviewed, Supply, examples, facts, reviewed, steady, targets
from pipeline.desk.deciding.recommending import recommended
from pipeline.desk.deciding.reports import Drop, Load, Mean, Pair, Seeds, Spread, Worth
from pipeline.desk.deciding.run_checks import cheaper, kept, luck, pays, short
from pipeline.desk.deciding.settings import Prices

YES, NO, UNKNOWN = "yes", "no", "not known yet"


def mean(value, low, high, n=100):
    return Mean(mean=value, low=low, high=high, n=n)


def pair(verdict, difference=0.1, low=0.05, high=0.2):
    return Pair(difference=difference, low=low, high=high, n=100, verdict=verdict)


@pytest.mark.parametrize(
    ("wanted", "described", "status"),
    [
        ({"exact_label": 0.6}, "| `exact_label` | 0.6 |", YES),
        ({"exact_label": 0.6}, "the label", NO),
        ({"exact_label": 0.6, "format_accuracy": 0.9}, "exact_label", NO),
        ({}, "exact_label", NO),
    ],
)
def test_targets_are_set_and_the_task_names_them(wanted, described, status):
    assert targets(wanted, described).status == status


LABELS = {"red": 50, "blue": 50}


@pytest.mark.parametrize(
    ("supply", "needed", "status"),
    [
        (Supply(50, None), {"format": 50}, YES),
        (Supply(49, None), {"format": 50}, NO),
        (Supply(0, None), {"format": 50}, NO),
        (Supply(100, LABELS), {"classification": 50}, YES),
        (Supply(100, {**LABELS, "red": 49}), {"classification": 50}, NO),
        (Supply(100, {**LABELS, "green": 0}), {"classification": 50}, NO),
        (Supply(100, None), {"classification": 50}, UNKNOWN),
        (Supply(499, None), {"domain": 500}, NO),
        (Supply(500, None), {"domain": 500}, YES),
        (Supply(999, LABELS), {"format": 50, "behaviour": 1000}, NO),
        (Supply(1000, LABELS), {"format": 50, "behaviour": 1000}, YES),
        (Supply(40, None), {"classification": 50, "format": 50}, NO),
        (Supply(100, LABELS, ["hindi has 3 of 20"]), {"classification": 50}, NO),
    ],
)
def test_there_are_enough_examples_for_every_wanted_change(supply, needed, status):
    assert examples(supply, needed).status == status


def test_the_rarest_labels_are_named_first():
    labels = {f"l{n}": n for n in range(9)}
    said = examples(Supply(36, labels, synthetic=4), {"classification": 8}).evidence
    assert said[0] == "fewer than 8 of a label: l0 0, l1 1, l2 2, l3 3, l4 4 and 3 more"
    assert "4 of them are synthetic" in said[1]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Reviewed(90, 90, 10, 0), YES),
        (Reviewed(90, 0, 5, 5), YES),
        (Reviewed(90, 90, 11, 0), NO),
        (Reviewed(90, 90, 0, 11), NO),
        (Reviewed(0, 0, 3, 0), NO),
        (Reviewed(0, 0, 0, 0), UNKNOWN),
    ],
)
def test_few_examples_wait_for_a_person(found, status):
    check = reviewed(found, ["production"], 0.1)
    assert check.status == status
    assert ("run make review" in check.evidence) == (status == NO)


@pytest.mark.parametrize(
    ("stating", "looked_at", "status"),
    [
        (0, 540, YES),
        (20, 100, YES),
        (21, 100, YES),
        (22, 100, UNKNOWN),
        (38, 100, UNKNOWN),
        (39, 100, NO),
        (94, 100, NO),
        (0, 3, UNKNOWN),
        (3, 3, NO),
        (1, 1, UNKNOWN),
        (0, 0, UNKNOWN),
    ],
)
def test_facts_are_few_or_many_only_where_the_interval_says_so(stating, looked_at, status):
    check = facts(Facts(looked_at, stating, ["f:1: 1889"]), 0.3)
    assert check.status == status
    assert ("f:1: 1889" in check.evidence) == (looked_at > 0)


def test_answers_in_which_nothing_can_be_seen_are_not_known():
    assert facts(Facts(0, 0, blind="no field of free text"), 0.3).evidence == ("no field of free text",)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Churn(30, 1, 20, 100), YES),
        (Churn(30, 0, 0, 0), YES),
        (Churn(30, 9, 21, 100), NO),
        ("this clone has no whole history", UNKNOWN),
    ],
)
def test_the_task_holds_still(found, status):
    assert steady(found, 0.2).status == status


WANTED = {"exact_label": 0.6, "format_accuracy": 0.9}


@pytest.mark.parametrize(
    ("label", "form", "status"),
    [
        (mean(0.5, 0.4, 0.59), mean(0.95, 0.91, 0.99), YES),
        (mean(0.5, 0.4, 0.6), mean(0.95, 0.91, 0.99), UNKNOWN),
        (mean(0.7, 0.59, 0.8), mean(0.95, 0.91, 0.99), UNKNOWN),
        (mean(0.7, 0.6, 0.8), mean(0.95, 0.9, 0.99), NO),
        (mean(0.7, 0.6, 0.8), mean(0.5, 0.4, 0.6), YES),
    ],
)
def test_the_gap_of_the_prompt_is_real_or_not_or_cannot_be_told(label, form, status):
    check = short(WANTED, {"exact_label": label, "format_accuracy": form})
    assert check.status == status
    assert all(
        f"[{one.low:.1%}, {one.high:.1%}]" in said for one, said in zip((label, form), check.evidence, strict=True)
    )


def test_a_target_that_was_not_measured_leaves_it_open():
    assert short(WANTED, {"exact_label": mean(0.9, 0.8, 1.0)}).status == UNKNOWN
    assert short(WANTED, {"exact_label": mean(0.1, 0.0, 0.2)}).status == YES
    for means in ("no baseline yet", {}):
        assert short(WANTED, means).status == UNKNOWN
    assert short({}, {"exact_label": mean(0.1, 0.0, 0.2)}).status == UNKNOWN


LONG, BRIEF = Load(read=2000.0, written=50.0), Load(read=500.0, written=50.0)
PRICES = Prices(price_in=1.0, price_out=4.0)


@pytest.mark.parametrize(
    ("prompted", "tuned", "prices", "training", "status", "said"),
    [
        (LONG, BRIEF, (PRICES, PRICES), 3.0, YES, "paid for itself after 2,000 requests"),
        (LONG, BRIEF, (PRICES, PRICES), 3.0, YES, "a thousand requests cost 2.2 dollars prompted and 0.7 tuned"),
        (LONG, BRIEF, (PRICES, PRICES), None, YES, "checklist.training"),
        (LONG, BRIEF, (PRICES, Prices(price_in=4.0, price_out=4.0)), 3.0, NO, "does not pay for its training"),
        (LONG, LONG, (PRICES, PRICES), 3.0, NO, "does not pay for its training"),
        (LONG, BRIEF, (PRICES, Prices(price_in=3.142857, price_out=12.0)), 0.0, YES, "after 0 requests"),
        (LONG, BRIEF, (Prices(price_in=None, price_out=4.0), PRICES), 3.0, UNKNOWN, "prices are not set"),
        (
            LONG,
            BRIEF,
            (PRICES, Prices(price_in=1.0, price_out=None)),
            3.0,
            UNKNOWN,
            "tuned reads 500 tokens and writes 50",
        ),
        (LONG, None, (PRICES, PRICES), 3.0, UNKNOWN, "no tokens were counted"),
        (LONG, Load(read=0.0, written=0.0), (PRICES, PRICES), 3.0, UNKNOWN, "no tokens were counted"),
    ],
)
def test_a_request_costs_less_or_more(prompted, tuned, prices, training, status, said):
    check = cheaper(prompted, tuned, prices, training)
    assert check.status == status, check
    assert any(said in line for line in check.evidence), check


@pytest.mark.parametrize(
    ("word", "price", "status"),
    [
        ("fine-tune", NO, YES),
        ("prompt", YES, NO),
        ("mixed", YES, UNKNOWN),
        ("cannot tell", YES, UNKNOWN),
        ("tie", YES, YES),
        ("tie", NO, NO),
        ("tie", UNKNOWN, UNKNOWN),
    ],
)
def test_whether_it_pays_goes_by_the_word_of_evaluate_and_a_tie_by_the_price(word, price, status):
    check = pays(Worth(word=word, because="so it is"), price)
    assert (check.status, check.evidence) == (status, ("so it is",))
    assert pays("no run", price).status == UNKNOWN


def test_a_fine_tune_that_pays_may_miss_its_targets_and_be_beaten_by_words_alone():
    worth = Worth(word="fine-tune", because="so it is", words_alone_are_better_on="exact_label")
    said = pays(worth, NO, ["exact_label", "exact_urgent"]).evidence
    assert said[1] == "the tuned model itself misses the target of exact_label, exact_urgent"
    assert "words is better on exact_label" in said[2]


def seeds(least):
    return Seeds(seeds=[1, 2, 3], metrics={"exact_label": Spread(least=least, most=0.9)}, shaped_by="x")


@pytest.mark.parametrize(
    ("verdict", "found", "status"),
    [
        ("better", seeds(0.51), YES),
        ("better", seeds(0.5), NO),
        ("better", seeds(0.2), NO),
        ("better", "not measured: make seeds N=5", UNKNOWN),
        ("better", Seeds(seeds=[1, 2], metrics={}, shaped_by="x"), UNKNOWN),
        ("no worse", seeds(0.51), UNKNOWN),
    ],
)
def test_a_gain_is_more_than_luck_where_every_seed_has_it(verdict, found, status):
    check = luck({"exact_label": pair(verdict)}, {"exact_label": mean(0.5, 0.4, 0.6)}, found, 7)
    assert check.status == status
    assert "judged 7 candidates; the best of many" in check.evidence[-1]
    assert luck({"exact_label": pair("better")}, {}, seeds(0.9), 0).status == UNKNOWN
    assert "partly the luckiest" not in luck({}, {}, found, 1).evidence[-1]


@pytest.mark.parametrize(
    ("probes", "texts", "status"),
    [
        ("no worse", "no worse", YES),
        ("better", None, YES),
        (None, "no worse", YES),
        ("no worse", "worse", NO),
        ("worse", "cannot tell", NO),
        ("cannot tell", "no worse", UNKNOWN),
        (None, None, UNKNOWN),
    ],
)
def test_general_skills_are_kept(probes, texts, status):
    drop = Drop(probes=probes and pair(probes), texts=texts and pair(texts))
    assert kept(drop).status == status
    assert kept("no run").status == UNKNOWN


KEYS = ("targets", "examples", "reviewed", "short", "facts", "steady", "cheaper", "pays", "luck", "kept")
READY = dict.fromkeys(KEYS, YES) | dict.fromkeys(("cheaper", "pays", "luck", "kept"), UNKNOWN)
TRAINED = dict.fromkeys(KEYS, YES)


def words(start, worth="", **changes):
    checks = [Check(key, "", status, ()) for key, status in (start | changes).items()]
    return [word for word, _ in recommended(checks, worth)]


@pytest.mark.parametrize(
    ("start", "worth", "changes", "advice"),
    [
        (READY, "", {}, ["fine-tune"]),
        (READY, "", {"short": UNKNOWN}, ["prompt"]),
        (READY, "", {"short": NO}, ["prompt"]),
        (READY, "", {"targets": NO}, ["prompt"]),
        (READY, "", {"steady": NO}, ["prompt"]),
        (READY, "", {"steady": UNKNOWN, "facts": UNKNOWN}, ["fine-tune"]),
        (READY, "", {"facts": NO}, ["retrieve"]),
        (READY, "", {"examples": NO}, ["collect data"]),
        (READY, "", {"examples": UNKNOWN}, ["collect data"]),
        (READY, "", {"reviewed": NO}, ["collect data"]),
        (READY, "", {"facts": NO, "short": UNKNOWN, "examples": NO}, ["prompt", "retrieve", "collect data"]),
        (TRAINED, "fine-tune", {}, ["fine-tune"]),
        (TRAINED, "fine-tune", {"examples": NO}, ["collect data", "fine-tune"]),
        (TRAINED, "fine-tune", {"kept": NO}, ["fine-tune"]),
        (TRAINED, "prompt", {"pays": NO}, ["prompt"]),
        (TRAINED, "tie", {"pays": NO, "cheaper": NO}, ["prompt"]),
        (TRAINED, "tie", {}, ["fine-tune"]),
        (TRAINED, "mixed", {"pays": UNKNOWN}, ["fine-tune"]),
        (TRAINED, "cannot tell", {"pays": UNKNOWN}, ["collect data"]),
        (dict.fromkeys(KEYS, UNKNOWN), "", {}, ["prompt", "collect data"]),
        (READY, "tie", {}, ["prompt"]),
    ],
)
def test_what_to_do_follows_from_what_is_known(start, worth, changes, advice):
    assert words(start, worth, **changes) == advice


def test_there_is_always_something_to_do_and_a_fine_tune_only_where_nothing_known_speaks_against_it():
    for statuses in product((YES, NO, UNKNOWN), repeat=8):
        found = dict(
            zip(("targets", "examples", "reviewed", "short", "facts", "steady", "pays", "kept"), statuses, strict=True)
        )
        advice = words(READY | found)
        assert advice == sorted(advice, key=["prompt", "retrieve", "collect data", "fine-tune"].index)
        assert advice
        assert len(advice) == len(set(advice))
        if "fine-tune" in advice and found["pays"] != YES:
            assert NO not in {status for key, status in found.items() if key not in ("kept",)}


def test_a_fine_tune_that_pays_says_what_is_still_open():
    def reason(**changes):
        checks = [Check(key, "", status, ()) for key, status in (TRAINED | changes).items()]
        return recommended(checks, "fine-tune")[-1][1]

    assert reason() == "it pays against the prompt"
    assert "mend first what it forgets" in reason(kept=NO)
    assert "make seeds" in reason(luck=UNKNOWN)
