"""Drift: inputs like the training data raise no more alarms than stated, and each way of being unlike raises its own."""

import random

import pytest

from pipeline.production.monitoring.drifting import drifted
from pipeline.production.monitoring.nearness import Nearness, Text, halves_of
from pipeline.production.monitoring.unlike import kinds
from pipeline.production.monitoring.wording import risen
from tests.monitored import BOUNDS, drift

NOUNS = [
    f"{first}{last}" for first in ("par", "cou", "ref", "ord", "ship", "acc") for last in ("cel", "pon", "und", "er")
]
VERBS = ["lost", "late", "broken", "where is", "cancel", "change", "pay for", "return"]


def text(seed, label="", more="", group=""):
    """A question of a few words."""
    chance = random.Random(seed)
    said = [f"{chance.choice(VERBS)} the {chance.choice(NOUNS)}" for _ in range(chance.randint(2, 6))]
    return Text(" and ".join(said) + more, label or chance.choice("abc"), group or str(seed))


def texts(first, count, **more):
    return [text(f"{first}-{number}", **more) for number in range(count)]


def guess(said):
    return "hi" if said.startswith(("pay", "cancel")) else "en"


def alarms(sample, training, **more):
    return {one.name for one in drifted(sample, training, guess, drift(**more)).tests if one.is_alarm}


TRAINING = texts("training", 300)


def test_what_is_like_the_training_data_raises_no_alarm():
    assert alarms(texts("sample", 200), TRAINING) == set()


def test_another_mix_of_labels():
    assert alarms(texts("sample", 200, label="a"), TRAINING) == {"labels"}


def test_longer_questions():
    longer = [
        Text(f"{one.text} and {other.text}", one.label)
        for one, other in zip(texts("x", 200), texts("y", 200), strict=True)
    ]
    assert "length" in alarms(longer, TRAINING)


def test_another_mix_of_languages():
    other = [one for one in texts("sample", 900) if guess(one.text) == "hi"][:150]
    assert "language" in alarms(other, TRAINING)


def test_new_words_and_a_new_kind_of_question():
    new = texts("sample", 100) + texts("new", 100, more=" zzyx quom brelt vlaxit")
    assert {"vocabulary", "distance"} <= alarms(new, TRAINING)


def test_an_alarm_needs_an_effect_beyond_its_bound_and_a_p_below_its_alpha():
    sample = texts("sample", 140) + texts("more", 60, label="a")  # a fifth has another label
    test = next(one for one in drifted(sample, TRAINING, guess, drift()).tests if one.name == "labels")
    assert 0.1 < test.effect < 0.3
    assert test.p_adjusted < 0.01
    for bound, is_alarm in ((test.effect - 0.001, True), (test.effect + 0.001, False)):
        assert ("labels" in alarms(sample, TRAINING, bounds={**BOUNDS, "labels": bound})) is is_alarm
    looks = int(0.05 / test.p_adjusted)  # so many looks a month leave just enough
    assert "labels" in alarms(sample, TRAINING, looks=max(1, looks))
    assert "labels" not in alarms(sample, TRAINING, looks=looks + 2)


def test_p_is_adjusted_for_all_tests():
    for one in drifted(texts("sample", 100), TRAINING, guess, drift()).tests:
        assert one.p_adjusted >= one.p


def test_what_belongs_together_in_training_counts_as_one():
    """Ten versions of each of thirty questions are no three hundred: what is alike but for their luck is no drift."""
    few = [Text(one.text, one.label, one.group) for one in texts("few", 30) for _ in range(10)]
    sample = texts("sample", 200)
    tests = {one.name: one for one in drifted(sample, few, guess, drift(least=20)).tests}
    assert tests["labels"].p > 0.01
    assert tests["length"].p > 0.01


def test_the_order_of_texts_is_nothing():
    sample = texts("sample", 100)
    one = drifted(sample, TRAINING, guess, drift())
    other = drifted(sample, random.Random(4).sample(TRAINING, len(TRAINING)), guess, drift())
    assert one == other


