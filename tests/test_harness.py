"""Tasks of lm-evaluation-harness: what is refused before anything runs, and with the harness installed (make rehearse) the real thing."""

import json
import sys

import pytest

from pipeline import predict
from pipeline.data import harness as tasks
from pipeline.data.harness import HarnessParams, check_tasks
from pipeline.data.predictions import Predictions, read_predictions
from pipeline.data.records import write_jsonl, write_records
from pipeline.model.base import load_model, load_tokenizer
from pipeline.stage import Fault, load_params
from tests.lessons import project
from tests.project import ROOT, record

TOY = """task: toy
tag: small
dataset_path: json
dataset_kwargs: {data_files: {test: toy.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""
DRAWN = """task: drawn
include: base/toy.yaml
output_type: generate_until
doc_to_choice: null
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["?"], max_gen_toks: 6, do_sample: true, temperature: 2.0}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""
TOLD = """task: told
include: base/toy.yaml
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list:
  - metric: word_perplexity
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of tasks: one that stands alone, and one that includes a part of it and wants to draw."""
    place = tmp_path / "harness"
    place.mkdir()
    (place / "toy.yaml").write_text(TOY)
    (place / "base").mkdir()
    (place / "base/toy.yaml").write_text(TOY.replace("task: toy\ntag: small\n", ""))
    (place / "drawn.yaml").write_text(DRAWN)
    rows = [{"question": f"Is door {n} red?", "choices": ["yes", "no, green"], "answer": n % 2} for n in range(9)]
    write_jsonl(place / "toy.jsonl", rows)
    return place


@pytest.fixture
def is_installed(monkeypatch):
    """As if the harness were installed; what is checked beforehand does not import it."""
    monkeypatch.setattr(tasks, "find_spec", lambda name: name)


def test_where_no_task_is_named_nothing_is_looked_at(tmp_path):
    check_tasks([], tmp_path / "is not there")


def test_without_the_harness_a_line_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(Fault, match="install it with make setup-harness"):
        check_tasks(["toy"], folder)


@pytest.mark.usefixtures("is_installed")
def test_tasks_tags_and_groups_are_known_by_name(folder):
    (folder / "all.yaml").write_text("group: all\ntask: [toy, drawn]\n")
    check_tasks(["toy", "drawn", "small", "all"], folder)
    with pytest.raises(Fault, match=r"predict\.harness\.tasks: .*harness has no task joy; .*: all, drawn, small, toy$"):
        check_tasks(["toy", "joy"], folder)
    with pytest.raises(Fault, match="toy stands twice"):
        check_tasks(["toy", "toy"], folder)


@pytest.mark.usefixtures("is_installed")
@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "dataset_path: json",
            "dataset_path: allenai/ai2_arc",
            r"toy\.yaml: takes the data set allenai/ai2_arc from the",
        ),
        (
            "toy.jsonl",
            "https://example.org/toy.jsonl",
            r"toy\.yaml: takes https://example\.org/toy\.jsonl from the network",
        ),
        ("toy.jsonl", "../outside.jsonl", r"toy\.yaml: reads \.\./outside\.jsonl, which is not in"),
        ("toy.jsonl", "lost.jsonl", r"toy\.yaml: .*lost\.jsonl: no such file"),
        ("dataset_kwargs: {data_files: {test: toy.jsonl}}", "", "names no file of documents"),
        ("tag: small", "unsafe_code: true", "runs what the model writes as code"),
        ("tag: small", "include: ../outside.yaml", r"includes \.\./outside\.yaml, which is not in"),
        ("tag: small", "include: toy.yaml", r"includes toy\.yaml, which includes it"),
        ("tag: small", "tag: [small", r"toy\.yaml:\d+: is not YAML"),
    ],
)
def test_a_task_that_needs_what_is_not_in_the_folder_is_refused(folder, before, after, fault):
    for name in ("outside.jsonl", "outside.yaml"):
        (folder.parent / name).write_text("{}\n")
    assert before in TOY
    (folder / "toy.yaml").write_text(TOY.replace(before, after))
    with pytest.raises(Fault, match=fault):
        check_tasks(["toy"], folder)


@pytest.mark.usefixtures("is_installed")
def test_python_that_a_task_names_is_not_run_by_the_check(folder):
    (folder / "utils.py").write_text("raise SystemExit('ran')\n")
    (folder / "toy.yaml").write_text(TOY + "process_docs: !function utils.twice\n")
    check_tasks(["toy"], folder)


