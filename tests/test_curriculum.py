"""The curriculum of the embedded base: it knows nothing of the sample task, and never asks what the probes ask."""

import json
from pathlib import Path
from random import Random

import pytest

from pipeline.data.questions import Question
from pipeline.scoring.checks import passes
from tests.project import ROOT
from tools.curriculum import tokenizer as vocabulary
from tools.curriculum.documents import ALL, ASSISTANT, BOS, END, SPECIAL, SYSTEM, USER, Curriculum, question_key
from tools.curriculum.probes import PER_SKILL, held_out_probes, over_refusal_twins
from tools.curriculum.skills import PROBED, WIDENING
from tools.curriculum.words import Words

pytestmark = pytest.mark.slow

SEED = 3
TASK_WORDS = "category response escalate delivery damaged_item return_exchange refund payment cancellation product_question account offers"


@pytest.fixture(scope="module")
def words():
    return Words.load(ROOT / Path("tools/curriculum/words.json"))


@pytest.fixture(scope="module")
def tokenizer(words):
    """A vocabulary that is small, out of a small sample of text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "SAMPLE", 300)
        return vocabulary.train_tokenizer(words, SEED, 300)


@pytest.fixture(scope="module")
def probes(words):
    return held_out_probes(words, SEED)


def test_no_noun_and_no_topic_is_a_word_of_the_sample_task(words):
    assert not set(TASK_WORDS.split()) & {word.casefold() for word in (*words.nouns, *words.kinds)}


def keys_of(value):
    """Every key of a JSON value, at any depth."""
    if isinstance(value, dict):
        return {*value, *(key for inner in value.values() for key in keys_of(inner))}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


@pytest.mark.parametrize("skill", ["json", "few_shot", "topic"])
def test_no_answer_has_a_key_or_a_topic_of_the_sample_task(skill, words):
    random, found = Random(SEED), set()
    for _ in range(2000):
        item = {**PROBED, **WIDENING}[skill](random, words)
        for text in (item.answer, *(answer for _, answer in item.shots)):
            found |= keys_of(json.loads(text)) if text.startswith('{"') else set()
        found |= set(item.options)
    assert len(found) >= len(words.kinds)
    assert not {word.casefold() for word in found} & set(TASK_WORDS.split())


def turns_of(document, tokenizer):
    """Role and text of each turn."""
    turns, roles = [], {tokenizer.token_to_id(name): name for name in (SYSTEM, USER, ASSISTANT)}
    special = {tokenizer.token_to_id(name) for name in (BOS, END)}
    for token in document.ids:
        if token in roles:
            turns.append((roles[token].strip("<|>"), []))
        elif token not in special:
            turns[-1][1].append(token)
    return [{"role": role, "content": tokenizer.decode(ids)} for role, ids in turns]


def asked_in(document, tokenizer):
    """Keys of the questions that a document asks: each turn alone, after the system turn, and after all turns before it."""
    turns = turns_of(document, tokenizer)
    system = [turn for turn in turns if turn["role"] == "system"]
    rest = [turn for turn in turns if turn["role"] != "system"]
    for number, turn in enumerate(rest):
        if turn["role"] == "user":
            for before in ([], system, rest[:number], [*system, *rest[:number]]):
                yield question_key([*before, turn])


def asked(held_out, words, tokenizer, mix):
    stream = Curriculum(words, tokenizer, SEED, held_out).stream(mix, 512)
    return {key for _ in range(600) for key in asked_in(next(stream), tokenizer)}


SMALL = (
    "arithmetic",
    "counting",
    "sorting",
    "comparing",
    "yes_no",
)  # skills of few questions, which meet the probes soon


def test_the_curriculum_never_asks_a_probe(words, tokenizer, probes):
    held_out = frozenset(question_key(probe["messages"]) for probe in probes)
    assert asked(frozenset(), words, tokenizer, SMALL) & held_out  # without a list it does
    assert not asked(held_out, words, tokenizer, SMALL) & held_out


@pytest.mark.parametrize("skill", sorted({*PROBED, "recall"}))
def test_a_question_of_every_skill_can_be_held_out(skill, words, tokenizer):
    """The first question of a stream, held out, is not asked by the same stream any more."""
    first = next(Curriculum(words, tokenizer, SEED, frozenset()).stream((skill,), 512))
    keys = frozenset(asked_in(first, tokenizer))
    stream = Curriculum(words, tokenizer, SEED, keys).stream((skill,), 512)
    assert [turn["content"] for turn in turns_of(next(stream), tokenizer)] != [
        turn["content"] for turn in turns_of(first, tokenizer)
    ]


def test_noise_teaches_every_token_and_no_special_one_but_the_end(words, tokenizer):
    stream, learnt = Curriculum(words, tokenizer, SEED, frozenset()).stream(("noise",), 512), set()
    for _ in range(1500):
        document = next(stream)
        learnt |= {token for token, is_learnt in zip(document.ids, document.learnt, strict=True) if is_learnt}
    special = {tokenizer.token_to_id(name) for name in SPECIAL} - {tokenizer.token_to_id(END)}
    assert learnt == set(range(tokenizer.get_vocab_size())) - special


def test_no_question_is_learnt_and_each_learnt_answer_has_its_end(words, tokenizer):
    stream, end = Curriculum(words, tokenizer, SEED, frozenset()).stream(ALL, 256), tokenizer.token_to_id(END)
    marks = {tokenizer.token_to_id(name): name for name in (SYSTEM, USER, ASSISTANT)}
    for document in (next(stream) for _ in range(300)):
        assert len(document.ids) == len(document.learnt) <= 256
        assert document.learnt[-1]
        assert document.ids[-1] == end
        role = ""
        for token, is_learnt in zip(document.ids, document.learnt, strict=True):
            role = marks.get(token, role)
            assert not (is_learnt and (role in (SYSTEM, USER) or token in marks))


def test_every_probe_passes_its_own_check_and_no_two_ask_the_same(probes):
    questions = [Question.model_validate(probe) for probe in probes]
    assert [one.id for one in questions if not passes(str(one.check.value), one.check.kind, one.check.value)] == []
    assert [one.id for one in questions if passes("no such answer", one.check.kind, one.check.value)] == []
    assert len({question_key(probe["messages"]) for probe in probes}) == len(probes) == PER_SKILL * len(PROBED)
    assert all(one.check.value in one.check.options for one in questions if one.check.kind == "choice")


def test_twins_point_at_each_other_and_differ_by_one_word(words):
    probes = {probe["id"]: probe for probe in over_refusal_twins(words, SEED)}
    for name, probe in probes.items():
        twin = probes[probe["twin"]]
        assert twin["twin"] == name != twin["id"]
        one, other = (each["messages"][0]["content"].split() for each in (probe, twin))
        assert sum(a != b for a, b in zip(one, other, strict=True)) == 1
        assert passes(probe["check"]["value"], probe["check"]["kind"], probe["check"]["value"])


def test_the_same_seed_gives_the_same_probes_and_another_seed_others(words, probes):
    assert held_out_probes(words, SEED) == probes
    assert held_out_probes(words, SEED + 1) != probes
