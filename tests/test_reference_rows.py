"""Guesses without a language model."""

import pytest

from pipeline.scoring.reference_rows import bag_of_words, majority


def test_the_most_frequent_value_is_said_always_and_of_several_the_first_by_name():
    assert majority(["b", "a", "b"], 3) == ["b"] * 3
    assert majority(["b", "a"], 2) == ["a", "a"]
    assert majority(["b"], 0) == []


def test_words_decide_in_any_script():
    texts = ["red door", "a red cup", "blue door", "लाल दरवाज़ा", "नीला कप", "a blue cup"] * 3
    values = ["r", "r", "b", "r", "b", "b"] * 3
    assert bag_of_words(texts, values, ["RED apple", "blue apple", "लाल"]) == ["r", "b", "r"]
    assert bag_of_words(texts, values, ["RED apple"]) == bag_of_words(texts, values, ["RED apple"])


@pytest.mark.parametrize(("texts", "values"), [(["x", "y"], ["a", "a"]), (["...", "!"], ["a", "b"]), (["x"], ["a"])])
def test_where_words_say_nothing_it_is_the_majority(texts, values):
    assert bag_of_words(texts, values, ["x", ""]) == ["a", "a"]


def test_nothing_asked_is_nothing_said():
    assert bag_of_words(["x", "y"], ["a", "b"], []) == []
