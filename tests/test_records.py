"""Records: an identity that does not hang on how letters are composed, and files that hold JSON and nothing else."""

import pytest

from pipeline.data.records import parse_json, read_jsonl, record_id
from pipeline.split import question
from pipeline.stage import Fault
from tests.examples import record, turns

SAME = [("\u095b", "\u091c\u093c"), ("é", "e\u0301"), ("가", "\u1100\u1161"), ("\u212b", "Å")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_text_is_the_same_however_it_is_composed(one, other):
    assert record_id(turns(f"a {one}b", "c")) == record_id(turns(f"a {other}b", "c"))
    assert record_id(turns("a", one)) == record_id(turns("a", other))
    assert question(record(f"a {one}b")) == question(record(f"a {other}b"))


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
