"""Which rows stand in a batch together."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.training.batches import ByLength, Groups

LENGTHS = st.lists(st.integers(1, 400), min_size=1, max_size=900)


def order(lengths, size, seed=1, epoch=0):
    sampler = ByLength(lengths, size, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_every_row_comes_once_and_the_longest_stands_in_the_first_batch(lengths, size, epoch):
    rows = order(lengths, size, epoch=epoch)
    assert sorted(rows) == list(range(len(lengths)))
    assert len(ByLength(lengths, size, 1)) == len(rows)
    if len(rows) % size == 0:
        assert max(lengths) == max(lengths[row] for row in rows[:size])


def test_the_order_depends_on_seed_and_epoch_alone():
    lengths = [number * 37 % 101 for number in range(200)]
    assert order(lengths, 8) == order(lengths, 8)
    assert len({tuple(order(lengths, 8, seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_rows_of_a_batch_are_about_as_long_and_batches_come_in_any_order():
    lengths = [number * 37 % 101 for number in range(800)]
    rows = order(lengths, 8)
    batches = [[lengths[row] for row in rows[first : first + 8]] for first in range(0, 800, 8)]
    assert sum(max(batch) * 8 for batch in batches) < 1.35 * sum(lengths)
    longest = [max(batch) for batch in batches]
    rises = sum(later > earlier for earlier, later in pairwise(longest))
    assert 30 < rises < 70


@given(st.integers(1, 50), st.integers(1, 7), st.integers(2, 4), st.integers(1, 3))
def test_every_question_is_drawn_and_its_answers_stand_together(questions, drawn, answers, again):
    sampler = Groups(questions, drawn, answers, again, seed=1)
    found = list(sampler)
    assert len(found) == len(sampler)
    assert set(found) == set(range(questions))
    size = drawn * answers
    for first in range(0, len(found), size * again):
        draw = found[first : first + size]
        assert found[first : first + size * again] == draw * again
        assert all(len(set(draw[n : n + answers])) == 1 for n in range(0, size, answers))
    sampler.set_epoch(1)
    assert questions < 8 or list(sampler) != found
