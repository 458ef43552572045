"""Ingest: rows = records + duplicates + rejects, whatever the sources hold."""

import codecs
import contextlib
import csv
import io
import json
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.data.ledgers import Review
from pipeline.data.likeness.spool import Spool
from pipeline.data.likeness.staying import rank_of
from pipeline.data.likeness.template import Template
from pipeline.data.personal.finding import PersonalDataParams
from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.records import Record, digest, read_jsonl, read_records, record_id, write_lines
from pipeline.data.reviews import Decisions, ReviewParams
from pipeline.ingest import IngestParams, ingest, main
from pipeline.stage import Fault
from tests.examples import SCHEMA, answer, contract, record, source, source_entry, turns, write_json
from tests.examples import write_lines as write_rows

POLICY = PersonalDataParams(
    email="redact",
    phone="redact",
    card="redact",
    iban="redact",
    aadhaar="redact",
    pan="redact",
    upi="redact",
    ip="redact",
    api_key="reject",
    private_key="reject",
    jwt="reject",
)
COLUMNS = {"input": "message", "answer": {"reply": "reply", "urgent": "urgent", "stars": "stars"}, "tags": "tags"}
CELLS = st.text() | st.sampled_from(['a "b"\r\nc', "a;b", "\ufeff"])
TYPED = st.sampled_from(["0", "1"]) | CELLS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]) | JSON, "content": JSON})
CHAT = st.fixed_dictionaries(
    {"messages": st.lists(TURN, max_size=4) | JSON}, optional={"group": JSON, "tags": JSON | st.lists(st.text())}
)
LINES = (CHAT | JSON).flatmap(lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ingest")


def rows_in(folder, content, **changes):
    path = folder / ("rows.csv" if "columns" in changes else "rows.jsonl")
    path.write_bytes(content)
    return list(read_source(path, source(**changes), contract(folder)))


def taken_in(folder, rows, near_duplicates="drop", frozen=(), reviews=()):
    """What came in, and the records as they are written and read again."""
    params = IngestParams(max_rejects=len(rows), near_duplicates=near_duplicates, similarity=0.6, personal_data=POLICY)
    with Spool(folder / "spool") as spool:
        rank = rank_of(frozenset(frozen), Decisions(reviews, ["production"]))
        intake, _, gone = ingest(rows, params, contract(folder), rank, spool)
        write_lines(folder / "records.jsonl", spool.lines(without=gone))
    assert not (folder / "spool").exists()
    return intake, read_records(folder / "records.jsonl")


def assert_balanced(folder, rows):
    """Each row is counted once, and what is written is what was read."""
    intake, records = taken_in(folder, rows)
    count = sum(intake.counts.values(), Counter())
    assert count["rows"] == len(rows) == count["records"] + count["duplicates"] + count["rejects"]
    assert (count["records"], count["rejects"]) == (len(records), len(intake.rejects))
    assert count["duplicates"] == len(intake.duplicates)


@given(st.lists(st.binary(max_size=40) | LINES.map(str.encode), min_size=1, max_size=6))
@example(
    [codecs.BOM_UTF8 + b'{"messages": [{"role": "assistant", "content": "\\u0000\\u2028"}]}', b"\r", b"\xef\xbb\xbf"]
)
def test_any_bytes_after_a_line_of_json_become_records_and_rejects(folder, lines):
    """The first line says what the file is."""
    content = b"\n".join([json.dumps(chat("first", "row")).encode(), *lines])
    filled = [line for line in content.split(b"\n") if line.strip()]
    rows = rows_in(folder, content)
    assert len(rows) == len(filled)
    assert_balanced(folder, rows)


@given(st.lists(st.binary(max_size=40) | LINES.map(str.encode), min_size=1, max_size=6))
def test_any_bytes_are_rows_or_a_fault_of_one_line(folder, lines):
    content = b"\n".join(lines)
    filled = [line for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip()]
    said, rows = "", []
    try:
        rows = rows_in(folder, content)
    except Fault as fault:
        said = str(fault)
    if rows:
        assert filled
        assert_balanced(folder, rows)
    else:
        assert said.startswith(str(folder))
        assert len(said.splitlines()) == 1


@given(
    st.binary(max_size=60) | st.text(alphabet=st.sampled_from('"",\r\n\0aé\ufeff\u2028'), max_size=40).map(str.encode)
)
def test_any_bytes_of_a_table_are_rows_or_a_fault(folder, content):
    columns = {"input": "message", "answer": "reply"}
    with contextlib.suppress(Fault):
        assert_balanced(folder, rows_in(folder, b"message,reply\n" + content, form="csv", columns=columns))


@given(st.lists(st.tuples(CELLS, CELLS, TYPED, TYPED, CELLS), min_size=1, max_size=5))
def test_no_row_of_a_table_is_lost(folder, table):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("message", "reply", "urgent", "stars", "tags"), *table])
    rows = rows_in(folder, file.getvalue().encode(), form="csv", columns=COLUMNS)
    assert len(rows) == len(table)
    assert_balanced(folder, rows)
    for row, (message, reply, *_) in zip(rows, table, strict=True):
        if isinstance(row, Record):
            assert row.messages[0]["content"] == message
            assert json.loads(row.answer)["reply"] == reply


