"""make checklist: what it says of a project in each state of its life, and of inputs that are wrong. It changes nothing."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from pipeline.data.predictions import read_predictions
from pipeline.data.records import record_id
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_questions, of_test_set
from pipeline.desk import checklist as module
from pipeline.desk import new
from pipeline.desk.checklist import marks
from pipeline.desk.deciding.settings import ChecklistParams
from pipeline.desk.seeds import shaped_by
from pipeline.stage import Fault, checked
from tests.desk_project import PARAMS, REVIEW, make
from tests.project import ROOT, git

REPLY = {
    "type": "object",
    "properties": {"label": {"enum": ["red", "blue"]}, "reply": {"type": "string"}},
    "required": ["label", "reply"],
}
OWN_PARAMS = PARAMS.replace("red: 20\n    sample: 10", "red: 20").replace("[en, hi, mr]", "[en]")
KEYS = (
    "What is wanted",
    "There are enough",
    "People have",
    "The answers need",
    "The wanted behaviour",
    "The prompt has",
)
KEYS += ("A request", "The fine-tune", "Its gain", "General skills")


def row(number, label, reply):
    return {"prompt": f"question {number} of a door", "completion": json.dumps({"label": label, "reply": reply})}


def rows(*given):
    Path("data/raw/first.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in given))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project of forty reviewed examples in git, without any run."""
    folder = make(tmp_path / "project")
    monkeypatch.chdir(folder)
    Path("task/answer.schema.json").write_text(json.dumps(REPLY))
    Path("task/README.md").write_text("exact_label and format_accuracy count\n")
    Path("data/feedback/one.jsonl").unlink()
    Path("reports/evaluation.json").unlink()
    Path("params.yaml").write_text(OWN_PARAMS)
    rows(*(row(n, "red" if n % 2 else "blue", "We will look into the door.") for n in range(40)))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "sample")
    return folder


def listed(capsys):
    """Mark and evidence of each claim by its beginning, and the advice."""
    module.main()
    text = capsys.readouterr().out
    checks, advice = text.split("What to do:")
    found = {}
    for line in checks.splitlines():
        if line[:1] in ("✓", "✗", "?"):
            (key,) = [key for key in KEYS if line[2:].startswith(key)]
            assert ("not known yet" in line) == (line[0] == "?")
            found[key] = (line[0], [])
        elif line.startswith("    "):
            found[key][1].append(line.strip())
    assert tuple(found) == KEYS
    return found, re.findall(r"\d\. ([a-z -]+): .*\.", advice)


def marks_of(found):
    return "".join(mark for mark, _ in found.values())


@pytest.mark.usefixtures("project")
def test_before_any_run_the_data_is_known_and_the_rest_is_not(capsys):
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    found, advice = listed(capsys)
    assert marks_of(found) == "✓✓✓✓??????"
    assert "40 examples, where 2 are wanted to change format and style" in found["There are enough"][1]
    assert "make baseline" in found["The prompt has"][1][0]
    assert advice == ["prompt"]
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_right_after_make_new_it_says_where_to_begin(project, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["new", "colours"])
    new.main()
    capsys.readouterr()
    found, advice = listed(capsys)
    assert marks_of(found) == "✗✗????????"
    assert "task/README.md does not name format_accuracy" in found["What is wanted"][1][1]
    assert advice == ["prompt", "collect data"]
    assert (project / "params.yaml").read_text().count("checklist:") == 1


@pytest.mark.usefixtures("project")
def test_examples_are_counted_without_the_test_set_and_once(capsys):
    given = [row(n, "red" if n % 2 else "blue", "We will look into the door.") for n in range(40)]
    held = [
        record_id([{"role": "user", "content": one["prompt"]}, {"role": "assistant", "content": one["completion"]}])
        for one in given
    ]
    Path("task/test_set.txt").write_text("\n".join(held[:10]))
    rows(*given, given[0], given[20])
    found, _ = listed(capsys)
    assert found["There are enough"][1] == [
        "30 examples, where 2 are wanted to change format and style",
        "each of 2 labels has 1 and more",
        "slice red has 15 of 20",
    ]


