"""The desk: listing a source, a team's own start, and the check of the inputs, in a small project made for the test."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.desk import new
from pipeline.desk.add_source import add
from pipeline.desk.inputs import check_inputs
from pipeline.stage import Fault
from tests.project import git

SCHEMA = {"type": "object", "properties": {"label": {"type": "string", "enum": ["red", "blue"]}}, "required": ["label"]}
PARAMS = """ingest: {max_rejects: 0}
validate: {min_examples: 1, max_label_share: 1.0, max_question_chars: 100, max_answer_chars: 100}
synthesize: {max_overlap: 0.5}
split:
  salt: sample              # a remark
  test_share: 0.2
  validation_share: 0.1
train: {seed: 1, epochs: 1, learning_rate: 0.001, schedule: cosine, warmup_share: 0.0, weight_decay: 0.0, batch_size: 1,
  accumulate: 1, max_length: 64, dtype: auto, device: auto, threads: 1,
  lora: {r: 1, alpha: 1, dropout: 0.0, targets: all-linear}}
arms: {base: {model: models/base.json, prompt: plain}}
predict: {max_new_tokens: 8, batch_size: 1, dtype: auto, device: auto, threads: 1}
evaluate:
  margin: 0.05
  targets:
    exact_label: 0.6
    format_accuracy: 0.8
regress: {margin: 0.05}
"""
ROW = '{"prompt": "a red door", "completion": "{\\"label\\": \\"red\\"}"}\n'
DVC = """stages:
  ingest:
    deps:
      - data/raw/sources.yaml
      - data/raw/first.jsonl
      - pipeline/ingest.py   # code, no data
