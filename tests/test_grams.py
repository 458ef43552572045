"""Thirteen words in a row: the bulk search finds what holding each text against each would find, and nothing else."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness.template import NO_TEMPLATE
from pipeline.data.splitting import grams
from pipeline.data.splitting.grams import COMMON, EDGE, GRAM, GramIndex, Words, joined, telling

TEXTS = st.lists(st.lists(st.integers(0, 2) | st.integers(2**63, 2**64 - 1), max_size=30), max_size=8)


def rows(text):
    return [tuple(text[start : start + GRAM]) for start in range(len(text) - GRAM + 1)]


def taken(several):
    words = Words(NO_TEMPLATE)
    for text in several:
        words.add(text)
    return words.grams()


def index(several):
    found = GramIndex(NO_TEMPLATE)
    for text in several:
        found.add(text)
    found.finish()
    return found


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(grams, "CHUNK", 3)


@given(TEXTS)
def test_each_row_of_words_is_there_with_its_text_and_place(several):
    found = taken(several)
    wanted = [(number, start) for number, text in enumerate(several) for start in range(len(rows(text)))]
    assert list(zip(found.texts.tolist(), found.starts.tolist(), strict=True)) == wanted
    by_hash = {}
    for (number, start), value in zip(wanted, found.hashes.tolist(), strict=True):
        assert by_hash.setdefault(value, rows(several[number])[start]) == rows(several[number])[start]
    assert len(by_hash) == len({row for text in several for row in rows(text)})


@given(TEXTS, TEXTS)
def test_the_index_knows_what_it_holds_and_whose_it_is(held, learnt):
    found, asked = index(held), taken([*held, *learnt])
    owners = {}
    for number, text in enumerate(held):
        for row in rows(text):
            owners.setdefault(row, []).append(number)
    all_rows = [row for text in [*held, *learnt] for row in rows(text)]
    assert found.has(asked.hashes).tolist() == [row in owners for row in all_rows]
    for row, value in zip(all_rows, asked.hashes.tolist(), strict=True):
        assert found.owners(value) == list(dict.fromkeys(owners.get(row, [])))


@given(st.lists(st.lists(st.integers(0, 1), min_size=GRAM, max_size=20), min_size=1, max_size=3 * COMMON))
def test_what_is_telling_is_neither_common_nor_near_to_what_is(several):
    parts, words = [], Words(NO_TEMPLATE)
    for text in several:
        words.add(text)
        if words.is_full:
            parts.append(words.grams())
    found = joined([*parts, words.grams()])
    uses = Counter(row for text in several for row in set(rows(text)))
    wanted = {}
    for number, text in enumerate(several):
        common = [start for start, row in enumerate(rows(text)) if uses[row] > COMMON]
        own = [row for start, row in enumerate(rows(text)) if all(abs(start - other) > EDGE for other in common)]
        if own:
            wanted[number] = own
    of_hash = dict(zip(found.hashes.tolist(), [row for text in several for row in rows(text)], strict=True))
    assert {number: [of_hash[value] for value in values] for number, values in telling(found)} == wanted


@pytest.mark.parametrize(("distance", "is_leak"), [(-EDGE, False), (EDGE, False), (-EDGE - 1, True), (EDGE + 1, True)])
def test_the_edge_of_boilerplate_is_six_words_on_either_side(distance, is_leak):
    common, own = [*range(100, 100 + GRAM)], [*range(200, 200 + 3 * GRAM)]
    texts = [[*own[: 2 * GRAM], *common, *own[GRAM:]], *([number, *common] for number in range(COMMON))]
    found = taken(texts)
    at = 2 * GRAM + distance
    is_wanted = (found.texts == 0) & (found.starts == at) | (found.starts == np.where(found.texts == 0, 2 * GRAM, 1))
    assert bool(list(telling(found.only(is_wanted)))) == is_leak


def test_a_row_of_words_that_a_text_has_often_counts_once():
    found = index([[5] * 500, [6] * 20, [5] * GRAM])
    value = int(taken([[5] * GRAM]).hashes[0])
    assert found.owners(value) == [0, 2]
    assert len(found._hashes) == 3


def test_texts_are_worked_off_by_words_too(monkeypatch):
    monkeypatch.setattr(grams, "CHUNK", 100)
    monkeypatch.setattr(grams, "MOST_WORDS", 10)
    words = Words(NO_TEMPLATE)
    words.add([1] * 9)
    assert not words.is_full
    words.add([1])
    assert words.is_full


@pytest.mark.parametrize(("learnt", "is_leak"), [(COMMON, True), (COMMON + 1, False)])
def test_as_many_as_common_are_a_leak_and_one_more_is_boilerplate(learnt, is_leak):
    found = taken([[*range(GRAM), 100 + number] for number in range(learnt)]).only(np.arange(learnt) * 2)
    assert bool(list(telling(found))) == is_leak
