"""Listing a source: it stands in both places once, or it is refused and no file has changed."""

import contextlib
from pathlib import Path

import pytest
import yaml

from pipeline.data.sources import load_sources
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


ADDED = [  # name, text, form, columns
    ("b.csv", "message,label\nhi,red\n", "csv", {"input": "message", "answer": {"label": "label"}}),
    ("c.csv", "tags,label,Text\na,red,hi\n", "csv", {"input": "Text", "answer": {"label": "label"}, "tags": "tags"}),
    ("d.csv", "\ufeffquestion,colour\nhi,red\n", "csv", {"input": "question", "answer": {"label": "colour"}}),
    ("chat.jsonl", '\n{"messages": []}\n', "chat", None),
    ("pairs.jsonl", ROW, "prompt_completion", None),
    (
        "g.csv",
        "group,label,text,tags,mood\nc7,red,hi,a,good\n",
        "csv",
        {"input": "text", "answer": {"label": "label"}, "group": "group", "tags": "tags"},
    ),
    ("Größe-1.v2.csv", "text,label\nhi,red\n", "csv", {"input": "text", "answer": {"label": "label"}}),
]


@pytest.mark.parametrize(("name", "text", "form", "columns"), ADDED)
def test_source_is_listed_once_in_both_places(name, text, form, columns, project):
    path = project / "data/raw" / name
    path.write_text(text, encoding="utf-8")
    for _ in range(2):
        add(path.relative_to(project))
    listed = [(one["file"], one["format"], one.get("columns")) for one in sources()]
    assert listed == [("first.jsonl", "prompt_completion", None), (name, form, columns)]
    pipeline = Path("dvc.yaml").read_text()
    assert yaml.safe_load(pipeline)["stages"]["ingest"]["deps"].count(f"data/raw/{name}") == 1
    assert pipeline.replace(f"      - data/raw/{name}\n", "") == DVC


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
ODD_JSON = ['{"question": "x", "answer": "y"}\n', "[1]\n", "", "hello\n"]


@pytest.mark.parametrize(("end", "text"), [("csv", text) for text in ODD_CSV] + [("jsonl", text) for text in ODD_JSON])
def test_file_of_unknown_form_is_refused_and_nothing_is_written(end, text, project):
    path = project / f"data/raw/odd.{end}"
    path.write_text(text)
    with pytest.raises(Fault, match=rf"data/raw/odd\.{end}: .*; "):
        add(path)
    assert_untouched()


@pytest.mark.parametrize("name", ["README.md", "data/raw/gone.csv"])
def test_file_elsewhere_or_missing_is_refused(name, project):
    with pytest.raises(Fault, match="is no file in data/raw"):
        add(project / name)
