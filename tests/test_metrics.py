"""Metrics: known values, every script, and agreement with rouge_score where it is meant to agree."""

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from pipeline.scoring.metrics import Bleu, ExactMatch, RougeL, values
from pipeline.scoring.words import words_of

SENTENCES = {
    "English": "Your order ships on Monday, 4 May.",
    "Hindi": "आपका ऑर्डर सोमवार को भेजा जाएगा।",
    "Chinese": "您的订单将于星期一发货。",
    "Thai": "คำสั่งซื้อของคุณจะถูกจัดส่งในวันจันทร์",
    "Arabic": "سيتم شحن طلبك يوم الاثنين",
}


def rouge_l(prediction, reference):
    return values(RougeL, [prediction], [reference])[0]


@pytest.mark.parametrize("language", SENTENCES)
def test_identical_text_is_one_in_every_script(language):
    assert rouge_l(SENTENCES[language], SENTENCES[language]) == 1


@pytest.mark.parametrize("language", SENTENCES)
def test_text_in_another_script_is_zero(language):
    other = SENTENCES["Chinese" if language != "Chinese" else "Hindi"]
    assert rouge_l(other, SENTENCES[language]) == 0


@pytest.mark.parametrize("language", SENTENCES)
def test_half_of_a_text_lies_between(language):
    text = SENTENCES[language]
    assert 0 < rouge_l(text[: len(text) // 2], text) < 1


@pytest.mark.parametrize(
    ("prediction", "reference", "wanted"),
    [
        ("police kill the gunman", "police killed the gunman", 3 / 4),  # Lin (2004), section 3
        ("the gunman kill police", "police killed the gunman", 2 / 4),
        ("a b c d", "a c", 2 * (2 / 4) * 1 / (2 / 4 + 1)),
        ("b a", "a b", 1 / 2),
        ("我爱你", "我爱他", 2 / 3),  # a character is a word
        ("मैं घर गया", "मैं घर आया", 2 / 3),
        ("The CAT.", "the cat", 1.0),
    ],
)
def test_values_by_hand(prediction, reference, wanted):
    assert rouge_l(prediction, reference) == pytest.approx(wanted)


@pytest.mark.parametrize("word", ["हिन्दी", "किताबें", "विद्यालय", "हूँ"])
def test_hindi_word_with_vowel_signs_is_one_word(word):
    assert words_of(word) == [word]


def test_ways_to_write_an_accent_are_the_same_word():
    assert words_of("cafe\u0301") == words_of("caf\u00e9")
    assert rouge_l("cafe\u0301", "caf\u00e9") == 1


@settings(max_examples=60, deadline=None)
@given(st.text(string.printable), st.text(string.printable))
def test_ascii_text_scores_as_rouge_score_does(prediction, reference):
    wanted = RougeScorer(["rougeL"], use_stemmer=False).score(reference, prediction)["rougeL"].fmeasure
    if words_of(prediction) or words_of(reference):
        assert rouge_l(prediction, reference) == pytest.approx(wanted)


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text())
def test_any_text_has_a_value_from_zero_to_one_that_is_symmetric(one, other):
    value = rouge_l(one, other)
    assert 0 <= value <= 1
    assert value == pytest.approx(rouge_l(other, one))


@pytest.mark.parametrize(
    ("prediction", "reference", "wanted"),
    [("", "", 1), ("", "word", 0), ("word", "", 0), ("?!", "?!", 1), ("?!", "...", 0), ("", "...", 0)],
)
def test_text_without_words(prediction, reference, wanted):
    assert rouge_l(prediction, reference) == wanted


def test_exact_match_is_of_every_character():
    given_texts, references = ["red", "Red", "red ", ""], ["red", "red", "red", ""]
    assert values(ExactMatch, given_texts, references) == [1, 0, 0, 1]


def test_values_keep_the_order_of_the_pairs():
    texts = [f"word{n}" for n in range(50)]
    assert values(RougeL, texts, [*texts[:25], *["other"] * 25]) == [1.0] * 25 + [0.0] * 25


def bleu(prediction, reference):
    return values(Bleu, [prediction], [reference])[0]


def test_bleu_is_that_of_the_papers_by_hand():
    """One of four words differs: 4/5 of the words, and of runs of two to four 3, 2 and 1 of 4, 3 and 2, each with one more."""
    found = bleu("the cat sat on mats", "the cat sat on rugs")
    assert found == pytest.approx((4 / 5 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
    assert bleu("the cat", "the cat sat on rugs") == pytest.approx(math.exp(1 - 5 / 2))  # too short is marked down


@pytest.mark.parametrize("text", ["a", "red door", "लाल दरवाज़ा खुला है", "one two three four five"])
def test_bleu_is_one_for_the_same_words_and_less_for_any_other(text):
    assert bleu(text, text) == 1
    assert bleu(text + " more", text) < 1
    assert bleu("quite different things here", text) < 0.5
    assert bleu("", text) == 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_bleu_is_a_share_of_any_two_texts(one, other):
    assert 0 <= bleu(one, other) <= 1
