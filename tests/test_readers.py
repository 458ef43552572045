"""Readers: every row of a file becomes a record or a reject, whatever is in the file."""

import codecs
import json

import pytest

from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.records import Record, read_records, write_records
from pipeline.stage import Fault
from tests.examples import SCHEMA, answer, contract, source, turns

COLUMNS = {"input": "message", "answer": {"reply": "reply", "colour": "colour"}}
HINDI = "मेरा ऑर्डर कहाँ है?"
PRICED = {"properties": {**SCHEMA["properties"], "price": {"type": "number"}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readers")


def read(folder, content, form=None, **changes):
    path = folder / "rows"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_source(path, source(form, **changes), contract(folder)))


def chat(*contents, **others):
    return json.dumps({"messages": turns(*contents), **others}, ensure_ascii=False)


def reasons(rows):
    assert all(isinstance(row, Reject) for row in rows)
    return [row.reason for row in rows]


def test_the_three_forms_of_an_example_are_one_record(folder):
    completion = json.dumps({"prompt": HINDI, "completion": {"reply": "noted", "colour": "red"}})
    text = json.dumps({"prompt": HINDI, "completion": answer()})
    table = f"message,colour,reply\n{HINDI},red,noted\n"
    rows = [
        *read(folder, chat(HINDI, answer())),
        *read(folder, f"{completion}\n{text}\n", "prompt_completion"),
        *read(folder, table, columns=COLUMNS),
    ]
    assert [words(row) for row in rows] == [(HINDI, answer())] * 4
    assert len({row.id for row in rows}) == 1


def words(row):
    return tuple(turn["content"] for turn in row.messages)


@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_change_nothing(folder, start, end):
    lines = read(folder, start + (chat("one", "a") + end + end + chat(HINDI, "b")).encode())
    assert [(words(row), row.source.rsplit(":")[-1]) for row in lines] == [(("one", "a"), "1"), ((HINDI, "b"), "3")]
    table = f"message,colour,reply{end}{HINDI},red,noted{end}".encode()
    (row,) = read(folder, start + table, columns=COLUMNS)
    assert words(row) == (HINDI, answer())


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_character_that_some_take_for_a_line_end_stays_in_its_text(folder, char):
    line = json.dumps({"messages": turns(f"a{char}b", "c")}, ensure_ascii=False)
    row, second = read(folder, f"{line}\n{line}\n")
    assert words(row) == words(second) == (f"a{char}b", "c")
    path = folder / "written.jsonl"
    write_records(path, [row, second])
    assert read_records(path) == [row, second]


def test_a_quoted_newline_stays_in_its_cell_and_counts_as_a_line(folder):
    table = 'message,colour,reply\n"two\r\nlines, ""quoted""",red,noted\nplain,blue,noted\n'
    first, second = read(folder, table, columns=COLUMNS)
    assert words(first)[0] == 'two\r\nlines, "quoted"'
    assert second.source.endswith("rows:4")


def test_a_row_of_several_lines_is_placed_at_its_first(folder):
    table = 'message,colour,reply\n"one\ntwo",red\nplain,blue,noted\n"three\n\nfour",red,"no\nted"\n"five\nsix",x\n'
    rows = read(folder, table, columns=COLUMNS)
    assert [type(row) for row in rows] == [Reject, Record, Record, Reject]
    places = [row.place if isinstance(row, Reject) else row.source for row in rows]
    assert [place.rsplit(":")[-1] for place in places] == ["2", "4", "5", "9"]


@pytest.mark.parametrize(
    "header", ["message,message,colour,reply", "message,colour,reply,x,x", "message,,colour,reply,"]
)
def test_a_column_that_stands_twice_is_a_fault(folder, header):
    row = ",".join("a" for _ in header.split(","))
    with pytest.raises(Fault, match="has two columns") as caught:
        read(folder, f"{header}\n{row}\n", columns=COLUMNS)
    assert str(caught.value).startswith(f"{folder / 'rows'}: ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"messages": [', "not JSON"),
        (b'{"messages": "\xff"}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"messages": ' + "1" * 5000 + "}", "not JSON"),
        ('{"messages": NaN}', "not JSON"),
        ('{"messages": [], "weight": -Infinity}', "not JSON"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "messages"),
        ('{"messages": []}', "messages"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "no assistant turn"),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "role"),
        ('{"messages": [{"content": "a"}]}', "role"),
        ('{"messages": [{"role": ["user"], "content": "a"}]}', "role"),
        ('{"messages": ["a"]}', "role"),
        ('{"messages": [{"role": "user", "content": ["a"]}]}', "user turn has no text"),
        (chat("a", "b", group=7), "group"),
        (chat("a", "b", tags="x"), "tags"),
        (chat("a", "b", tags=[1]), "tags"),
        (r'{"messages": [{"role": "assistant", "content": "\ud83d"}]}', "surrogate"),
        (r'{"messages": [{"role": "assistant", "content": "b"}], "group": "\udc00"}', "surrogate"),
        (r'{"messages": [{"role": "assistant", "content": "b"}], "tags": ["a", "\ud83d"]}', "surrogate"),
    ],
)
def test_a_chat_row_that_is_no_example_is_rejected_with_its_place(folder, line, reason):
    content = line if isinstance(line, bytes) else line.encode()
    good = chat("a", "b").encode()
    rows = read(folder, b"\n".join([good, content, good]), "chat")
    assert [type(row) for row in rows] == [Record, Reject, Record]
    assert rows[1].place == f"{folder / 'rows'}:2"
    assert reason in rows[1].reason


