"""What a reviewer sees: the seed beside the example, what differs, and no command to the terminal."""

import json
import re
from pathlib import Path

import pytest

from pipeline.data.plain_text import escaped, plain
from pipeline.data.records import write_records
from pipeline.desk.reviewing.screen import compared, text_of_record
from tests import review_desk
from tests.examples import record, turns
from tests.review_desk import (
    CANDIDATES,
    FOUR,
    PLACE,
    SEED,
    candidate,
    decided,
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    return review_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def sit(project, monkeypatch, capsys):
    assert project == Path.cwd()
    return review_desk.reviewer(monkeypatch, capsys)


def test_the_seed_stands_beside_with_what_differs(sit):
    shown = sit("q")
    assert f"seed {SEED.id}" in shown
    assert "where is my [-red-] parcel" in shown
    assert "where is my {+crimson+} parcel" in shown
    assert '"label": "red"' in shown
    assert "synthetic, answered by model · axis tone · teacher teacher-1" in " ".join(shown.split())
    assert f"tags late · licence CC0 · source {PLACE.format(1)}" in " ".join(shown.split())
    assert "\x1b" not in shown


def test_a_wide_screen_puts_them_side_by_side(sit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    (line,) = [line for line in sit("q").splitlines() if "[-red-]" in line]
    assert "{+crimson+}" in line
    monkeypatch.setenv("COLUMNS", "60")
    assert not [line for line in sit("q").splitlines() if "[-red-]" in line and "{+crimson+}" in line]


def test_an_answer_off_the_schema_is_told_and_one_that_meets_it_is_not(sit):
    shown = " ".join(sit("s", "s", "q").split())
    assert shown.count("the answer does not meet the schema: label: 'pink' is not one of ['red', 'blue']") == 1


def test_a_seed_that_is_gone_is_said_to_be(sit):
    write_records(Path("data/validated/records.jsonl"), [FOUR])
    assert f"its seed {SEED.id} is not among the validated records" in sit("q")


EVIL = "\x1b[2J\x1b]0;owned\x07 [bold red]hi[/] :smile: \u202eabc\u2066 \x9b31m \r\u200b tail\u2028"


def test_what_a_record_holds_is_no_command_to_the_terminal(sit):
    bad = candidate(3, EVIL, tags=(EVIL,), licence=EVIL)
    write_records(CANDIDATES, [bad])
    shown = sit(f"r {EVIL}", "b", "q")
    assert not set(re.sub(r"\n", "", shown)) & {
        *map(chr, range(32)),
        *map(chr, range(127, 160)),
        *"\u202e\u2066\u200b\u2028",
    }
    assert "<U+001B>[2J" in shown
    assert "[bold red]hi[/] :smile: <U+202E>abc<U+2066>" in shown
    assert not set(decided()[0][2]) & set("\x1b\x07\u202e\u2028")


@pytest.mark.parametrize("text", ["मेरा ऑर्डर क्‍या", "👩‍👧 ok", "a\tb\nc", "zażółć", "注文はどこ"])
def test_what_people_write_is_shown_as_it_is(text):
    assert plain(text) == text


@pytest.mark.parametrize("letter", ["\x00", "\x7f", "\u061c", "\ufeff", "\ud800", "\U000e0061", "\r"])
def test_a_character_that_is_not_seen_is_shown_by_its_number_and_escaped_for_an_editor(letter):
    assert plain(f"a{letter}b") == f"a<U+{ord(letter):04X}>b"
    text = escaped(json.dumps([f"a{letter}b", '\n"'], indent=1, ensure_ascii=False))
    assert letter not in text
    assert json.loads(text) == [f"a{letter}b", '\n"']


def test_what_differs_is_marked_by_words_and_nothing_is_lost():
    left, right = "where is, my red parcel", "where was, my parcel today"
    before, after = compared(left, right)
    assert ["".join(piece for piece, _ in side) for side in (before, after)] == [left, right]
    assert [piece.strip() for piece, differs in before if differs] == ["is", "red"]
    assert [piece.strip() for piece, differs in after if differs] == ["was", "today"]
    assert compared("मेरा ऑर्डर", "मेरा ऑर्डर") == ([("मेरा ऑर्डर", False)], [("मेरा ऑर्डर", False)])


def test_a_long_text_is_shown_in_good_time():
    long = "x y " * 100_000
    assert compared(long, long + "z") == ([(long, False)], [(long + "z", False)])
    shown = text_of_record(record(long))
    assert len(shown) < 21_000
    assert "more characters; e shows all of them" in shown
    assert "[" * 5000 in text_of_record(record("a", "[" * 5000 + "]" * 5000))
    assert len(text_of_record(record("a", "[" * 900 + "]" * 900))) < 21_000


def test_tools_calls_and_worse_turns_are_shown():
    call = {"type": "function", "function": {"name": "look", "arguments": {"x": "é"}}}
    messages = (*turns("a"), {"role": "assistant", "content": "", "tool_calls": [call]})
    shown = text_of_record(record("", messages=messages, rejected=turns("", "I cannot")[1:]))
    assert 'assistant:\ncalls {"name": "look", "arguments": {"x": "é"}}' in shown
    assert "worse: assistant:\nI cannot" in shown
