"""Listing a source: it stands in both places once, or it is refused and no file has changed."""

import contextlib
from pathlib import Path

import pytest
import yaml

from pipeline.data.reading.sources import load_sources
from pipeline.desk import new
from pipeline.desk.add_source import add
from pipeline.desk.inputs import check_inputs
from pipeline.stage import Fault
from tests.desk_project import DVC, ENTRY, ROW, SOURCES, make

LISTING = Path("data/raw/sources.yaml")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, and the current folder in it."""
    folder = make(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def sources():
    """What the current folder's list of sources says."""
    return yaml.safe_load(LISTING.read_text())["sources"]


def deps():
    return yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["ingest"]["deps"]


def assert_untouched(listing=SOURCES):
    assert [LISTING.read_bytes().decode(), Path("dvc.yaml").read_text()] == [listing, DVC]


CHAT = '\n{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "red"}]}\n'
ADDED = [  # name, text, columns, what it is taken for
    ("b.csv", "message,label\nhi,red\n", None, "csv, 1 rows taken for fields 1"),
    ("c.csv", "tags,label,Text\na,red,hi\n", None, "csv, 1 rows taken for fields 1"),
    (
        "d.csv",
        "\ufeffquestion,colour\nhi,red\n",
        {"input": "question", "answer": {"label": "colour"}},
        "csv, 1 rows taken for columns 1",
    ),
    (
        "e.jsonl",
        '{"question": "hi", "colour": "red", "group": "c7"}\n',
        {"input": "question", "answer": {"label": "colour"}, "group": "group"},
        "jsonl, 1 rows taken for columns 1",
    ),
    ("chat.jsonl", CHAT, None, "jsonl, 1 rows taken for chat 1"),
    ("pairs.jsonl", ROW, None, "jsonl, 1 rows taken for prompt_completion 1"),
    ("rows.json", f"[{ROW},\n{ROW}]", None, "json, 2 rows taken for prompt_completion 2"),
    ("g.csv", "group,label,text,tags,mood\nc7,red,hi,a,good\n", None, "csv, 1 rows taken for fields 1"),
    ("Größe-1.v2.csv", "text;label\nhi;red\n", None, "csv, 1 rows taken for fields 1"),
]


@pytest.mark.parametrize(("name", "text", "columns", "taken"), ADDED)
def test_source_is_listed_once_in_both_places(name, text, columns, taken, project):
    path = project / "data/raw" / name
    path.write_text(text, encoding="utf-8")
    for _ in range(2):
        found = add(path.relative_to(project))
        assert str(found).startswith(taken)
        assert str(found).endswith("examples, no rejects")
    listed = [(one["file"], one.get("format"), one.get("columns")) for one in sources()]
    assert listed == [("first.jsonl", None, None), (name, None, columns)]
    pipeline = Path("dvc.yaml").read_text()
    assert yaml.safe_load(pipeline)["stages"]["ingest"]["deps"].count(f"data/raw/{name}") == 1
    assert pipeline.replace(f"      - data/raw/{name}\n", "") == DVC


GOOD, BAD = '{"text": "hi", "label": "red"}\n', '{"text": "hi"}\n'


@pytest.mark.parametrize("rows", [GOOD + BAD, BAD + GOOD])
def test_file_of_which_half_are_examples_is_listed_and_says_what_is_not(rows, project):
    path = project / "data/raw/half.jsonl"
    path.write_text(rows)
    found = add(Path("data/raw/half.jsonl"))
    assert (found.rows, found.rejects) == (2, 1)
    assert str(found).endswith(f"1 examples, 1 rejects, the first {found.first.place}: {found.first.reason}")
    assert "data/raw/half.jsonl" in deps()


def test_file_of_which_most_are_no_examples_is_refused(project):
    (project / "data/raw/most.jsonl").write_text(GOOD + BAD + BAD)
    with pytest.raises(Fault, match=r"data/raw/most\.jsonl:2: 2 of 3 rows are no examples, the first: .*text"):
        add(Path("data/raw/most.jsonl"))
    assert_untouched()


def test_entry_that_was_written_by_hand_is_what_counts(project):
    LISTING.write_text(
        SOURCES + "  - {file: odd.jsonl, origin: human, answered_by: human, licence: own, rights: own,\n"
        "     columns: {input: body, answer: {label: mark}}}\n"
    )
    (project / "data/raw/odd.jsonl").write_text('{"body": "hi", "mark": "red", "more": 1}\n')
    assert add(Path("data/raw/odd.jsonl")).shapes == {"columns": 1}
    assert "data/raw/odd.jsonl" in deps()