@pytest.mark.usefixtures("project")
def test_answers_full_of_facts_call_for_retrieval_with_their_places(capsys):
    rows(*(row(n, "red", f"We will be there in {1000 + 7 * n} hours.") for n in range(40)))
    found, advice = listed(capsys)
    mark, evidence = found["The answers need"]
    assert mark == "✗"
    assert evidence[0].startswith("40 of 40")
    assert all(re.fullmatch(r"data/raw/first\.jsonl:\d+: 1\d{3}", line) for line in evidence[1:])
    assert len(evidence) == 4
    assert "retrieve" in advice


@pytest.mark.usefixtures("project")
def test_a_fact_that_any_system_turn_tells_is_none(capsys):
    facts = [f"We will be there in {1000 + 7 * n} hours." for n in range(40)]
    rows(*(row(n, "red", fact) for n, fact in enumerate(facts)))
    Path("task/prompts/plain.yaml").write_text(json.dumps({"system": " ".join(facts), "few_shot": []}))
    found, advice = listed(capsys)
    assert (found["The answers need"][0], "retrieve" in advice) == ("✓", False)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("schema", "mark"),
    [({"type": "object", "properties": {"label": {"enum": ["red"]}}}, "?"), ({"type": "string"}, "✗")],
)
def test_only_free_text_is_looked_at(schema, mark, capsys):
    Path("task/answer.schema.json").write_text(json.dumps(schema))
    Path("params.yaml").write_text(OWN_PARAMS.replace("    exact_label: 0.6\n", ""))
    text = [
        {"prompt": f"question {n}", "completion": json.dumps({"label": "red", "reply": f"in {1000 + n}"})}
        for n in range(40)
    ]
    rows(*text)
    assert listed(capsys)[0]["The answers need"][0] == mark


@pytest.mark.usefixtures("project")
def test_texts_of_the_data_cannot_steer_the_terminal_and_personal_data_is_not_shown(capsys):
    evil = "\x1b]0;red\u202e\x07"
    rows(
        *(
            row(n, "red", f"https://x{n}.example/{evil} call +91 98200 1234{n:02}, 4111 1111 1111 1111")
            for n in range(40)
        )
    )
    module.main()
    printed = capsys.readouterr().out
    assert re.search(r"https://x\d+\.example/\\u001b", printed)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", printed)
    assert "98200" not in printed
    assert "4111" not in printed


@pytest.mark.usefixtures("project")
def test_examples_that_wait_are_a_reason_to_review(capsys):
    listing = Path("data/raw/sources.yaml")
    listing.write_text(listing.read_text().replace("origin: human", "origin: production"))
    found, advice = listed(capsys)
    assert found["People have"][0] == "✗"
    assert "waiting 40, disputed 0" in found["People have"][1][1]
    assert "collect data" in advice
    words = [json.loads(REVIEW) | {"record": line} for line in ids()]
    Path("data/ledgers/reviews/r.jsonl").write_text("".join(json.dumps(word) + "\n" for word in words))
    found, _ = listed(capsys)
    assert found["People have"] == (
        "✓",
        [
            "40 of 40 approved or edited by a person; those that are synthetic or production need a person's approval",
            "waiting 0, disputed 0, 0% of all; 10% are tolerated",
        ],
    )


def ids():
    lines = [json.loads(line) for line in Path("data/raw/first.jsonl").read_text().splitlines()]
    return [
        record_id([{"role": "user", "content": one["prompt"]}, {"role": "assistant", "content": one["completion"]}])
        for one in lines
    ]


ARM = {"arm": "prompted", "model": "m", "prompt": "p"}


