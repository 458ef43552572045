"""Records: an identity that does not hang on how letters are composed, and files that hold JSON and nothing else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness.shingles import words
from pipeline.data.records import digest, parse_json, read_jsonl, read_records, record_id, stream_keys, write_records
from pipeline.stage import Fault
from tests.examples import record, turns

SAME = [("\u095b", "\u091c\u093c"), ("é", "e\u0301"), ("가", "\u1100\u1161"), ("\u212b", "Å")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_text_is_the_same_however_it_is_composed(one, other):
    assert record_id(turns(f"a {one}b", "c")) == record_id(turns(f"a {other}b", "c"))
    assert record_id(turns("a", one)) == record_id(turns("a", other))
    assert words(f"a {one}b") == words(f"a {other}b")


@pytest.mark.parametrize(("one", "other"), [("\u095b", "\u091c"), ("é", "e"), ("a", "A"), ("a", " a"), ("①", "1")])
def test_another_text_is_another_record(one, other):
    assert record_id(turns(one, "c")) != record_id(turns(other, "c"))


NO_JSON = ["NaN", "Infinity", "-Infinity", '{"a": [NaN]}', "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "", "{'a': 1}"]


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_refused(text, tmp_path):
    for form in (text, text.encode()):
        with pytest.raises(ValueError, match=r"."):
            parse_json(form)
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n{text or "{"}\n')
    with pytest.raises(Fault, match=r"rows\.jsonl:2: is not JSON") as caught:
        list(read_jsonl(path))
    assert len(str(caught.value).splitlines()) == 1


def test_bytes_that_are_no_text_are_no_json():
    with pytest.raises(ValueError, match="utf-8"):
        parse_json(b'"\xff"')
    assert parse_json(b"null") is None
    assert parse_json('{"a": "\\u0000"}') == {"a": "\0"}


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text()), max_size=4))
def test_a_plain_record_keeps_the_name_that_canonical_json_gives_it(talk):
    """Test sets and ledgers name records by it."""
    messages = [{"role": role, "content": content} for role, content in talk]
    composed = [[role, unicodedata.normalize("NFC", content)] for role, content in talk]
    assert record_id(messages) == digest(composed)
    assert record_id(turns("Where is my sari", "x")) == "9901abf6fab9dd4c"


def test_what_an_answer_is_preferred_to_and_the_tools_are_part_of_the_record():
    plain, worse, tool = turns("a", "b"), turns("a", "c")[1:], {"name": "look_up"}
    named = [record_id(plain), record_id(plain, worse), record_id(plain, worse, [tool]), record_id(plain, (), [tool])]
    assert len(set(named)) == 4
    calling = ({**plain[0]}, {**plain[1], "tool_calls": [{"function": {"name": "x", "arguments": {}}}]})
    assert record_id(calling) != record_id(plain)


def test_a_record_is_read_as_it_was_written(tmp_path):
    rows = [
        record("a\u2028b"),
        record("c", rejected=turns("c", "d")[1:], tools=({"name": "x"},), tags=("t",), parents=("p",)),
    ]
    assert write_records(tmp_path / "r.jsonl", rows) == 2
    assert read_records(tmp_path / "r.jsonl") == rows
    assert [key.id for key, _ in stream_keys(tmp_path / "r.jsonl")] == [row.id for row in rows]
    (tmp_path / "r.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(Fault, match=r"r\.jsonl:1: is no record"):
        read_records(tmp_path / "r.jsonl")