@pytest.fixture
def ask(base, folder, tmp_path, monkeypatch):
    """Asks an arm as the stage does; gives its predictions."""
    monkeypatch.chdir(tmp_path)
    for name in ("probes", "cases", "texts"):
        (tmp_path / name).mkdir()
    write_records(tmp_path / "test.jsonl", [record(1)])
    write_records(tmp_path / "new.jsonl", [])
    project(tmp_path, base)
    values = load_params(predict.PredictParams, ROOT / "params.yaml").model_dump()

    def run(names, out="out", limit=None, chat=False) -> Predictions:
        own = {"max_new_tokens": 4, "harness": {"tasks": names, "limit": limit, "chat": chat}}
        files = ("test.jsonl", "new.jsonl", "few_shot.jsonl", "probes", "cases", "texts", folder.name, "base.json")
        places = [tmp_path / one for one in (*files, "prompt.yaml", out)]
        predict.main(predict.PredictParams.model_validate(values | own), "base", *places)
        return read_predictions(tmp_path / out)

    return run


@pytest.mark.slow
def test_an_arm_that_is_asked_no_task_does_not_import_the_harness(ask, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    assert ask([]).measured == {}
    assert not (tmp_path / "out/harness.jsonl").exists()
    assert "harness" not in json.loads((tmp_path / "out/arm.json").read_text())["decoding"]


def likelihood(model, tokenizer, asked, said):
    """How likely a model holds what is said after what is asked, reckoned here."""
    import torch

    before, whole = tokenizer(asked)["input_ids"], tokenizer(asked + said)["input_ids"]
    with torch.inference_mode():
        told = model(torch.tensor([whole])).logits[0].log_softmax(-1)
    return sum(float(told[place - 1, whole[place]]) for place in range(len(before), len(whole)))


@pytest.mark.rehearsal
def test_a_task_measures_what_the_model_itself_holds_likelier(ask, base, folder):
    model, tokenizer = load_model(base, "float32", "cpu"), load_tokenizer(base)
    wanted = {}
    for number, line in enumerate((folder / "toy.jsonl").read_text().splitlines()):
        row = json.loads(line)
        likely = [likelihood(model, tokenizer, row["question"], f" {choice}") for choice in row["choices"]]
        wanted[number] = float(likely.index(max(likely)) == row["answer"])
    found = ask(["toy"]).measured
    assert found.keys() == {("toy", "acc")}
    assert {int(doc.split("-")[0]): value for doc, value in found["toy", "acc"].items()} == wanted
    assert 0 < sum(wanted.values()) < 9


@pytest.mark.rehearsal
def test_same_tasks_same_bytes_and_what_is_known_is_not_asked_again(ask, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "MEASURED", tmp_path / "one")
    first = ask(["toy", "drawn"], "first").measured
    assert first.keys() == {("toy", "acc"), ("drawn", "exact_match")}
    monkeypatch.setattr(predict, "MEASURED", tmp_path / "other")
    ask(["toy", "drawn"], "second")
    files = [(tmp_path / name / "harness.jsonl").read_bytes() for name in ("first", "second")]
    assert files[0] == files[1]
    kept = sorted((tmp_path / "other").iterdir())
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    ask(["toy", "drawn"], "third")
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "other").iterdir())] == times
    with (folder / "toy.jsonl").open("a") as file:
        file.write('{"question": "New?", "choices": ["yes", "no"], "answer": 0}\n')
    assert len(ask(["toy"], "fourth").measured["toy", "acc"]) == 10


@pytest.mark.rehearsal
def test_limit_and_chat_reach_the_harness(ask):
    plain, chat = (
        ask(["small"], limit=4).measured["toy", "acc"],
        ask(["small"], limit=4, chat=True).measured["toy", "acc"],
    )
    assert [doc.split("-")[0] for doc in plain] == [doc.split("-")[0] for doc in chat] == ["0", "1", "2", "3"]
    assert not plain.keys() & chat.keys()  # another question is another document


@pytest.mark.rehearsal
def test_what_cannot_be_compared_is_a_line(ask, folder):
    (folder / "told.yaml").write_text(TOLD)
    with pytest.raises(Fault, match=r"none of its metrics \(word_perplexity\) is a share of each document"):
        ask(["told"])
    (folder / "toy.yaml").write_text(TOY.replace("{{question}}", "{{questoin}}"))
    with pytest.raises(Fault, match=r"toy: lm-evaluation-harness cannot run it \(UndefinedError: 'questoin' is"):
        ask(["toy"])
    (folder / "toy.yaml").write_text(TOY.replace("metric: acc,", "metric: nothing_of_the_kind,"))
    with pytest.raises(Fault, match=r"toy: none of its metrics \(no known one\) is a share"):
        ask(["toy"])


@pytest.mark.rehearsal
def test_python_of_the_folder_makes_documents(ask, folder):
    (folder / "utils.py").write_text("def first(docs):\n    return docs.select(range(3))\n")
    (folder / "toy.yaml").write_text(TOY + "process_docs: !function utils.first\n")
    assert len(ask(["toy"]).measured["toy", "acc"]) == 3


def test_knobs_are_checked():
    assert HarnessParams(tasks=[], limit=None, chat=False).limit is None
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        HarnessParams(tasks=[], limit=0, chat=False)