@pytest.mark.parametrize("listing", [new.SOURCES_SKELETON, "sources: [ ]\n", "sources:\n", "sources: []"])
def test_source_joins_an_empty_list_however_it_is_written(listing, project):
    (project / "task/answer.schema.json").write_text('{"type": "string"}')
    LISTING.write_text(listing)
    (project / "data/raw/faq.csv").write_text("question,reply\nhi,hello\n")
    add(project / "data/raw/faq.csv")
    assert [(one["file"], one["columns"]) for one in sources()] == [
        ("faq.csv", {"input": "question", "answer": "reply"})
    ]
    assert "data/raw/faq.csv" in deps()


BLOCK = "".join(f"    {pair.strip()}\n" for pair in ENTRY.strip("{}").split(","))
UNUSUAL = [
    f"sources:\n- {ENTRY}\n",
    f"sources:\n    - {ENTRY}\n",
    f"sources: [{ENTRY}]\n",
    f"sources: [\n  {ENTRY},\n]\n",
    f"{{sources: [{ENTRY}]}}\n",
    f"---\nsources:\n  - {ENTRY}\n...\n",
    f"sources:\n  - {ENTRY}\n# the end",
    f"sources:\n  - {ENTRY}  # a remark\n\n\n",
    f"sources:\n  -\n{BLOCK}",
    f'"sources":\n  - {ENTRY}\n',
    f"sources: # a remark\n  - {ENTRY}\n",
    f"sources:\r\n  - {ENTRY}\r\n",
    "sources: []  # none yet\n",
    "sources: [\n]\n",
    "sources: null\n",
    "sources: ~ # none\n",
]


@pytest.mark.parametrize("listing", UNUSUAL)
def test_unusual_list_takes_the_source_or_stays_as_it_is(listing, project):
    LISTING.write_bytes(listing.encode())
    (project / "data/raw/b.csv").write_text("message,label\nhi,red\n")
    before = [one["file"] for one in sources() or []]
    with contextlib.suppress(Fault):
        add(Path("data/raw/b.csv"))
        assert [source.file for source in load_sources(LISTING)] == [*before, "b.csv"]
        assert all((remark in LISTING.read_text()) == (remark in listing) for remark in ("# a remark", "# the end"))
        assert "data/raw/b.csv" in deps()
        return
    assert_untouched(listing)


def test_source_with_groups_passes_the_check_of_the_inputs(project):
    (project / "data/raw/b.csv").write_text("message,label,group,tags\nhi,red,c7,a;b\n")
    add(Path("data/raw/b.csv"))
    check_inputs()


ODD_NAMES = [
    "faq #1.csv",
    "a b.csv",
    "a: b.csv",
    "{a}.csv",
    "*.csv",
    "a\nb.csv",
    ".hidden.csv",
    "${x}.csv",
    "'a'.csv",
    "a,b.csv",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_name_that_yaml_or_dvc_could_misread_is_refused(name, project):
    (project / "data/raw" / name).write_text("message,label\nhi,red\n")
    with pytest.raises(Fault, match="has a name that YAML or DVC could misread; rename it") as caught:
        add(project / "data/raw" / name)
    assert len(str(caught.value).splitlines()) == 1
    assert_untouched()


ODD_CSV = ["", "body,label\nx,red\n", "text,colour,mood\nx,red,good\n"]
ODD_JSON = ['{"body": "x", "reply": "y"}\n', "[1]\n", "", "hello\n", '{"messages": []}\n', "\0\0"]


@pytest.mark.parametrize(("end", "text"), [("csv", text) for text in ODD_CSV] + [("jsonl", text) for text in ODD_JSON])
def test_file_of_unknown_form_is_refused_and_nothing_is_written(end, text, project):
    path = project / f"data/raw/odd.{end}"
    path.write_text(text)
    with pytest.raises(Fault, match=rf"data/raw/odd\.{end}(:1)?: .*; "):
        add(path)
    assert_untouched()


@pytest.mark.parametrize("name", ["README.md", "data/raw/gone.csv"])
def test_file_elsewhere_or_missing_is_refused(name, project):
    with pytest.raises(Fault, match="is no file in data/raw"):
        add(project / name)
