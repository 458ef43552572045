"""Two texts word by word."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.word_runs import MOST, all_spans, words_of

TEXTS = st.text("ab ,\nकी中", max_size=40)


@given(st.text())
def test_the_words_are_the_text(text):
    assert "".join(words_of(text)) == text


def check(old, new):
    """The spans run through both lists from end to end; what both have is the same, and what one has alone is told."""
    at, to = 0, 0
    for is_equal, i, j, k, m in all_spans(old, new):
        assert (i, k) == (at, to)
        assert not is_equal or old[i:j] == new[k:m]
        at, to = j, m
    assert (at, to) == (len(old), len(new))


@given(TEXTS, TEXTS)
def test_spans_cover_both_texts(old, new):
    check(words_of(old), words_of(new))
    assert all(is_equal for is_equal, *_ in all_spans(words_of(old), words_of(old)))


def test_beyond_the_words_that_are_compared_all_counts_as_changed():
    old, new = [f"a{n}" for n in range(MOST + 50)], ["new", *(f"a{n}" for n in range(MOST + 49)), "other"]
    check(["same", *old, "end"], ["same", *new, "end"])
    assert (False, MOST, MOST + 50, MOST, MOST + 51) in all_spans(old, new)