WORDS = [
    "one hat",
    "a red coat for a long winter evening at home",
    "a red coat for a long winter morning at home",
    "two",
]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_of_rows_that_say_the_same_one_stays(folder, spec):
    rows = [
        Reject(f"{file}:{n}", "bad")
        if kind == 4
        else record(WORDS[kind], source=f"{file}:{n}", origin="human" if is_human else "production")
        for n, (file, kind, is_human) in enumerate(spec)
    ]
    intake, records = taken_in(folder, rows)
    assert intake.rejects == [row for row in rows if isinstance(row, Reject)]
    for count in intake.counts.values():
        assert count["rows"] == count["records"] + count["duplicates"] + count["rejects"]
    read = [row for row in rows if isinstance(row, Record)]
    order = {row.source: (row.origin != "human", n) for n, row in enumerate(read)}
    for said in (WORDS[:1], WORDS[1:3], WORDS[3:]):
        alike = [row for row in read if row.question in said]
        first = min(alike, key=lambda row: order[row.source], default=None)
        assert [row for row in records if row.question in said] == ([first] if first else [])


def test_near_rows_with_another_answer_both_stay_and_are_paired(folder):
    one, other = record(WORDS[1], answer("red")), record(WORDS[2], answer("blue"))
    _, records = taken_in(folder, [one, other])
    assert records == [one, other]
    intake, records = taken_in(folder, [one, record(WORDS[2], answer("red", "in other words"))])
    assert (records, len(intake.duplicates)) == ([one], 1)
    assert 0.6 <= intake.duplicates[0]["similarity"] < 1
    assert len(taken_in(folder, [one, record(WORDS[2])], near_duplicates="keep")[1]) == 2


def test_a_record_of_the_test_set_stays_whoever_else_says_it(folder):
    production = record(WORDS[1], origin="production", source="feedback:1")
    human = record(WORDS[2], source="raw:1")
    assert taken_in(folder, [production, human])[1] == [human]
    assert taken_in(folder, [human, production], frozen=[production.id])[1] == [production]


def said_of(row, decision, reviewer="asha"):
    word = {"record": row.id, "decision": decision, "reviewer": reviewer, "date": "2031-01-02", "reason": "why"}
    return (f"{reviewer}:1", Review(**word))


def test_what_a_person_approved_is_not_taken_away_by_what_waits_or_was_rejected(folder):
    first, second = (record(words, origin="production", source=f"feedback:{n}") for n, words in enumerate(WORDS[1:3]))
    assert taken_in(folder, [first, second])[1] == [first]
    assert taken_in(folder, [first, second], reviews=[said_of(second, "approve")])[1] == [second]
    human = record(WORDS[2], source="raw:1")
    assert taken_in(folder, [first, human])[1] == [human]
    assert taken_in(folder, [first, human], reviews=[said_of(first, "approve")])[1] == [first]


@pytest.mark.parametrize("words", [["reject"], ["reject", "approve"]])
def test_what_was_refused_takes_its_copies_with_it_but_for_approved_ones(folder, words):
    human, production = record(WORDS[1], source="raw:1"), record(WORDS[2], origin="production", source="feedback:1")
    refused = [said_of(production, word, f"reviewer {number}") for number, word in enumerate(words)]
    assert taken_in(folder, [human, production], reviews=refused)[1] == [production]
    assert taken_in(folder, [human, production], frozen=[human.id], reviews=refused)[1] == [human]
    assert taken_in(folder, [human, production], frozen=[production.id], reviews=refused)[1] == [production]
    approved = [*refused, said_of(human, "approve")]
    assert taken_in(folder, [human, production], reviews=approved)[1] == [human]


def test_a_row_that_went_names_the_one_that_stays_however_many_came_between(folder):
    origins = ("production", "synthetic", "human")
    rows = [record(WORDS[1], origin=origin, source=f"{origin}:1") for origin in origins]
    intake, records = taken_in(folder, rows)
    assert records == rows[2:]
    assert {(entry["source"], entry["of"]) for entry in intake.duplicates} == {
        ("production:1", "human:1"),
        ("synthetic:1", "human:1"),
    }


