"""The test set: drawn alike whatever the order, and read back as it was written whatever its groups are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.reading.readers import read_source
from pipeline.data.records import Record
from pipeline.data.splitting.sides import SplitParams, draw_test_set, sides
from pipeline.data.splitting.test_set import TestSet
from pipeline.desk.test_set import _text, draw, extended
from pipeline.stage import Fault
from tests.examples import answer, contract, record, source, turns, write_lines

PARAMS = SplitParams(salt="s", test_share=0.3, validation_share=0.2)
ODD = [
    "c7 ",
    " c7",
    "c\u2028seven",
    "c7\u2028",
    "\x85c7\x1c",
    "c\n7",
    "c\t 7",
    "# c8",
    "train-group c9",
    "\ufeffc10",
    "c\u00a011",
]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["red", "green", "blue"])), max_size=40), st.data())
def test_the_draw_is_the_same_in_any_order_where_a_group_has_several_labels(tmp_path_factory, rows, data):
    ours = contract(tmp_path_factory.getbasetemp())
    records = [record(f"q{n}", answer(colour), group=f"c{group}") for n, (group, colour) in enumerate(rows)]
    assert draw(data.draw(st.permutations(records)), ours, PARAMS) == draw(records, ours, PARAMS)


def records_of(folder, groups, form="chat"):
    """Records that the reader makes of rows with these groups, two rows a group."""
    path, rows = folder / f"rows.{form}", [(f"q{n}", group) for n, group in enumerate([*groups, *groups])]
    if form == "chat":
        write_lines(path, *({"messages": turns(asked, answer()), "group": group} for asked, group in rows))
        return list(read_source(path, source(), contract(folder)))
    lines = ["m,a,g", *(f'{asked},x,"{group}"' for asked, group in rows)]
    path.write_bytes("\n".join(lines).encode())
    columns = {"input": "m", "answer": "a", "group": "g"}
    return list(read_source(path, source("csv", columns=columns), contract(folder)))


@pytest.mark.parametrize("form", ["chat", "csv"])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.499])
def test_groups_of_any_name_are_read_from_the_test_set_as_they_were_written(tmp_path, form, share):
    records = records_of(tmp_path, [*ODD, *(f"plain {n}" for n in range(10))], form)
    assert all(isinstance(row, Record) for row in records)
    params = PARAMS.model_copy(update={"test_share": share})
    drawn = draw_test_set(records, lambda _: "", params)
    everything = TestSet(drawn.ids, frozenset(row.group for row in records if row.id not in drawn.ids))
    for written in (drawn, everything):
        path = tmp_path / "test_set.txt"
        path.write_text(_text(written, records), encoding="utf-8")
        assert TestSet.load(path) == written
    assert set(sides(records, TestSet.load(path), params).values()) <= {"train", "validation", "test"}


def test_blanks_around_and_within_a_group_part_nobody(tmp_path):
    records = records_of(tmp_path, ["c 7", " c 7", "c 7 ", "c  7", "c\t7", "c\u20287"])
    assert {row.group for row in records} == {"c 7"}


def test_a_group_of_blanks_is_none(tmp_path):
    assert [row.group == row.id for row in records_of(tmp_path, ["", " ", "\u2028"])] == [True] * 6


def test_line_ends_and_a_byte_order_mark_of_an_editor_change_nothing(tmp_path):
    path = tmp_path / "test_set.txt"
    path.write_bytes(b"\xef\xbb\xbfabc\r\n# a remark\r\n\r\ntrain-group c 7\r\n")
    assert TestSet.load(path) == TestSet(frozenset({"abc"}), frozenset({"c 7"}))


@pytest.mark.parametrize(("content", "words"), [(None, "no such file"), (b"\xff", "not UTF-8")])
def test_a_test_set_that_cannot_be_read_is_a_fault(tmp_path, content, words):
    path = tmp_path / "test_set.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fault, match=words) as caught:
        TestSet.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", " "])
def test_a_mark_within_a_group_ends_no_line_of_the_test_set(tmp_path, mark):
    records = [record(f"q{n}", group=f"c{mark}{n}") for n in range(6)]
    written = TestSet(
        frozenset({records[0].id}), frozenset(row.group for row in records[1:4]), frozenset({records[5].group})
    )
    (tmp_path / "test_set.txt").write_text(_text(written, records), encoding="utf-8")
    assert TestSet.load(tmp_path / "test_set.txt") == written


@given(st.lists(st.integers(0, 6), max_size=12), st.lists(st.integers(0, 6), max_size=12))
def test_a_second_draw_takes_in_what_waits_and_moves_no_other(earlier, later):
    first = [record(f"q{n}", group=f"c{group}") for n, group in enumerate(earlier)]
    added = [record(f"later {n}", group=f"c{group}") for n, group in enumerate(later)]
    frozen = draw_test_set(first, lambda _: "", PARAMS)
    before = sides([*first, *added], frozen, PARAMS)
    waiting = [row for row in (*first, *added) if before[row.id] == "new"]
    again = extended(frozen, [*first, *added], waiting)
    after = sides([*first, *added], again, PARAMS)
    assert {key for key, side in after.items() if side == "new"} == set()
    for key, side in before.items():
        assert after[key] == ("test" if side == "new" else side)


def test_a_second_draw_drops_what_is_gone_and_takes_in_no_synthetic_row():
    here, gone = record("here"), record("gone")
    waiting = [
        record("a"),
        record("b", origin="synthetic"),
        record("c", answered_by="model"),
        record("d", origin="production", answered_by="corrected"),
    ]
    waiting[0] = record("a", group="customer 7")
    frozen = TestSet(frozenset({here.id, gone.id}), frozenset({"kept"}), frozenset({"held"}))
    ids = frozenset({here.id, waiting[0].id, waiting[3].id})
    assert extended(frozen, [here], waiting) == TestSet(
        ids, frozenset({"kept"}), frozenset({"held", "customer 7", gone.id})
    )


def test_why_nothing_was_drawn_is_said():
    from pipeline.desk.test_set import _nothing_drawn

    assert "has no record that may be tested on" in str(_nothing_drawn(0))
    assert "40 records may be tested on, and what asks the same" in str(_nothing_drawn(40))
    alike = [record("the one question", f"answer {n}") for n in range(40)]
    assert not draw_test_set(alike, lambda _: "", PARAMS).ids