def predicted(right, arm=ARM):
    """What make baseline leaves: the test side, frozen, and the prompted arm's answers, so many of them right."""
    lines = [json.loads(line) for line in Path("data/raw/first.jsonl").read_text().splitlines()]
    Path("task/test_set.txt").write_text("\n".join(ids()))
    for folder in ("data/split", "data/predictions/prompted"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    test, answers = [], []
    for at, (name, one) in enumerate(zip(ids(), lines, strict=True)):
        turns = [{"role": "user", "content": one["prompt"]}, {"role": "assistant", "content": one["completion"]}]
        record = {"id": name, "messages": turns, "origin": "human", "answered_by": "human", "source": "f:1"}
        test.append(record | {"group": name, "licence": "own"})
        answer = one["completion"] if at < right else "no JSON"
        answers.append({"set": "test", "id": name, "answer": answer, "prompt_tokens": 900, "answer_tokens": 20})
    write_lines("data/split/test.jsonl", test)
    write_lines("data/predictions/prompted/answers.jsonl", answers)
    Path("data/predictions/prompted/arm.json").write_text(json.dumps(arm))


def write_lines(name, values):
    Path(name).write_text("".join(json.dumps(value) + "\n" for value in values))


@pytest.mark.slow
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("right", "mark"), [(10, "✓"), (40, "✗"), (30, "?")])
def test_after_make_baseline_the_gap_is_known(right, mark, capsys):
    Path("params.yaml").write_text(
        Path("params.yaml").read_text().replace("format_accuracy: 0.8", "format_accuracy: 0.6")
    )
    predicted(right)
    found, advice = listed(capsys)
    assert found["The prompt has"][0] == mark
    assert f"exact_label {right / 40:.1%}" in found["The prompt has"][1][0]
    assert marks_of(found)[6:] == "????"
    assert ("prompt" in advice) == (mark != "✓")


@pytest.mark.usefixtures("project")
def test_answers_to_another_test_set_are_no_baseline(capsys):
    predicted(10)
    Path("task/test_set.txt").write_text("0123456789abcdef\n")
    assert listed(capsys)[0]["The prompt has"][0] == "?"


def mean(value):
    return {"mean": value, "low": value - 0.05, "high": value + 0.05, "n": 40, "effective_n": 40.0}


def pair(verdict):
    return {"difference": 0.4, "low": 0.3, "high": 0.5, "n": 40, "verdict": verdict, "p": 0.01}


def reported(**changes):
    """What make run and make seeds leave, of today's test set, probes and parameters."""
    Path("reports").mkdir(exist_ok=True)
    both = {"exact_label": mean(0.3), "format_accuracy": mean(0.5)}
    comparison = {
        "arms": {"prompted": both, "tuned": both},
        "pairs": {"tuned against prompted": {"exact_label": pair("better"), "format_accuracy": pair("no worse")}},
        "tokens": {"prompted": {"read": 900.0, "written": 20.0}, "tuned": {"read": 100.0, "written": 20.0}},
        "worth": {"word": "fine-tune", "because": "it is better than the prompt"},
        "test_set": of_test_set(TestSet.load(Path("task/test_set.txt"))),
        "yardstick": {"prompted": ARM, "tuned": {"model": "t"}},
    }
    Path("reports/comparison.json").write_text(json.dumps(comparison | changes))
    from pipeline.data.questions import read_questions

    asked = [*read_questions(Path("task/probes")), *read_questions(Path("task/cases"))]
    drop = {"questions": of_questions(asked), "tuned against base": {"probes": pair("no worse"), "skills": {}}}
    Path("reports/forgetting.json").write_text(json.dumps(drop))
    Path("dvc.lock").write_text(json.dumps({"stages": {"train": {"deps": [{"path": "a", "md5": "b"}]}}}))
    spread = {"least": 0.6, "most": 0.8, "values": [0.6, 0.8], "mean": 0.7, "deviation": 0.1}
    found = {"seeds": [1, 2], "metrics": {"exact_label": spread}, "shaped_by": shaped_by()}
    Path("reports/seeds.json").write_text(json.dumps(found))


def set_prices(text):
    params = Path("params.yaml")
    params.write_text(
        re.sub(r"(prompted|tuned): \{price_in: null, price_out: null\}", rf"\1: {text}", params.read_text())
    )