def test_rows_of_one_instruction_all_stay_and_the_report_says_what_they_share(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    task = "Decide which colour the customer below is asking for and answer with one JSON object"
    write_rows(tmp_path / "raw/a.jsonl", *(chat(f"{task}\n{n} {n * 7} coats", answer()) for n in range(60)))
    report = run_main(tmp_path)
    assert (report["records"], report["duplicates"]) == (60, 0)
    assert report["near_duplicates"]["shared_words"] == [task.lower()]
    assert read_records(tmp_path / "out/records.jsonl")[59].question.startswith(task)
    assert Template.load(tmp_path / "out/template.json").runs


def test_talks_that_share_their_history_alone_are_not_the_same(folder):
    history = ["a long story of a red coat that came on monday " * 5, "I see, and what may I do for you"]
    talks = [
        record("", messages=turns(*history, last, answer())) for last in ("please send another", "how do I wash it")
    ]
    assert taken_in(folder, talks)[1] == talks
    talks = [record("", messages=turns(*history, last, answer())) for last in WORDS[1:3]]
    assert taken_in(folder, talks)[1] == talks[:1]


def test_preferences_are_the_same_only_with_what_they_are_against(folder):
    def preference(asked, worse):
        turn = ({"role": "assistant", "content": worse},)
        return record(asked, rejected=turn, id=record_id(turns(asked, answer()), turn))

    one, other = preference(WORDS[1], answer("blue")), preference(WORDS[2], answer("green"))
    assert taken_in(folder, [one, other])[1] == [one, other]
    assert taken_in(folder, [one, preference(WORDS[2], answer("blue"))])[1] == [one]
    assert taken_in(folder, [one, preference(WORDS[1], answer("green"))])[1] == [
        one,
        preference(WORDS[1], answer("green")),
    ]


MAIL = "asha.rao@example.com"


def test_personal_data_is_masked_before_the_record_has_a_name(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    rows = [
        chat(f"write to {MAIL} or again to {MAIL}", answer()) | {"group": MAIL},
        chat("clean", answer()) | {"group": MAIL},
    ]
    write_rows(tmp_path / "raw/a.jsonl", *rows)
    report = run_main(tmp_path)
    first, second = read_records(tmp_path / "out/records.jsonl")
    assert first.question == "write to [EMAIL_1] or again to [EMAIL_1]"
    assert first.id == record_id(first.messages)
    assert first.group == second.group == f"person-{digest(MAIL)}"
    assert report["personal_data"] == {"email": {"policy": "redact", "rows": 1, "found": 2}}
    assert [row for _, row in read_jsonl(tmp_path / "out/personal.jsonl")] == [
        {"source": f"{tmp_path / 'raw/a.jsonl'}:1", "rule": "email", "count": 2}
    ]
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir()) + (tmp_path / "out.json").read_text()
    assert "asha" not in written


def test_a_secret_is_a_reject_that_does_not_say_it(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    write_rows(tmp_path / "raw/a.jsonl", chat(f"my key is {key}", answer()), chat("clean", answer()))
    line = fault_of(tmp_path)
    assert line.startswith(f"{tmp_path / 'raw/a.jsonl'}:1: holds what ingest.personal_data rejects: api_key; ")
    assert key not in line
    report = run_main(tmp_path, max_rejects=1)
    assert (report["rows"], report["records"], report["rejects"]) == (2, 1, 1)
    assert key not in (tmp_path / "out/rejects.jsonl").read_text()


def test_a_reason_does_not_say_what_may_not_be_said(tmp_path):
    project(tmp_path, source_entry("b.csv", columns={"input": "message", "answer": {"urgent": "urgent"}}))
    (tmp_path / "raw/b.csv").write_text(f"message,urgent\na,{MAIL}\n")
    assert "asha" not in fault_of(tmp_path)


def chat(*contents):
    return {"messages": turns(*contents)}


def project(folder, *entries):
    """A schema, a list of sources and a folder of feedback."""
    write_json(folder / "schema.json", SCHEMA)
    write_json(folder / "raw/sources.yaml", {"sources": list(entries)})
    (folder / "feedback").mkdir()
    return folder


def run_main(folder, max_rejects=0, out="out"):
    (folder / "test_set.txt").touch()
    names = ("raw/sources.yaml", "feedback", "schema.json", "test_set.txt", "reviews", out, f"{out}.json")
    params = IngestParams(max_rejects=max_rejects, near_duplicates="drop", similarity=0.6, personal_data=POLICY)
    main(params, ReviewParams(origins=["production"]), *(folder / name for name in names))
    return json.loads((folder / f"{out}.json").read_text())


def fault_of(folder, **options):
    with pytest.raises(Fault) as caught:
        run_main(folder, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture
def two_sources(tmp_path):
    """A chat file with a copy and two broken lines, a table with a copy of the chat, and a line of feedback."""
    table = source_entry("b.csv", "csv", columns={"input": "message", "answer": "reply"}, licence="CC0")
    project(tmp_path, source_entry("a.jsonl"), table)
    write_rows(tmp_path / "raw/a.jsonl", chat("one", answer()), "{", chat("one", answer()), chat("two"))
    (tmp_path / "raw/b.csv").write_text("message,reply\none,plain\ntwo,plain\none,plain\n")
    write_rows(tmp_path / "feedback/2031-01-02.jsonl", chat("two", "plain"), chat("three", "plain"))
    (tmp_path / "raw/README.md").write_text("a remark")
    return tmp_path


def test_the_report_balances_by_source(two_sources):
    report = run_main(two_sources, max_rejects=2)
    assert [report[key] for key in ("rows", "records", "duplicates", "rejects")] == [9, 4, 3, 2]
    for count in report["sources"].values():
        assert count["rows"] == count["records"] + count["duplicates"] + count["rejects"]
    rows = {file: count["rows"] for file, count in report["sources"].items()}
    wanted = {"raw/a.jsonl": 4, "raw/b.csv": 3, "feedback/2031-01-02.jsonl": 2}
    assert rows == {str(two_sources / file): count for file, count in wanted.items()}
    records = read_records(two_sources / "out/records.jsonl")
    assert [(row.messages[0]["content"], row.origin, row.answered_by, row.licence) for row in records] == [
        ("one", "human", "human", "Apache-2.0"),
        ("one", "human", "human", "CC0"),
        ("two", "human", "human", "CC0"),
        ("three", "production", "corrected", "own"),
    ]
    places = [row["place"] for _, row in read_jsonl(two_sources / "out/rejects.jsonl")]
    assert places == [f"{two_sources / 'raw/a.jsonl'}:{line}" for line in (2, 4)]


def test_a_source_and_a_feedback_file_of_one_name_are_counted_apart(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    write_rows(tmp_path / "raw/a.jsonl", chat("one", answer()))
    write_rows(tmp_path / "feedback/a.jsonl", chat("two", answer()), chat("three", answer()))
    assert sorted(count["rows"] for count in run_main(tmp_path)["sources"].values()) == [1, 2]


def test_one_reject_too_many_stops_the_stage_at_the_first_place(two_sources):
    assert fault_of(two_sources, max_rejects=1).startswith(f"{two_sources / 'raw/a.jsonl'}:2: not JSON")
    assert [path.name for path in (two_sources / "out").iterdir()] == ["rejects.jsonl"]
    assert len((two_sources / "out/rejects.jsonl").read_text().splitlines()) == 2
    assert not list(two_sources.glob("*.part"))


def test_the_same_sources_give_the_same_bytes(two_sources):
    assert run_main(two_sources, 2, "one") == run_main(two_sources, 2, "two")
    for name in ("records.jsonl", "rejects.jsonl"):
        assert (two_sources / "one" / name).read_bytes() == (two_sources / "two" / name).read_bytes()


def test_the_list_and_the_folder_must_agree(tmp_path):
    project(tmp_path, source_entry("a.jsonl"))
    assert fault_of(tmp_path).startswith(f"{tmp_path / 'raw/a.jsonl'}: is listed in sources.yaml and is not there")
    write_rows(tmp_path / "raw/a.jsonl", chat("one", answer()))
    assert run_main(tmp_path)["records"] == 1
    write_rows(tmp_path / "raw/b.jsonl", chat("two", answer()))
    assert fault_of(tmp_path).startswith(f"{tmp_path / 'raw/b.jsonl'}: is not listed")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([source_entry("a.jsonl"), source_entry("a.jsonl", "prompt_completion")], "lists a.jsonl twice"),
        ([source_entry("../a.jsonl")], "lists ../a.jsonl, which is a path"),
        ([], "lists no source"),
        ([source_entry("a.jsonl", "excel")], "sources.0.format"),
        ([source_entry("a.jsonl", note="x")], "sources.0.note"),
        ([source_entry("a.jsonl", rights="")], "says no rights of a.jsonl"),
    ],
)
def test_a_wrong_list_of_sources_is_a_fault_with_its_place(tmp_path, entries, words):
    project(tmp_path, *entries)
    line = fault_of(tmp_path)
    assert line.startswith(str(tmp_path / "raw/sources.yaml"))
    assert words in line
