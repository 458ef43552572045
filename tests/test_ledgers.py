"""Ledgers: no line is lost, none is taken for what it is not, and the order of words is that of files and lines."""

import json
import os
import subprocess
import sys
from datetime import date

import pytest

from pipeline.data.ledgers import Reply, Review, append, read_replies, read_reviews
from pipeline.stage import Fault
from tests.examples import write_lines
from tests.project import ROOT

TODAY = date.today().isoformat()
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
REPLY = {
    "date": "2031-01-02",
    "request": "q",
    "seed": "s",
    "axis": "tone",
    "model": "m",
    "reply": "x",
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "cost": 0.5,
}
YES = {"record": "r", "decision": "approve", "reviewer": "asha", "date": "2031-01-03", "reason": ""}


def review(**changes):
    return Review(**{**YES, **changes})


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_reviews_come_in_the_order_of_files_and_lines_and_all_of_them(tmp_path):
    no = {**YES, "decision": "reject", "reason": "wrong"}
    write_lines(tmp_path / "2031-01-04-ravi.jsonl", {**YES, "reviewer": "ravi"})
    write_lines(tmp_path / "2031-01-03-asha.jsonl", YES, no, YES)
    found = [(place.rsplit("/", 1)[-1], entry.decision) for place, entry in read_reviews(tmp_path)]
    asha, ravi = "2031-01-03-asha.jsonl", "2031-01-04-ravi.jsonl"
    assert found == [
        (f"{asha}:1", "approve"),
        (f"{asha}:2", "reject"),
        (f"{asha}:3", "approve"),
        (f"{ravi}:1", "approve"),
    ]


def test_a_folder_without_a_ledger_says_nothing(tmp_path):
    assert read_reviews(tmp_path) == []
    assert read_replies(tmp_path / "none") == []


def test_of_replies_that_are_the_same_the_first_stays_with_its_place(tmp_path):
    write_lines(tmp_path / "a.jsonl", REPLY, {**REPLY, "reply": "y"}, REPLY)
    write_lines(tmp_path / "b.jsonl", dict(reversed(REPLY.items())), {**REPLY, "axis": "length"})
    found = [(place, reply.reply, reply.axis) for place, reply in read_replies(tmp_path)]
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert found == [(f"{a}:1", "x", "tone"), (f"{a}:2", "y", "tone"), (f"{b}:2", "x", "length")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**YES, "decision": "maybe"}, "decision: is 'maybe'"),
        ({**YES, "mood": 1}, "mood: is not a known key"),
        ({key: value for key, value in YES.items() if key != "reviewer"}, "reviewer: is missing"),
        ({**YES, "reviewer": " "}, "reviewer: is ' '"),
        ({**YES, "messages": TURNS}, "is a mapping.*messages are needed for an edit, and for an edit only"),
        ({**YES, "decision": "edit"}, ".*messages are needed for an edit"),
        ({**YES, "decision": "edit", "messages": []}, ".*messages are needed for an edit"),
        ({**YES, "becomes": "q"}, ".*becomes is for an edit"),
        ({**YES, "decision": "edit", "messages": TURNS, "becomes": "r"}, ".*becomes .* names another record"),
        ("[1]", "is not a JSON object"),
        ('{"record": "r", "deci', "is not JSON"),
    ],
)
def test_a_wrong_review_is_named_by_its_line(tmp_path, row, said):
    write_lines(tmp_path / "a.jsonl", YES, row)
    with pytest.raises(Fault, match=rf"^{tmp_path / 'a.jsonl'}:2: {said}"):
        read_reviews(tmp_path)


def test_an_edit_is_read_with_its_turns(tmp_path):
    write_lines(tmp_path / "a.jsonl", {**YES, "decision": "edit", "messages": TURNS, "becomes": "q"})
    ((_, found),) = read_reviews(tmp_path)
    assert (found.messages, found.becomes) == (TURNS, "q")


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("Asha", "asha"),
        ("  Asha  K. Rao ", "asha-k-rao"),
        ("../../etc/passwd", "etc-passwd"),
        ("आशा", "आशा"),
        ("Zoe\u0301", "zoé"),
        ("x" * 300, "x" * 60),
    ],
)
def test_an_author_has_a_file_a_day(tmp_path, who, name):
    path = append(tmp_path / "reviews", who, review())
    assert path == append(tmp_path / "reviews", who, review(record="s"))
    assert path.relative_to(tmp_path).as_posix() == f"reviews/{TODAY}-{name}.jsonl"
    assert [line["record"] for line in lines_of(path)] == ["r", "s"]


@pytest.mark.parametrize("who", ["", " ", "..", "!?"])
def test_a_name_that_no_file_can_have_is_a_fault(tmp_path, who):
    with pytest.raises(Fault, match="give a name with letters"):
        append(tmp_path, who, review())
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_read_again_as_it_was(tmp_path):
    entries = [
        review(),
        review(reason="wörtlich\n\u2028 \x1b[31m"),
        review(decision="edit", messages=TURNS, becomes="q"),
    ]
    for entry in entries:
        path = append(tmp_path, "asha", entry)
    assert [entry for _, entry in read_reviews(tmp_path)] == entries
    assert len(path.read_bytes().splitlines()) == 3
    assert all("null" not in line for line in path.read_text().splitlines())


def test_a_reply_with_broken_text_is_kept(tmp_path):
    append(tmp_path, "teacher", Reply(**{**REPLY, "reply": "a\ud83d b"}))
    ((_, found),) = read_replies(tmp_path)
    assert found.reply == "a? b"


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    path = append(tmp_path, "asha", review())
    with path.open("ab") as file:
        file.write(b'{"record": "to')
    append(tmp_path, "asha", review(record="s"))
    assert path.read_bytes().splitlines()[1] == b'{"record": "to'
    assert json.loads(path.read_bytes().splitlines()[2])["record"] == "s"
    with pytest.raises(Fault, match=r":2: is not JSON .*; mend the line or drop it"):
        read_reviews(tmp_path)


WRITER = """
import os, sys
from pathlib import Path
from pipeline.data.ledgers import Review, append
for n in range(10**6):
    append(Path(sys.argv[1]), "asha", Review(record=str(n), decision="approve", reviewer="asha", date="2031-01-03", reason=""))
    os.write(1, b"%d\\n" % n)
    if n == 20: os.kill(os.getpid(), 9)
"""


def test_what_was_said_to_be_written_is_there_after_a_kill(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", WRITER, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == -9
    told = ended.stdout.split()
    assert [entry.record for _, entry in read_reviews(tmp_path)] == told == [str(n) for n in range(21)]


def test_two_who_write_at_once_lose_no_line(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path], cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ}
        )
        for _ in range(2)
    ]
    for writer in writers:
        writer.wait()
    assert sorted(int(entry.record) for _, entry in read_reviews(tmp_path)) == sorted([*range(21)] * 2)