@pytest.mark.parametrize("row", [{"prompt": "a"}, {"completion": "a"}, {"prompt": 1, "completion": "a"}])
def test_a_completion_row_without_its_parts_is_rejected(folder, row):
    assert reasons(read(folder, json.dumps(row), "prompt_completion"))


def test_the_system_turn_is_left_out(folder):
    bare = chat("a", "b")
    told = json.dumps({"messages": [{"role": "system", "content": "be kind"}, *turns("a", "b")]})
    rows = read(folder, f"{told}\n{bare}\n")
    assert [words(row) for row in rows] == [("a", "b"), ("a", "b")]
    assert rows[0].id == rows[1].id


def test_a_whole_surrogate_pair_is_a_letter(folder):
    (row,) = read(folder, r'{"messages": [{"role": "assistant", "content": "\ud83d\ude00"}]}')
    assert words(row) == ("\U0001f600",)


def test_group_and_tags_come_along(folder):
    first, second = read(folder, chat("a", "b", group="c7", tags=["z", "y", "z"]) + "\n" + chat("a", "c"))
    assert (first.group, first.tags) == ("c7", ("y", "z"))
    assert (second.group, second.tags) == (second.id, ())
    columns = {**COLUMNS, "group": "who", "tags": "marks"}
    table = "message,colour,reply,who,marks\na,red,b, c7 ,z; y;;z\na,red,c,,\n"
    first, second = read(folder, table, columns=columns)
    assert (first.group, first.tags) == ("c7", ("y", "z"))
    assert (second.group, second.tags) == (second.id, ())


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("message,colour\na,red\n", "no column reply"),
        ("message,colour,reply\na,red\n", "reply is missing in this row"),
        ("message,colour,reply\na,red,b,c\n", "more cells than columns"),
    ],
)
def test_a_table_row_that_does_not_fit_its_columns_is_rejected(folder, table, reason):
    (found,) = reasons(read(folder, table, columns=COLUMNS))
    assert reason in found


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("urgent", "yes", True),
        ("urgent", " TRUE ", True),
        ("urgent", "1", True),
        ("urgent", "no", False),
        ("urgent", "False", False),
        ("urgent", "0", False),
        ("stars", "-3", -3),
        ("reply", "007", "007"),
    ],
)
def test_a_cell_takes_the_type_of_its_field(folder, field, cell, value):
    (row,) = read(folder, f"m,x\na,{cell}\n", columns={"input": "m", "answer": {field: "x"}})
    assert json.loads(row.answer) == {field: value}


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("urgent", "maybe"),
        ("urgent", ""),
        ("stars", "3.5"),
        ("stars", "many"),
        ("stars", "1" * 5000),
        *(("price", cell) for cell in ("nan", "NaN", "1e999", "-1e999", "inf", "Infinity", "free")),
    ],
)
def test_a_cell_of_another_type_is_rejected_by_name(folder, field, cell):
    path = folder / "rows"
    path.write_text(f"m,x\na,{cell}\n")
    columns = {"input": "m", "answer": {field: "x"}}
    (found,) = reasons(list(read_source(path, source(None, columns=columns), contract(folder, PRICED))))
    assert field in found
    assert (repr(cell) if len(cell) <= 40 else f"a text of {len(cell)} characters") in found


@pytest.mark.parametrize(
    ("form", "content"),
    [
        *((form, content) for form in ("chat", "prompt_completion", None) for content in (b"", codecs.BOM_UTF8)),
        ("chat", b"\n\r\n  \n"),
        (None, b"message,colour,reply\n"),
    ],
)
def test_a_file_without_a_row_is_a_fault(folder, form, content):
    with pytest.raises(Fault, match="is empty") as caught:
        read(folder, content, form, **({} if form else {"columns": COLUMNS}))
    assert str(caught.value).startswith(f"{folder / 'rows'}: ")


@pytest.mark.parametrize(("content", "words"), [(b"message\n\xff\n", "UTF-8"), (b'message\n"open\n', "not CSV")])
def test_a_table_that_cannot_be_parsed_is_a_fault(folder, content, words):
    with pytest.raises(Fault, match=words):
        read(folder, content, columns=COLUMNS)
