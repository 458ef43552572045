"""What many questions share: it is found, it tells no text from another, and what is shorter or rarer counts as it is."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness import template as template_module
from pipeline.data.likeness.duplicates import Rows, near_duplicates
from pipeline.data.likeness.near import Texts, near_pairs
from pipeline.data.likeness.shingles import pair_hashes, word_hashes
from pipeline.data.likeness.similarity import Copies
from pipeline.data.likeness.template import LEAST, NO_TEMPLATE, RUN, SAMPLE, Sampler, Template, pairs_of
from pipeline.data.splitting.grams import EDGE, GRAM, Words
from pipeline.data.splitting.leaks import HeldOut, Search
from pipeline.stage import Fault
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


@pytest.mark.parametrize(("words", "is_whole"), [(0, True), (1, True), (2, False)])
def test_a_text_of_hardly_more_than_template_is_compared_whole(words, is_whole):
    found = word_hashes(" ".join([TASK, *(f"own{n}" for n in range(words))]))
    template = template_of([f"{TASK} {asked(n)}" for n in range(60)])
    assert (template.rest(found) == set(pairs_of(found))) == is_whole
    packed = pair_hashes(found, [len(found)])
    assert template.nearly_all(*packed) == ({0} if is_whole else set())


def test_rows_that_differ_in_one_word_inside_the_template_all_stay():
    rows = Rows()
    for n in range(60):
        rows.add(record(f"Translate the word {asked(n, 1)} into French and say nothing else"), 1)
    assert near_duplicates(rows, 0.65, lambda *_: "same", True).gone == {}


def test_the_sample_is_drawn_from_all_texts_whatever_their_order():
    several = [f"{(TASK, CLOSING)[n % 2]}: {asked(n)}" for n in range(SAMPLE + 500)]
    sampler = Sampler()
    for text in several:
        sampler.add(text)
    assert len(sampler._lowest) == len(sampler._ranks) == SAMPLE
    assert len(sampler.template().runs) == 2
    assert template_of([*several[::-1], *several[:100]]) == sampler.template()


def test_one_question_said_often_is_no_template():
    assert template_of([TASK] * 100 + [asked(n) for n in range(100)]) == NO_TEMPLATE


def test_a_long_instruction_is_a_template_to_its_end():
    instruction = " ".join(f"rule{n}" for n in range(1_500))
    assert near([f"{instruction} {asked(n, 20)}" for n in range(60)]) == set()


def test_of_long_questions_fewer_are_looked_at(monkeypatch):
    several = [f"{TASK} {asked(n, 50)}" for n in range(60)]
    assert template_of(several).runs
    monkeypatch.setattr(template_module, "MOST_WORDS", 19 * 60)
    assert template_of(several) == NO_TEMPLATE


def test_passages_that_many_questions_share_do_not_make_their_questions_alike():
    passages = [" ".join(f"p{number}w{n}" for n in range(40)) for number in range(5)]
    several = [f"{passage} {question}" for passage in passages for question in (asked(n, 6) for n in range(25))]
    assert len(template_of(several).runs) >= 5
    assert near(several) == set()


def test_a_popular_question_said_again_is_near_though_not_for_sure():
    popular = "how do i reset the password of my account"
    several = [f"{popular} {asked(n, 1)}" for n in range(30)] + [asked(n, 9) for n in range(1000, 1050)]
    texts = Texts()
    for text in several:
        texts.add(text)
    pairs = [pair for pair in near_pairs(texts, 0.65, texts.template()) if pair.second < 30]
    assert len(pairs) == 30 * 29 / 2
    assert not any(pair.is_sure for pair in pairs)
    rows = Rows()
    for text in several:
        rows.add(record(text), 1)
    assert near_duplicates(rows, 0.65, lambda *_: "same", True).gone == {}
    assert leaks_of(several[:2], [several[5]], texts.template()) == [("near", "0")]
    assert Copies([f"{popular} please"], 0.5, texts.template()).of(popular) == [0]


def test_a_file_that_is_no_template_is_a_fault(tmp_path):
    for text in (None, "{}", '{"runs": 1}', "[", '{"runs": [[["a"]], 1]}'):
        if text is not None:
            (tmp_path / "template.json").write_text(text)
        with pytest.raises(Fault, match="is no template"):
            Template.load(tmp_path / "template.json")


WORD = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"])


RUNS = st.lists(st.lists(WORD, min_size=2, max_size=9).map(tuple), max_size=2).map(tuple)
AROUND = st.lists(WORD, max_size=14)


@pytest.mark.parametrize("chunk", [template_module.CHUNK, 7, 1])
@given(RUNS, st.lists(st.tuples(AROUND, st.booleans(), AROUND), min_size=1, max_size=6))
def test_the_bulk_form_keeps_what_each_text_keeps(chunk, runs, parts):
    template = Template(runs)
    middle = [word for run in runs for word in run]
    several = [" ".join([*before, *(middle if is_there else []), *after]) for before, is_there, after in parts]
    found = [word_hashes(text) for text in several]
    packed = pair_hashes([word for one in found for word in one], [len(one) for one in found])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_module, "CHUNK", chunk)
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