"""
ENTRY = "{file: first.jsonl, format: prompt_completion, origin: human, answered_by: human, licence: own, rights: own}"
SOURCES = f"# a remark\nsources:\n  - {ENTRY}\n"
QUESTION = '{"id": "a", "messages": [{"role": "user", "content": "x"}], "check": {"kind": "exact", "value": "x"}}\n'
FILES = {
    "params.yaml": PARAMS,
    "dvc.yaml": DVC,
    "data/raw/sources.yaml": SOURCES,
    "data/raw/first.jsonl": ROW,
    "data/feedback/one.jsonl": '{"messages": [{"role": "assistant", "content": "y"}]}\n',
    "data/ledgers/teacher/t.jsonl": "{}\n",
    "data/ledgers/reviews/r.jsonl": "{}\n",
    "task/answer.schema.json": json.dumps(SCHEMA),
    "task/expectations.json": '{"name": "records", "expectations": []}',
    "task/prompts/plain.yaml": "system: Name the colour of a sample.\nfew_shot: []\n",
    "task/cases/must_pass.jsonl": QUESTION,
    "task/probes/general.jsonl": QUESTION,
    "task/test_set.txt": "# frozen\nabc\n",
    "task/README.md": "# The task: sample\n",
    "models/base.json": '{"model": "models/toy", "revision": "", "licence": "own", "files": {"config.json": "0"}}',
    "models/toy/config.json": "{}",
    "reports/evaluation.json": "{}\n",
    "pyproject.toml": '[project]\nname = "sample"\n\n[tool.x]\nname = "kept"\n',
    "README.md": "# sample\n\nText.\n# Another heading\n",
}


def sources():
    """What the current folder's list of sources says."""
    return yaml.safe_load(Path("data/raw/sources.yaml").read_text())["sources"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, and the current folder in it."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def repository(project):
    """The same under git, with one commit."""
    for words in ("init -q", "add -A", "commit -qm sample"):
        git(project, *words.split())
    return project


ADDED = [  # name, text, form, columns
    ("b.csv", "message,label\nhi,red\n", "csv", {"input": "message", "answer": {"label": "label"}}),
    ("c.csv", "tags,label,Text\na,red,hi\n", "csv", {"input": "Text", "answer": {"label": "label"}, "tags": "tags"}),
    ("d.csv", "\ufeffquestion,colour\nhi,red\n", "csv", {"input": "question", "answer": {"label": "colour"}}),
    ("chat.jsonl", '\n{"messages": []}\n', "chat", None),
    ("pairs.jsonl", ROW, "prompt_completion", None),
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


@pytest.mark.parametrize("listing", [new.SOURCES_SKELETON, "sources: [ ]\n", f"sources:\n- {ENTRY}\n"])
def test_source_joins_a_list_however_it_is_written(listing, project):
    (project / "task/answer.schema.json").write_text('{"type": "string"}')
    (project / "data/raw/sources.yaml").write_text(listing)
    (project / "data/raw/faq #1.csv").write_text("question,reply\nhi,hello\n")
    add(project / "data/raw/faq #1.csv")
    assert sources()[-1]["columns"] == {"input": "question", "answer": "reply"}
    assert "data/raw/faq #1.csv" in yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["ingest"]["deps"]


ODD_CSV = ["", "body,label\nx,red\n", "text,colour,mood\nx,red,good\n"]
ODD_JSON = ['{"question": "x", "answer": "y"}\n', "[1]\n", "", "hello\n"]


@pytest.mark.parametrize(("end", "text"), [("csv", text) for text in ODD_CSV] + [("jsonl", text) for text in ODD_JSON])
def test_file_of_unknown_form_is_refused_and_nothing_is_written(end, text, project):
    path = project / f"data/raw/odd.{end}"
    path.write_text(text)
    with pytest.raises(Fault, match=rf"data/raw/odd\.{end}: .*; "):
        add(path)
    assert [Path(name).read_text() for name in ("data/raw/sources.yaml", "dvc.yaml")] == [SOURCES, DVC]


@pytest.mark.parametrize("name", ["README.md", "data/raw/gone.csv"])
def test_file_elsewhere_or_missing_is_refused(name, project):
    with pytest.raises(Fault, match="is no file in data/raw"):
        add(project / name)


@pytest.mark.parametrize("name", ["", "a", "Colours", "1st", "two words", "x_y", "../up", "a" * 42])
@pytest.mark.usefixtures("repository")
def test_new_refuses_a_bad_name(name):
    with pytest.raises(Fault, match="is no project name"):
        new.check(name)


def test_new_refuses_a_work_tree_with_changes(repository):
    new.check("a" * 41)
    (repository / "mine.txt").write_text("unsaved work")
    with pytest.raises(Fault, match=r"mine\.txt: is changed and not committed"):
        new.check("colours")


@pytest.mark.usefixtures("project")
def test_new_outside_of_git_says_so_in_a_line():
    with pytest.raises(Fault, match="git"):
        new.check("colours")


def test_new_leaves_no_sample_and_renames(repository, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["new", "colours"])
    new.main()
    assert "colours" in capsys.readouterr().out
    left = {path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file()}
    gone = {name for name in FILES if name.startswith(("data/", "task/cases/", "reports/"))} - {"data/raw/sources.yaml"}
    assert left & set(FILES) == set(FILES) - gone
    assert not [name for name in left if not name.startswith(".git/") and "sample" in (repository / name).read_text()]
    params, deps = (yaml.safe_load(Path(name).read_text()) for name in ("params.yaml", "dvc.yaml"))
    assert (params["split"]["salt"], params["evaluate"]["targets"]) == ("colours", {"format_accuracy": 0.9})
    assert params["train"]["lora"]["targets"] == "all-linear"
    assert deps["stages"]["ingest"]["deps"] == ["data/raw/sources.yaml", "pipeline/ingest.py"]
    assert (repository / "pyproject.toml").read_text() == '[project]\nname = "colours"\n\n[tool.x]\nname = "kept"\n'
    assert (repository / "README.md").read_text() == "# colours\n\nText.\n# Another heading\n"
    with pytest.raises(Fault, match="lists no source; add your data with make add-source"):
        check_inputs()


def test_good_inputs_pass_and_a_change_is_seen(project):
    check_inputs()
    (project / "data/raw/first.jsonl").write_text(ROW + "{\n")
    with pytest.raises(Fault, match=r"first\.jsonl:2: not JSON"):
        check_inputs()


NO_ANSWER = '{"messages": [{"role": "user", "content": "x"}]}\n'
BAD = [
    ("params.yaml", PARAMS.replace("seed: 1, ", ""), r"params\.yaml: train\.seed: is missing"),
    ("params.yaml", PARAMS.replace("exact_label", "exact_colour"), r"evaluate\.targets\.exact_colour: is no metric"),
    ("params.yaml", PARAMS.replace("0.001", "1e-3"), r"train\.learning_rate: is '1e-3'.*1\.0e-03"),
    ("params.yaml", PARAMS.replace("prompt: plain", "prompt: gone"), r"task/prompts/gone\.yaml: no such file"),
    ("data/raw/first.jsonl", ROW + "{not json\n", r"data/raw/first\.jsonl:2: not JSON"),
    ("data/raw/first.jsonl", None, r"data/raw/first\.jsonl: is listed in sources\.yaml and is not there"),
    ("data/raw/other.csv", "a,b\n", r"data/raw/other\.csv: is not listed in sources\.yaml"),
    ("data/raw/first.jsonl", "", r"data/raw/first\.jsonl: is empty"),
    ("data/feedback/one.jsonl", NO_ANSWER, r"data/feedback/one\.jsonl:1: no assistant turn"),
    ("models/toy/config.json", None, r"models/toy/config\.json: is pinned in models/base\.json and is not there"),
    ("models/base.json", FILES["models/base.json"].replace("toy", "x"), r"models/base\.json: names the base models/x"),
    ("dvc.yaml", DVC.replace("first", "second"), r"dvc\.yaml: stage ingest does not list data/raw/first\.jsonl"),
    (
        "dvc.yaml",
        DVC.replace("first.jsonl", "first.jsonl\n      - data/raw/x.csv"),
        r"dvc\.yaml: stage ingest lists .*x\.csv",
    ),
    ("task/answer.schema.json", '{"type": 3}', r"answer\.schema\.json: is not a JSON Schema"),
    ("task/probes/general.jsonl", "{not json\n", r"task/probes/general\.jsonl:1: is not JSON"),
    ("task/cases/must_pass.jsonl", QUESTION + "{}\n", r"task/cases/must_pass\.jsonl:2\.id: is missing"),
]


@pytest.mark.parametrize(("name", "text", "said"), BAD)
def test_bad_input_is_named_in_one_line(name, text, said, project):
    (project / name).unlink() if text is None else (project / name).write_text(text)
    with pytest.raises(Fault, match=said) as raised:
        check_inputs()
    assert len(str(raised.value).splitlines()) == 1
