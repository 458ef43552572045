"""The desk: a team's own start, the check of the inputs, and arms that are gone, in a small project made for the test."""

import json
import re
from pathlib import Path

import pytest
import yaml

from pipeline.data.meter import Meter, set_aside
from pipeline.desk import new, seeds
from pipeline.desk.inputs import check_inputs
from pipeline.desk.run import forget_arms, write_run_report
from pipeline.stage import Fault
from tests.desk_project import DVC, FILES, OPINION, PARAMS, QUESTION, RATING, REPLY, REVIEW, ROW, make
from tests.project import ROOT, git


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, and the current folder in it."""
    folder = make(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def repository(project):
    """The same under git, with one commit."""
    for words in ("init -q", "add -A", "commit -qm sample"):
        git(project, *words.split())
    return project


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
    texts = {name: (repository / name).read_text() for name in left if not name.startswith(".git/")}
    keys = re.compile(r"^ +(?:language_)?sample:", re.MULTILINE)  # of the monitor: requests that are looked at
    assert not [name for name, text in texts.items() if "sample" in keys.sub("", text)]
    params, deps = (yaml.safe_load(Path(name).read_text()) for name in ("params.yaml", "dvc.yaml"))
    assert (params["split"]["salt"], params["evaluate"]["targets"]) == ("colours", {"format_accuracy": 0.9})
    assert params["train"]["adapter"]["targets"] == "all-linear"
    assert [rule.get("metric") for rule in params["gate"]["rules"]] == ["format_accuracy", None]
    assert deps["stages"]["ingest"]["deps"] == ["data/raw/sources.yaml", "pipeline/ingest.py"]
    assert (repository / "pyproject.toml").read_text() == '[project]\nname = "colours"\n\n[tool.x]\nname = "kept"\n'
    assert (repository / "README.md").read_text() == "# colours\n\nText.\n# Another heading\n"
    with pytest.raises(Fault, match="lists no source; add your data with make add-source"):
        check_inputs()


ACCEPTED = "arms:\n  accepted:  # in production\n    model: models/accepted\n    prompt: own\n"


def test_new_takes_the_accepted_model_out(repository):
    (repository / "params.yaml").write_text(
        PARAMS.replace("arms:\n", ACCEPTED) + "publish:  # a remark\n  name: sample\n"
    )
    for name in ("models/accepted.dvc", "models/accepted.json", "models/accepted/weights"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("sample")
    new.empty("colours")
    new.rename("colours")
    params = yaml.safe_load(Path("params.yaml").read_text())
    assert params["arms"] == {"base": {"model": "models/base.json", "prompt": "plain"}}
    assert params["publish"] == {"name": "colours"}
    assert not [*Path("models").glob("accepted*")]
    assert yaml.safe_load(Path("task/prompts/own.yaml").read_text()) == {"system": "", "few_shot": []}


def test_good_inputs_pass_and_a_change_is_seen(project):
    check_inputs()
    (project / "data/raw/first.jsonl").write_text(ROW + "{\n")
    with pytest.raises(Fault, match=r"first\.jsonl:2: not JSON"):
        check_inputs()


TONE = (
    '{model: models/classifiers/tone, label: x, is_wanted: true, field: "", pair: false, max_length: 8, batch_size: 1}'
)
UNKNOWN = '{"name": "records", "expectations": [{"type": "x", "kwargs": {"max_value": {"$PARAMETER": "max_chars"}}}]}'
NO_ANSWER = '{"messages": [{"role": "user", "content": "x"}]}\n'
JUDGING = PARAMS.replace("{pairs: []", "{pairs: [[base, other]]").replace(
    "arms:\n", "arms:\n  other: {model: models/base.json, prompt: plain}\n"
)
BAD = [
    ("params.yaml", PARAMS.replace("seed: 1, ", ""), r"params\.yaml: train\.seed: is missing"),
    ("params.yaml", PARAMS.replace("exact_label", "exact_colour"), r"evaluate\.targets\.exact_colour: is no metric"),
    (
        "params.yaml",
        PARAMS.replace("0.001", "1e-3"),
        r"train\.lora\.learning_rate: is '1e-3'.*write it with a point, 0\.001 ",
    ),
    (
        "params.yaml",
        PARAMS.replace("prompt: plain", "prompt: own"),
        r"arms\.base\.prompt: is own, and its model carries",
    ),
    (
        "params.yaml",
        PARAMS.replace("arms:\n", ACCEPTED),
        r"arms\.accepted: is there without models/accepted\.dvc; take",
    ),
    ("params.yaml", PARAMS.replace("prompt: plain", "prompt: gone"), r"task/prompts/gone\.yaml: no such file"),
    (
        "params.yaml",
        PARAMS.replace("engine: transformers", "engine: tgi"),
        r"predict\.engine: is 'tgi': input should be",
    ),
    (
        "params.yaml",
        PARAMS.replace("engine: transformers", "engine: vllm"),
        r"vllm\.command: names x, and there is no such",
    ),
    ("params.yaml", PARAMS.replace("port: 0", "port: 70000"), r"predict\.vllm\.port: is 70000: input should be less"),
    ("params.yaml", PARAMS.replace("start_s: 1.0, ", ""), r"predict\.vllm\.start_s: is missing; add it"),
    ("data/raw/first.jsonl", ROW + "{not json\n", r"data/raw/first\.jsonl:2: not JSON"),
    ("data/raw/first.jsonl", None, r"data/raw/first\.jsonl: is listed in sources\.yaml and is not there"),
    ("data/raw/other.csv", "a,b\n", r"data/raw/other\.csv: is not listed in sources\.yaml"),
    ("data/raw/first.jsonl", "", r"data/raw/first\.jsonl: is empty"),
    ("data/feedback/one.jsonl", NO_ANSWER, r"data/feedback/one\.jsonl:1: no assistant turn"),
    ("models/toy/config.json", None, r"models/toy/config\.json: is pinned in models/base\.json and is not there"),
    ("models/base.json", FILES["models/base.json"].replace("toy", "x"), r"models/base\.json: names the base models/x"),
    (
        "params.yaml",
        PARAMS.replace("classifiers: {}", f"classifiers: {{tone: {TONE}}}"),
        r"classify\.classifiers\.tone\.model: names models/classifiers/tone, and there is no such folder or file; put",
    ),
    ("dvc.yaml", DVC.replace("first", "second"), r"dvc\.yaml: stage ingest does not list data/raw/first\.jsonl"),
    (
        "dvc.yaml",
        DVC.replace("first.jsonl", "first.jsonl\n      - data/raw/x.csv"),
        r"dvc\.yaml: stage ingest lists .*x\.csv",
    ),
    ("task/answer.schema.json", '{"type": 3}', r"answer\.schema\.json: is not a JSON Schema"),
    ("task/probes/general.jsonl", "{not json\n", r"task/probes/general\.jsonl:1: is not JSON"),
    ("task/probes/general.jsonl", QUESTION.replace("x", "y", 1) + QUESTION, r"general\.jsonl:2: id a comes twice"),
    ("task/probes/general.jsonl", QUESTION.replace("}}", '}, "twin": "b"}'), r"task/probes: a names b as its twin"),
    ("task/test_set.txt", b"\xff\n", r"task/test_set\.txt: is not UTF-8 text"),
    ("task/expectations.json", UNKNOWN, r"task/expectations\.json: asks for the parameter max_chars"),
    ("data/ledgers/teacher/t.jsonl", REPLY + "{}\n", r"data/ledgers/teacher/t\.jsonl:2: date: is missing"),
    ("data/ledgers/reviews/r.jsonl", REVIEW.replace("approve", "ok"), r"reviews/r\.jsonl:1: decision: is 'ok'"),
    (
        "data/ledgers/ratings/v.jsonl",
        RATING + RATING.replace("correct", "x"),
        r"v\.jsonl:2: dimension: is 'x', and rate",
    ),
    ("data/ledgers/judge/j.jsonl", OPINION.replace('"finish": "stop", ', ""), r"judge/j\.jsonl:1: finish: is missing"),
    ("params.yaml", JUDGING.replace("[base, other]", "[base, tuned]"), r"judge\.pairs: names 'tuned', which is no arm"),
    ("params.yaml", JUDGING, r"params\.yaml: judge\.service\.model: is empty"),
    (
        "params.yaml",
        JUDGING.replace("Which helps", "Which helps, kind: Which"),
        r"task/judge\.yaml: dimensions: has no kind",
    ),
    ("params.yaml", PARAMS.replace("share: 0.5", "share: 0.4"), r"judge\.counts\.share: is 0\.4"),
    ("params.yaml", PARAMS.replace("correct: Which", "right: Which"), r"v\.jsonl:1: dimension: is 'correct', and rate"),
    ("params.yaml", PARAMS.replace("arms: [tuned, base], ", ""), r"params\.yaml: rate\.arms: is missing"),
    ("params.yaml", PARAMS.replace("exact_label: 0.6", "exact_label: 60.0"), r"evaluate\.targets\.exact_label: is 60"),
    (
        "params.yaml",
        PARAMS + "regress: {margin: 0.05}\n",
        r"params\.yaml:\d+: is not YAML \(the key regress stands twice",
    ),
    ("task/cases/must_pass.jsonl", QUESTION + "{}\n", r"task/cases/must_pass\.jsonl:2: id: is missing"),
]


@pytest.mark.parametrize(("name", "text", "said"), BAD)
def test_bad_input_is_named_in_one_line(name, text, said, project):
    if text is None:
        (project / name).unlink()
    else:
        (project / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Fault, match=said) as raised:
        check_inputs()
    assert len(str(raised.value).splitlines()) == 1


def test_an_engine_that_is_not_asked_for_need_not_be_there(project):
    (project / "params.yaml").write_text(PARAMS.replace("x {model} {port}", "no-such-server"))
    check_inputs()


def test_inputs_pass_before_the_test_set_is_drawn(project):
    (project / "task/test_set.txt").unlink()
    check_inputs()


def test_the_run_s_report_has_what_asking_each_arm_took_here_or_elsewhere(project):
    earlier = {"stages": {"train": {"seconds": 1}}, "arms": {"base": {"cost": 0.1}, "gone": {"cost": 9.0}}}
    report = project / "reports/run.json"
    report.write_text(json.dumps(earlier))
    write_run_report(1.0)
    assert json.loads(report.read_text())["arms"] == {"base": {"cost": 0.1}}  # asked on another machine
    with Meter("service").writing("base") as meter:
        for seconds in (1.0, 2.0, 9.0):
            meter.add(seconds, 100, 10, 0.25)
    with Meter("service").writing("gone") as meter:
        meter.add(1.0, 1, 1, 1.0)
    write_run_report(1.0)
    found = json.loads(report.read_text())
    assert found["stages"] == {"train": {"seconds": 1}}
    assert list(found["arms"]) == ["base"]
    took = found["arms"]["base"]
    assert took["latency_s"] == {"mean": 4.0, "median": 2.0, "p95": 9.0, "most": 9.0}
    assert (took["engine"], took["answers"], took["prompt_tokens"], took["answer_tokens"]) == ("service", 3, 300, 30)
    assert took["cost"] == 0.75
    with set_aside(), Meter("service").writing("base") as meter:
        meter.add(5.0, 1, 1)  # another seed's model under the same name
    report.write_text('{"stages": {}}')  # of an earlier version
    write_run_report(1.0)
    assert json.loads(report.read_text())["arms"]["base"] == took


@pytest.mark.usefixtures("project")
def test_answers_of_an_arm_that_is_gone_are_deleted_and_no_others(capsys):
    folder = Path("data/predictions")
    forget_arms()
    for name in ("base", "base2", "tuned"):
        (folder / name).mkdir(parents=True)
        (folder / name / "answers.jsonl").write_text(name)
    (folder / ".gitignore").write_text("/base\n")
    forget_arms()
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {"base/answers.jsonl", ".gitignore"}
    told = capsys.readouterr().out
    assert [f"data/predictions/{name}:" in told for name in ("base", "base2", "tuned")] == [False, True, True]


def test_a_run_with_another_seed_asks_no_judge_and_all_else_stays(tmp_path):
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    path.write_text(re.sub(r"(?m)^  pairs: \[\]", "  pairs: [[tuned, base], [tuned, prompted]]", text))
    assert yaml.safe_load(path.read_text())["judge"]["pairs"]
    seeds.ask_no_judge(path)
    assert path.read_text() == text
    path.write_text(text.replace("  pairs: []", "  pairs:\n    - [tuned, base]"))
    with pytest.raises(Fault, match=r"has no line of its own for judge\.pairs"):
        seeds.ask_no_judge(path)