@pytest.mark.usefixtures("project")
def test_after_a_run_everything_is_known(capsys):
    reported()
    set_prices("{price_in: 1.0, price_out: 1.0}")
    found, advice = listed(capsys)
    assert marks_of(found) == "✓✓✓✓?✓✓✓✓✓"
    assert "this test set has judged 1 candidate" in found["Its gain"][1]
    assert "the tuned model itself misses the target of exact_label, format_accuracy" in found["The fine-tune"][1]
    assert advice == ["fine-tune"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("changes", [{"test_set": "0" * 16}, {"test_set": None}])
def test_reports_of_another_test_set_tell_nothing(changes, capsys):
    reported(**changes)
    found, advice = listed(capsys)
    assert marks_of(found)[5:8] == "???"
    assert advice == ["prompt"]


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_reports_older_than_the_last_answers_of_the_prompt_give_way_to_them(capsys):
    predicted(40)
    reported()
    assert read_predictions(Path("data/predictions/prompted")).arm == ARM
    assert listed(capsys)[0]["The prompt has"][0] == "✓"
    predicted(40, ARM | {"prompt": "a better one"})
    found, advice = listed(capsys)
    assert (found["The prompt has"][0], found["The fine-tune"][0]) == ("✗", "?")
    assert "prompt" in advice


@pytest.mark.usefixtures("project")
def test_seeds_and_probes_of_something_else_tell_nothing(capsys):
    reported()
    Path("params.yaml").write_text(
        Path("params.yaml").read_text().replace("learning_rate: 0.001", "learning_rate: 0.002", 1)
    )
    Path("task/probes/general.jsonl").write_text(
        Path("task/probes/general.jsonl").read_text().replace('"content": "x"', '"content": "y"')
    )
    found, _ = listed(capsys)
    assert marks_of(found)[8:] == "??"
    assert "of other data or parameters" in found["Its gain"][1][0]
    Path("dvc.lock").unlink()
    assert listed(capsys)[0]["Its gain"][0] == "?"


def said(capsys):
    with pytest.raises(SystemExit) as stop:
        module.main()
    assert capsys.readouterr().out == ""
    return stop.value.code


WRONG = [
    ("params.yaml", lambda text: text.split("checklist:")[0], r"params\.yaml: section checklist is missing"),
    ("params.yaml", lambda text: text.replace("churn_days: 30", "churn_days: 0"), r"checklist\.churn_days: is 0"),
    (
        "params.yaml",
        lambda text: text.replace("max_churn: 0.2", 'max_churn: "0.2"'),
        r"checklist\.max_churn: is '0\.2'",
    ),
    ("params.yaml", lambda text: text.replace("training: null", "training: -1.0"), r"checklist\.training: is -1"),
    ("params.yaml", lambda text: text.replace("  training: null\n", ""), r"checklist\.training: is missing"),
    (
        "params.yaml",
        lambda text: text.replace("checklist:\n", "checklist:\n  more: 1\n"),
        r"checklist\.more: is not a known key",
    ),
    (
        "params.yaml",
        lambda text: text.replace("changes: [format, ", "changes: [taste, "),
        r"checklist\.changes\.0: is 'taste'",
    ),
    ("params.yaml", lambda text: text.replace("format: 2, ", ""), r"checklist\.examples\.format: is missing"),
    (
        "params.yaml",
        lambda text: text.replace("exact_label: 0.6", "exact_taste: 0.6"),
        r"exact_taste: is no metric of this schema",
    ),
    (
        "params.yaml",
        lambda text: text.replace("prompt: plain", "prompt: gone"),
        r"task/prompts/gone\.yaml: no such file",
    ),
    (
        "params.yaml",
        lambda text: text.replace("prompt: plain", "prompt: [plain]"),
        r"params\.yaml: arms: is no mapping",
    ),
    (
        "params.yaml",
        lambda text: text.replace("arms:\n", "arms: [base]\nonce:\n"),
        r"params\.yaml: arms: is no mapping",
    ),
    ("data/raw/first.jsonl", lambda text: text + "{\n", r"data/raw/first\.jsonl:41: not JSON"),
    ("data/raw/sources.yaml", lambda _: "sources: [1]\n", r"data/raw/sources\.yaml: sources\.0"),
    ("task/answer.schema.json", lambda _: "{", r"task/answer\.schema\.json: is not JSON"),
    ("data/ledgers/reviews/r.jsonl", lambda text: text.replace("approve", "ok"), r"reviews/r\.jsonl:1: decision"),
    ("reports/comparison.json", lambda _: "[", r"reports/comparison\.json: is not JSON .*; run make run"),
    ("reports/comparison.json", lambda _: "[]", r"reports/comparison\.json: .*; run make run"),
    (
        "reports/comparison.json",
        lambda text: text.replace('"word": "fine-tune"', '"word": "yes"'),
        r"comparison\.json: worth\.word",
    ),
    ("reports/comparison.json", lambda text: text.replace('"read": 900.0', '"read": -1.0'), r"tokens\.prompted\.read"),
    (
        "reports/forgetting.json",
        lambda text: text.replace("no worse", "fine"),
        r"forgetting\.json: tuned against base\.probes",
    ),
    (
        "reports/seeds.json",
        lambda text: text.replace('"least": 0.6', '"least": 60.0'),
        r"seeds\.json: metrics\.exact_label\.least",
    ),
]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("name", "change", "wanted"), WRONG)
def test_a_wrong_input_is_named_in_one_line(name, change, wanted, capsys):
    reported()
    path = Path(name)
    path.write_text(change(path.read_text()))
    line = said(capsys)
    assert re.search(f"^checklist: .*{wanted}", line), line
    assert "\n" not in line


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("old", "new_text", "key"),
    [
        ("changes: [format, classification]", "changes: [domain]", "There are enough"),
        ("examples: {format: 2,", "examples: {format: 41,", "There are enough"),
        ("max_facts_share: 0.3", "max_facts_share: 0.01", "The answers need"),
        ("churn_days: 30", "churn_days: 31", "The wanted behaviour"),
    ],
)
def test_a_knob_changes_what_is_said(old, new_text, key, capsys):
    before = listed(capsys)[0][key]
    path = Path("params.yaml")
    path.write_text(path.read_text().replace(old, new_text))
    assert listed(capsys)[0][key] != before