def test_halves_share_no_group():
    training = [text(number, group=str(number % 40)) for number in range(400)]
    halves = halves_of(training, 1000)
    assert {one.group for one in halves.reference}.isdisjoint(one.group for one in halves.others)
    assert len({one.group for one in halves.alone}) == len(halves.alone)
    assert len(halves.reference) + len(halves.others) == 400


def test_distances_and_new_words_by_hand():
    near = Nearness([Text("the red door", ""), Text("a blue coat", "")])
    found = near.of([Text("the red door", ""), Text("qqqq wwww", ""), Text("the red roof", ""), Text("", "")])
    assert found.distances == pytest.approx([0.0, 1.0, found.distances[2], 1.0])
    assert 0.1 < found.distances[2] < 0.9
    assert found.new_words == pytest.approx([0.0, 1.0, 1 / 3, 0.0])


def test_labels_that_nobody_has_and_a_single_language_are_no_alarm():
    bare = [Text(one.text, "") for one in texts("sample", 100)]
    found = drifted(bare, TRAINING, lambda _: "en", drift())
    assert {one.name for one in found.tests} == {"length", "language", "vocabulary", "words", "distance"}
    assert not any(one.is_alarm for one in found.tests)


def test_unlike_inputs_are_named_by_their_new_word_with_three_masked_examples():
    far = [Text(f"my scooter number {n} does not start, write to ann{n}@example.com", "a") for n in range(9)]
    far += [Text(f"which visa for country {n}", "b") for n in range(4)]
    found = kinds(far, [f"r{n}" for n in range(13)], TRAINING)
    words = {kind.word: kind for kind in found}
    assert found[0].n == 9
    assert found[0].labels == (("a", 9),)
    assert len(found[0].examples) == 3
    assert "example.com" not in "".join(found[0].examples)
    assert "scooter" in found[0].examples[0]
    assert {kind.n for kind in words.values()} == {9, 4}


def test_what_is_near_the_other_half_is_not_unlike():
    training = [*TRAINING, Text("zzyx quom brelt vlaxit", "a", "own")]
    found = drifted([*texts("sample", 100), Text("zzyx quom brelt vlaxit", "a")], training, guess, drift())
    assert 100 not in found.unlike


def test_a_word_that_comes_again_and_again_names_a_new_kind():
    """A seventh of the questions are about something new, in words that are otherwise those of training."""
    new = [Text(f"{one.text} projector", "a") for one in texts("new", 30)]
    sample = [*texts("sample", 180), *new]
    found = drifted(sample, TRAINING, guess, drift())
    assert "words" in {one.name for one in found.tests if one.is_alarm}
    assert "words" not in alarms(sample[:180], TRAINING)
    assert set(range(180, 210)) <= set(found.unlike)
    assert kinds([sample[at] for at in found.unlike], [str(at) for at in found.unlike], TRAINING)[0].word == "projector"


def test_the_p_of_a_word_by_hand():
    """Six of ten texts against none of ten: 10! / 4! * 14! / 20! for the word, times two words."""
    here = [Text("lamp door", "")] * 6 + [Text("door", "")] * 4
    there = [Text("door", "", str(n)) for n in range(10)]
    first, second = risen(here, there)
    assert (first.word, first.here, first.there) == ("lamp", 0.6, 0.0)
    assert first.p == pytest.approx(2 * 0.0054179567, rel=1e-6)
    assert second.p == 1.0


@pytest.mark.slow
def test_false_alarms_come_no_more_often_than_stated():
    """At alpha 0.05, one look, and bounds of next to nothing, an alarm in at most 19 of 200 samples: 10, and three standard errors."""
    tiny, found = dict.fromkeys(BOUNDS, 0.0001), 0
    for seed in range(200):
        found += bool(alarms(texts(f"s{seed}", 70), texts(f"t{seed}", 110), bounds=tiny))
    assert found <= 19
