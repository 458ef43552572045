"""Ledgers: a later word replaces an earlier one, disagreement approves nothing, and no line is lost."""

import pytest

from pipeline.data.ledgers import read_decisions, read_replies
from pipeline.stage import Fault
from tests.examples import write_lines


def review(decision, reviewer="asha", record="r", date="2031-01-03"):
    return {"record": record, "decision": decision, "reviewer": reviewer, "date": date, "reason": ""}


def decided(folder, *files):
    """What the reviews of these files say of the record r."""
    for number, rows in enumerate(files):
        write_lines(folder / f"{number}.jsonl", *rows)
    found = read_decisions(folder)
    return [name for name in ("approved", "rejected", "disputed") if "r" in getattr(found, name)]


YES, NO = review("approve"), review("reject")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([YES], "approved"),
        ([NO], "rejected"),
        ([YES, NO], "rejected"),
        ([YES, NO, YES], "approved"),
        ([NO, YES, NO, YES, NO], "rejected"),
        ([YES, YES], "approved"),
        ([YES, review("approve", "ravi")], "approved"),
        ([YES, review("reject", "ravi")], "disputed"),
        ([review("reject", "ravi"), YES, review("approve", "ravi")], "approved"),
        ([NO, review("approve", "ravi"), NO], "disputed"),
    ],
)
def test_the_last_word_of_each_reviewer_counts(tmp_path, rows, said):
    assert decided(tmp_path / "one file", rows) == [said]
    assert decided(tmp_path / "a file each", *([row] for row in rows)) == [said]


def test_files_follow_by_name(tmp_path):
    write_lines(tmp_path / "2031-01-04.jsonl", NO)
    write_lines(tmp_path / "2031-01-03.jsonl", YES)
    assert read_decisions(tmp_path).rejected == {"r"}


def test_a_word_on_one_record_is_none_on_another(tmp_path):
    write_lines(tmp_path / "a.jsonl", review("approve", record="one"), review("reject", record="two"))
    found = read_decisions(tmp_path)
    assert (found.approved, found.rejected, found.disputed) == ({"one"}, {"two"}, frozenset())


def test_a_folder_without_a_ledger_says_nothing(tmp_path):
    found = read_decisions(tmp_path)
    assert not found.approved | found.rejected | found.disputed
    assert read_replies(tmp_path) == []


def test_of_replies_that_are_the_same_the_first_stays_with_its_place(tmp_path):
    one = {"seed": "s", "axis": "tone", "model": "m", "date": "2031-01-02", "reply": "x"}
    write_lines(tmp_path / "a.jsonl", one, {**one, "reply": "y"}, one)
    write_lines(tmp_path / "b.jsonl", dict(reversed(one.items())), {**one, "axis": "length"})
    found = [(place, reply.reply, reply.axis) for place, reply in read_replies(tmp_path)]
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert found == [(f"{a}:1", "x", "tone"), (f"{a}:2", "y", "tone"), (f"{b}:2", "x", "length")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (review("maybe"), "decision: is 'maybe'"),
        (YES | {"mood": 1}, "mood: is not a known key"),
        ({key: value for key, value in YES.items() if key != "reviewer"}, "reviewer: is missing"),
        ("[1]", "is not a JSON object"),
    ],
)
def test_a_wrong_review_is_named_by_its_line(tmp_path, row, said):
    write_lines(tmp_path / "a.jsonl", YES, row)
    with pytest.raises(Fault) as caught:
        read_decisions(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'a.jsonl'}:2: {said}")
