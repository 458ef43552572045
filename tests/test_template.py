"""What many questions share: it is found, it tells no text from another, and what is shorter or rarer counts as it is."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness.near import Texts, near_pairs
from pipeline.data.likeness.shingles import pair_hashes, word_hashes
from pipeline.data.likeness.similarity import Copies
from pipeline.data.likeness.template import LEAST, NO_TEMPLATE, RUN, SAMPLE, Sampler, Template, pairs_of
from pipeline.data.splitting.grams import EDGE, GRAM, Words
from pipeline.data.splitting.leaks import HeldOut, Search
from tests.examples import record

TASK = "Classify the message of a customer into one of these five categories and write it as JSON"
CLOSING = "Think of the tone too, before you write the one category that fits it best"


def asked(number, words=5):
    rng = random.Random(number)
    return " ".join(f"{rng.choice('abcdefgh')}{rng.randrange(10**6)}" for _ in range(words))


def template_of(several):
    sampler = Sampler()
    for text in several:
        sampler.add(text)
    return sampler.template()


def near(several):
    texts = Texts()
    for text in several:
        texts.add(text)
    return {(pair.first, pair.second) for pair in near_pairs(texts, 0.65, texts.template())}


@pytest.mark.parametrize("around", [("", CLOSING), (TASK, ""), (TASK, CLOSING)])
def test_an_instruction_around_every_message_makes_no_two_alike(around):
    several = ["\n".join([around[0], asked(n), around[1]]).strip() for n in range(300)]
    assert near(several) == set()
    assert near([*several, several[7].replace("a", "a", 1) + "!"]) == {(7, 300)}


def test_a_pair_with_one_word_changed_is_found_inside_the_instruction():
    several = [f"{TASK}: {asked(n, 12)}" for n in range(100)]
    assert near([*several, several[3] + " please"]) == {(3, 100)}


@pytest.mark.parametrize(("sharing", "is_template"), [(LEAST - 1, False), (LEAST, True)])
def test_a_few_that_share_much_are_near_and_no_template(sharing, is_template):
    several = [f"{TASK}: {asked(n, 2)}" for n in range(sharing)] + [asked(n, 9) for n in range(1000, 1040)]
    assert bool(template_of(several).runs) == is_template
    assert bool(near(several)) != is_template


@pytest.mark.parametrize(("others", "is_template"), [(19, True), (20, False)])
def test_what_fewer_than_one_in_twenty_share_is_no_template(others, is_template):
    several = [f"{TASK}: {asked(n)}" for n in range(40)] + [asked(n) for n in range(1000, 1000 + 40 * others)]
    assert bool(template_of(several).runs) == is_template


@pytest.mark.parametrize(("words", "is_template"), [(RUN, False), (RUN + 1, True)])
def test_a_common_phrase_is_no_template(words, is_template):
    phrase = " ".join(TASK.split()[:words])
    several = [f"{asked(n)} {phrase} {asked(n + 10**6)}" for n in range(50)]
    assert [" ".join(run) for run in template_of(several).runs] == [phrase.lower()] * is_template


def test_frequent_phrases_that_stand_side_by_side_now_and_then_are_no_template():
    phrases = ["i want to", "know more about", "the order of", "my last parcel"]
    several = [f"{asked(n)} {phrases[n % 4]} {asked(n + 1000)}" for n in range(200)] + [" ".join(phrases)] * (LEAST - 1)
    assert template_of(several) == NO_TEMPLATE


def test_a_text_of_nothing_but_template_is_compared_whole():
    several = [TASK] * LEAST + [f"{TASK} {asked(n)}" for n in range(60)]
    found = word_hashes(TASK)
    template = template_of(several)
    assert template.rest(found) == set(pairs_of(found))
    assert (0, 1) in near(several)


def test_rows_that_differ_in_one_word_inside_the_template_stay_apart():
    assert near([f"Translate the word {asked(n, 1)} into French and say nothing else" for n in range(60)]) == set()


def test_the_sample_is_spread_over_all_texts_and_stays_small():
    several = [asked(n) for n in range(SAMPLE)] + [f"{TASK}: {asked(n)}" for n in range(SAMPLE * 4)]
    sampler = Sampler()
    for text in several:
        sampler.add(text)
    assert SAMPLE / 2 <= len(sampler._texts) <= SAMPLE
    assert sampler.template().runs


WORD = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"])


RUNS = st.lists(st.lists(WORD, min_size=2, max_size=9).map(tuple), max_size=2).map(tuple)
AROUND = st.lists(WORD, max_size=14)


@given(RUNS, st.lists(st.tuples(AROUND, st.booleans(), AROUND), min_size=1, max_size=6))
def test_the_bulk_form_keeps_what_each_text_keeps(runs, parts):
    template = Template(runs)
    middle = [word for run in runs for word in run]
    several = [" ".join([*before, *(middle if is_there else []), *after]) for before, is_there, after in parts]
    found = [word_hashes(text) for text in several]
    packed = pair_hashes([word for one in found for word in one], [len(one) for one in found])
    hashes, offsets = template.without(*packed)
    for number, one in enumerate(found):
        whole = pair_hashes(one, [len(one)])[0].tolist()
        kept = [value for value, mark in zip(whole, template.marks(one), strict=True) if not mark]
        assert hashes[int(offsets[number]) : int(offsets[number + 1])].tolist() == kept
        assert kept


def test_a_template_is_told_without_what_only_goes_on():
    template = Template((("", "a", "b", "c"), ("", "a", "b", "c", "d"), ("x", "y"), ("e", "f", "")))
    assert template.told() == ["e f", "x y", "a b c"]


def test_a_template_is_read_as_it_was_written(tmp_path):
    template = template_of([f"{asked(n)} {TASK}" for n in range(50)])
    template.save(tmp_path / "template.json")
    assert Template.load(tmp_path / "template.json") == template
    assert json.loads((tmp_path / "template.json").read_text()) == {"runs": [[*TASK.lower().split(), ""]]}


def leaks_of(held, learnt, template=NO_TEMPLATE):
    place, waiting = HeldOut(0.65, template), HeldOut(0.65, template, is_leaving=True)
    for number, text in enumerate(held):
        place.add(("test", str(number)), text, is_small=True)
    search = Search(place, waiting, {}, template)
    for text in learnt:
        search.look(record(text))
    return [(leak.how, leak.of) for leak in search.leaks()]


def test_the_template_is_no_leak_and_what_stands_in_it_is():
    learnt = [f"{TASK}: {asked(n, 20)}. {CLOSING}" for n in range(60)]
    held = [f"{TASK}: {asked(n, 20)}. {CLOSING}" for n in range(100, 110)]
    template = template_of([*learnt, *held])
    assert leaks_of(held, learnt, template) == []
    inside = asked(100, 20)
    assert leaks_of(held, [f"{TASK}: {inside} too. {CLOSING}"], template) == [("near", "0")]
    assert leaks_of(held, [f"{TASK}: {inside} {asked(7, 20)}"], template) == [(f"{GRAM}-gram", "0")]


def test_a_word_beside_boilerplate_that_too_few_share_for_a_template_is_no_leak():
    boilerplate = " ".join(f"b{n}" for n in range(20))
    learnt = [f"{asked(n, 30)} {boilerplate} red {asked(n + 5000, 30)}" for n in range(11)]
    held = [f"{asked(9000, 30)} {boilerplate} red {asked(9001, 30)}"]
    assert leaks_of(held, learnt) == []
    assert len(leaks_of(held, learnt[:10])) == 10
    repeated = f"{boilerplate} red " + " ".join(asked(9001, 30).split()[: GRAM - 1 + EDGE])
    (leak,) = leaks_of(held, [*learnt, f"{asked(1, 40)} {repeated}"])
    assert leak == (f"{GRAM}-gram", "0")


@pytest.mark.parametrize(("marked", "counts"), [(EDGE, True), (EDGE + 1, False)])
def test_thirteen_words_that_are_mostly_template_do_not_count(marked, counts):
    run = [f"t{n}" for n in range(marked + 1)]
    text = " ".join([*run, *(f"w{n}" for n in range(GRAM - len(run)))])
    words = Words(Template((tuple(run),)))
    words.add(word_hashes(text))
    assert len(words.grams().hashes) == (counts or marked < RUN)


def test_a_candidate_that_shares_the_instruction_with_its_seed_is_no_copy_of_it():
    seed, own = f"{TASK}: {asked(1, 8)}", f"{TASK}: {asked(2, 8)}"
    template = template_of([f"{TASK}: {asked(n, 8)}" for n in range(60)])
    assert Copies([own], 0.5).of(seed) == [0]
    assert Copies([own], 0.5, template).of(seed) == []
    assert Copies([own], 0.5, template).of(own + " thanks") == [0]