@pytest.mark.usefixtures("project")
def test_what_stands_in_more_than_the_common_share_of_the_answers_is_no_fact(capsys):
    rows(*(row(n, "red", f"We will be there in {1000 if n < 3 else 20} hours.") for n in range(40)))
    assert listed(capsys)[0]["The answers need"][1][0].startswith("0 of 40")
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("common_share: 0.02", "common_share: 0.1"))
    assert listed(capsys)[0]["The answers need"][1][0].startswith("3 of 40")


def test_a_task_that_changes_fast_is_a_reason_to_prompt(project, capsys, monkeypatch):
    now = datetime.now(UTC)
    for days_ago, text in (
        (60, "exact_label and format_accuracy count\n" * 9),
        (2, "exact_label, format_accuracy\n" * 9),
    ):
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            monkeypatch.setenv(name, (now - timedelta(days=days_ago)).isoformat())
        Path("task/README.md").write_text(text)
        git(project, "add", "-A")
        git(
            project,
            "commit",
            "-q",
            *(["--amend", "--reset-author", "-m", "sample"] if days_ago > 30 else ["-m", "other"]),
        )
    found, advice = listed(capsys)
    assert (found["The wanted behaviour"][0], advice) == ("✗", ["prompt"])
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("max_churn: 0.2", "max_churn: 9.0"))
    assert listed(capsys)[0]["The wanted behaviour"][0] == "✓"


@pytest.mark.usefixtures("project")
def test_prices_and_the_bill_of_the_training_are_put_to_work(capsys):
    reported()
    assert listed(capsys)[0]["A request"][0] == "?"
    set_prices("{price_in: 2.0, price_out: 0.0}")
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("training: null", "training: 16.0"))
    mark, evidence = listed(capsys)[0]["A request"]
    assert (mark, evidence[1]) == ("✓", "a thousand requests cost 1.8 dollars prompted and 0.2 tuned")
    assert evidence[2].endswith("after 10,000 requests")


def test_the_shipped_section_is_whole():
    section = yaml.safe_load((ROOT / "params.yaml").read_text())["checklist"]
    params = checked(ChecklistParams, section, "params.yaml", "checklist")
    params.check_examples()
    assert set(params.examples) == {"format", "classification", "domain", "behaviour"}
    with pytest.raises(Fault, match=r"checklist\.examples\.domain: is missing"):
        params.model_copy(update={"changes": ["domain"], "examples": {"format": 1}}).check_examples()


def test_a_terminal_without_ticks_gets_ascii():
    assert "".join(marks("utf-8").values()) == "✓✗?"
    for encoding in ("ascii", "cp1252", None, "no such"):
        assert "".join(marks(encoding).values()) == "+-?"
