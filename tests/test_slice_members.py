"""Parts of a set that are looked at by themselves."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring.slice_members import Sliced, by_name, names_of, slices_of, thirds

EXAMPLES = st.lists(
    st.builds(
        Sliced,
        st.lists(st.sampled_from("ab"), max_size=3),
        st.sampled_from(["human", "x"]),
        st.text("lm", max_size=1),
        st.integers(0, 9),
        st.sampled_from(["", "en", "hi"]),
    ),
    max_size=30,
)


@given(EXAMPLES)
def test_each_example_is_once_in_what_it_belongs_to_and_no_slice_is_all_or_nothing(examples):
    slices = slices_of(examples)
    for name, chosen in slices.items():
        assert 0 < len(chosen) < len(examples)
        assert chosen == sorted(set(chosen))
        kind, _, value = name.partition(" ")
        if kind == "tag":
            assert all((at in chosen) == (value in one.tags) for at, one in enumerate(examples))
        elif kind == "label":
            assert all((at in chosen) == (one.label == value) for at, one in enumerate(examples))
        elif kind == "language":
            assert all((at in chosen) == (value == one.language) for at, one in enumerate(examples))
        elif kind == "origin":
            assert all((at in chosen) == (one.origin == value) for at, one in enumerate(examples))
    of_length = sorted(at for name, chosen in slices.items() if name.startswith("length") for at in chosen)
    assert of_length in ([], list(range(len(examples))))


def test_lengths_are_thirds_of_the_set():
    sizes = [5, 1, 9, 3, 7, 11]
    assert thirds(sizes) == (5, 9)
    slices = slices_of([Sliced((), "human", "", size) for size in sizes])
    assert slices == {"length short": [1, 3], "length middling": [0, 4], "length long": [2, 5]}
    assert slices["length long"] == [2, 5]
    assert thirds([4, 4]) == thirds([]) == ()
    assert slices_of([Sliced((), "human", "", 4)] * 3) == {}
    assert names_of([Sliced(("x",), "human", "", 4, "hi")]) == [["tag x", "language hi", "origin human"]]


def test_slices_by_metric_are_turned_round():
    assert by_name({"a": {"tag x": [1]}, "b": {"tag x": [0], "tag y": [2]}}) == {
        "tag x": {"a": [1], "b": [0]},
        "tag y": {"b": [2]},
    }
