"""The gate: each rule on both sides of its bound, reports that are no evidence, and how often it is wrong."""

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.gate import Models, is_stopped, rates
from pipeline.data.judging.replies import Verdict
from pipeline.data.judging.rubric import Counts
from pipeline.data.questions import read_questions
from pipeline.data.ratings import Ballot
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_questions, of_test_set
from pipeline.pull_request import gate as module
from pipeline.pull_request.gate import gate, told
from pipeline.pull_request.results import Difference, JudgedPair, Mean, Results
from pipeline.pull_request.rules import GateParams
from pipeline.scoring.judge import told as judge_told
from pipeline.scoring.many_comparisons import row
from pipeline.scoring.paired import compare
from pipeline.scoring.rates import estimate
from pipeline.stage import Fault, checked
from tests.project import ROOT

COUNTS = Counts(examples=30, share=0.5, alpha=0.4, max_unreadable=0.1)
DOUBT = {"on_cannot_tell": "fail"}
PROBES = {"rule": "probes", "needs": "no_worse", "margin": 0.1, **DOUBT}
CATEGORY = {
    "rule": "comparison",
    "metric": "category",
    "against": "prompted",
    "needs": "better",
    "margin": 0.0,
    **DOUBT,
}
TARGET = {"rule": "target", "metric": "category", "needs": "no_worse", "margin": 0.1, **DOUBT}
CASES = {"rule": "cases"}
JUDGE = {
    "rule": "judge",
    "dimension": "correct",
    "against": "prompted",
    "needs": "no_worse",
    "margin": 0.1,
    **DOUBT,
}


def difference(fixed, broken, n):
    candidate = [1.0] * fixed + [0.0] * broken + [1.0] * (n - fixed - broken)
    baseline = [0.0] * fixed + [1.0] * broken + [1.0] * (n - fixed - broken)
    found = compare(candidate, baseline, [str(at) for at in range(n)], 0.05)
    return row(found, found.p)


def mean(right, n):
    found = estimate([1.0] * right + [0.0] * (n - right), [str(at) for at in range(n)])
    return {key: round(value, 4) for key, value in vars(found).items()}


def results(
    pair=(0, 0, 100),
    right=(60, 100),
    level=0.6,
    probes=(0, 0, 100),
    failed=(),
    cases=3,
    texts=(0, 0, 100),
    judged=(0, 0, 100),
    may_count=True,
):
    """What the reports say, by counts."""
    net = (
        {key: value for key, value in difference(*judged).items() if key not in ("needed", "verdict")}
        if judged
        else None
    )
    found = {"may_count": may_count, "because": "people have voted on 3 of 30", "net": net}
    by_judge = {"n_differ": judged[2] if judged else 9, "dimensions": {"correct": found}}
    return Results(
        {"tuned against prompted": {"category": Difference.model_validate(difference(*pair))}},
        {"category": Mean.model_validate(mean(*right))},
        {"category": level},
        Difference.model_validate(difference(*probes)),
        Difference.model_validate(difference(*texts)) if texts else None,
        list(failed),
        cases,
        {"tuned against prompted": JudgedPair.model_validate(by_judge)},
    )


def judged(rule, given):
    """Status and line of the one rule."""
    outcome = gate(GateParams(rules=[rule]), given)[0]
    return outcome.status, outcome.said


@pytest.mark.parametrize(
    ("changes", "counts", "status"),
    [
        ({}, (5, 5, 200), "pass"),
        ({"margin": 0.0398}, (3, 3, 500), "pass"),
        ({}, (2, 9, 200), "pass"),  # p = 0.07, and no drop of ten points
        ({}, (0, 8, 200), "pass"),  # worse, and by less than ten points
        ({}, (0, 20, 200), "fail"),
        ({}, (30, 2, 100), "pass"),  # better, and the margin plays no part
        ({}, (6, 15, 200), "pass"),
        ({}, (6, 16, 200), "fail"),
        ({"on_cannot_tell": "warn"}, (6, 16, 200), "warn"),
        ({"on_cannot_tell": "warn"}, (0, 20, 200), "fail"),
        ({"margin": 0.02}, (5, 5, 200), "error"),
        ({"margin": 0.02, "on_cannot_tell": "warn"}, (5, 5, 200), "error"),
        ({"margin": 0.0}, (5, 5, 200), "error"),
        ({"margin": 0.02}, (0, 20, 200), "fail"),
        ({}, (0, 0, 1), "error"),
        ({}, (0, 0, 2), "error"),
        ({}, (0, 0, 100), "pass"),
    ],
)
def test_no_worse(changes, counts, status):
    assert judged({**PROBES, **changes}, results(probes=counts))[0] == status
    rule = {**CATEGORY, "needs": "no_worse", "margin": 0.1, **changes}
    assert judged(rule, results(pair=counts))[0] == status


def test_the_bound_of_no_worse_is_the_lower_end():
    low = -difference(6, 14, 200)["low"]
    for beyond, status in ((0.0, "pass"), (1e-4, "fail")):
        assert judged({**PROBES, "margin": low - beyond}, results(probes=(6, 14, 200)))[0] == status


@pytest.mark.parametrize(
    ("margin", "counts", "status"),
    [
        (0.0, (6, 0, 100), "pass"),
        (0.0, (5, 0, 100), "fail"),
        (0.0, (0, 0, 100), "fail"),
        (0.0, (0, 6, 100), "fail"),
        (0.1, (30, 5, 100), "pass"),
        (0.1, (14, 0, 100), "fail"),
        (0.0, (1, 0, 1), "fail"),
    ],
)
def test_better(margin, counts, status):
    assert judged({**CATEGORY, "margin": margin}, results(pair=counts))[0] == status


def test_what_is_not_better_fails_though_a_doubt_only_warns():
    rule = {**CATEGORY, "on_cannot_tell": "warn"}
    assert judged(rule, results(pair=(5, 0, 100)))[0] == "warn"
    assert judged(rule, results(pair=(0, 6, 100)))[0] == "fail"


@pytest.mark.parametrize(
    ("changes", "right", "status"),
    [
        ({}, (240, 400), "pass"),
        ({}, (220, 400), "pass"),
        ({}, (219, 400), "fail"),
        ({}, (210, 400), "fail"),
        ({"on_cannot_tell": "warn"}, (219, 400), "fail"),
        ({"on_cannot_tell": "warn", "margin": 0.08}, (222, 400), "warn"),
        ({"needs": "better", "margin": 0.0}, (259, 400), "fail"),
        ({"needs": "better", "margin": 0.0}, (260, 400), "pass"),
        ({}, (60, 100), "error"),
        ({}, (1, 1), "error"),
    ],
)
def test_target(changes, right, status):
    assert judged({**TARGET, **changes}, results(right=right))[0] == status


def test_texts_are_judged_by_their_own_difference():
    rule = {**PROBES, "rule": "texts"}
    assert judged(rule, results(probes=(0, 60, 400), texts=(5, 5, 400)))[0] == "pass"
    assert judged(rule, results(probes=(5, 5, 400), texts=(0, 120, 400)))[0] == "fail"
    with pytest.raises(Fault, match=r"gate\.rules\.0: the reports compare no texts"):
        judged(rule, results(texts=None))


@pytest.mark.parametrize(
    ("changes", "counts", "status"),
    [
        ({}, (5, 5, 200), "pass"),
        ({}, (6, 15, 200), "pass"),
        ({}, (6, 16, 200), "fail"),
        ({"on_cannot_tell": "warn"}, (6, 16, 200), "warn"),
        ({"margin": 0.02}, (5, 5, 200), "error"),
        ({"needs": "better", "margin": 0.0}, (6, 0, 100), "pass"),
        ({"needs": "better", "margin": 0.0}, (5, 0, 100), "fail"),
        ({"needs": "better", "margin": 0.1}, (14, 0, 100), "fail"),
        ({"needs": "better", "margin": 0.1}, (30, 5, 100), "pass"),
    ],
)
def test_a_judge_is_held_to_wins_less_losses(changes, counts, status):
    assert judged({**JUDGE, **changes}, results(judged=counts))[0] == status


@pytest.mark.parametrize("needs", ["better", "no_worse"])
@pytest.mark.parametrize("changes", [{"may_count": False}, {"judged": None}, {"judged": None, "may_count": False}])
def test_a_judge_that_may_not_count_fails_with_the_reason(needs, changes):
    rule = {**JUDGE, "needs": needs, "on_cannot_tell": "warn"}
    assert judged(rule, results(**{"judged": (60, 0, 100), **changes})) == (
        "fail",
        f"correct by the judge, tuned against prompted, {needs.replace('_', ' ')}: "
        "the judge may not count: people have voted on 3 of 30",
    )


@pytest.mark.parametrize(("needs", "status"), [("better", "fail"), ("no_worse", "pass")])
def test_answers_that_are_all_alike_need_no_judge(needs, status):
    found = judged({**JUDGE, "needs": needs}, results(judged=(0, 0, 0), may_count=False))
    assert (found[0], found[1].rsplit(": ")[-1]) == (status, "both answer every example alike")


def test_cases_know_no_margin():
    assert judged(CASES, results())[0] == "pass"
    status, line = judged(CASES, results(failed=["json-stays"]))
    assert (status, "json-stays" in line) == ("fail", True)
    with pytest.raises(Fault, match="there is no must-pass case"):
        judged(CASES, results(cases=0))


def test_a_line_has_the_evidence_and_a_doubt_says_what_would_settle_it():
    _, line = judged(PROBES, results(probes=(6, 16, 200)))
    for part in ("-5.0 points [-10", "n = 200", "6 fixed", "16 broken", "p = 0.0525", "examples would do"):
        assert part in line, line
    few = judged({**PROBES, "margin": 0.02}, results(probes=(5, 5, 200)))[1]
    number = int(few.split(": ")[-1].split(" examples")[0].replace(",", ""))
    assert (
        judged({**PROBES, "margin": 0.02}, results(probes=(round(number / 40), round(number / 40), number)))[0]
        == "pass"
    )
    assert "no number of examples" in judged(PROBES, results(probes=(0, 0, 1)))[1]
    assert told(gate(GateParams(rules=[PROBES, CASES]), results(failed=["x"]))).splitlines()[-1] == (
        "gate: of 2 rules 1 passed, 1 failed"
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {**CATEGORY, "metric": "colour"},
            r"gate\.rules\.0\.metric: the reports have no colour; take one of: category",
        ),
        ({**CATEGORY, "against": "gone"}, r"rules\.0\.against: the reports have no tuned against gone"),
        (
            {**JUDGE, "against": "base"},
            "the reports have no tuned against base; take one of: tuned against prompted; or name the pair under judge.pairs",
        ),
        ({**JUDGE, "dimension": "kind"}, r"rules\.0\.dimension: the reports have no kind; take one of: correct"),
        ({**TARGET, "metric": "colour"}, r"rules\.0\.metric: the reports have no colour"),
    ],
)
def test_a_rule_of_what_is_not_there_names_what_is(rule, said):
    with pytest.raises(Fault, match=said):
        judged(rule, results())


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([], "gate.rules"),
        ([{**PROBES, "margin": "0.1"}], "gate.rules.0.probes.margin"),
        ([{**PROBES, "margin": 1.0}], "gate.rules.0.probes.margin"),
        ([{**PROBES, "margin": float("nan")}], "gate.rules.0.probes.margin"),
        ([{**PROBES, "metric": "x"}], "is not a known key"),
        ([{key: value for key, value in PROBES.items() if key != "on_cannot_tell"}], "is missing"),
        ([{**PROBES, "needs": "equal"}], "gate.rules.0.probes.needs"),
        ([CASES, {"rule": "luck"}], "gate.rules.1"),
        ([{**CASES, "margin": 0.1}], "is not a known key"),
    ],
)
def test_a_wrong_rule_is_named(rules, said):
    with pytest.raises(Fault, match=said):
        checked(GateParams, {"rules": rules}, "params.yaml", "gate")


def test_the_shipped_rules_are_rules_of_the_shipped_metrics_and_doubt_fails():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    rules = checked(GateParams, params["gate"], "params.yaml", "gate").rules
    assert {rule.rule for rule in rules} == {"comparison", "target", "probes", "texts", "cases"}
    assert {rule.on_cannot_tell for rule in rules if rule.rule != "cases"} == {"fail"}
    assert {rule.metric for rule in rules if rule.rule == "target"} <= set(params["evaluate"]["targets"])


QUESTION = '{"id": "a", "messages": [{"role": "user", "content": "x"}], "check": {"kind": "exact", "value": "x"}}\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Reports of a run beside the test set and the questions that it was measured with."""
    monkeypatch.chdir(tmp_path)
    for name in ("reports", "task/probes", "task/cases"):
        Path(name).mkdir(parents=True)
    Path("task/test_set.txt").write_text("0123456789abcdef\n")
    Path("task/probes/p.jsonl").write_text(QUESTION)
    Path("task/cases/c.jsonl").write_text(QUESTION.replace('"a"', '"b"'))
    questions = [*read_questions(Path("task/probes")), *read_questions(Path("task/cases"))]
    arm = {"category": mean(240, 400)}
    write("comparison", {
        "arms": {"tuned": arm, "prompted": arm},
        "pairs": {"tuned against prompted": {"category": difference(40, 10, 400)}},
        "targets": {"category": {"wanted": 0.6, "tuned": True, "prompted": True}},
        "judge": {"pairs": {"tuned against prompted": {"n_differ": 100, "dimensions": {"correct": judge_row()}}}},
        "test_set": of_test_set(TestSet.load(Path("task/test_set.txt"))),
    })  # fmt: skip
    write("forgetting", {
        "cases_failed": {"tuned": [], "prompted": ["b"]}, "n_cases": 1, "questions": of_questions(questions),
        "tuned against base": {"probes": difference(5, 5, 400), "skills": {}},
    })  # fmt: skip
    write("evaluation", {"tuned": {"category": 0.6}, "prompted": {"category": 0.6}})
    rules = {"rules": [CATEGORY, TARGET, PROBES, CASES, {**JUDGE, "needs": "better"}]}
    Path("params.yaml").write_text(
        json.dumps(
            {"gate": rules, "evaluate": {"margin": 0.05, "shown": 0, "prohibited": [], "targets": {"category": 0.6}}}
        )
    )
    return tmp_path


def judge_row():
    """What the judge says where most of a hundred verdicts are wins, as the stage reports it."""
    verdicts = [Verdict(at, "correct", (1, 1) if at < 70 else (-1, -1), ()) for at in range(100)]
    ballots = [Ballot(at, "correct", "asha", 1 if at < 70 else -1, 1) for at in range(40, 100)]
    return judge_told(verdicts, ballots, [str(at) for at in range(100)], COUNTS)


def write(name, report):
    Path(f"reports/{name}.json").write_text(json.dumps(report))


def ran(capsys):
    """Exit status, what it prints, and what it says where it stops."""
    with pytest.raises(SystemExit) as stop:
        module.main()
    code = stop.value.code
    return (code, capsys.readouterr().out, "") if isinstance(code, int) else (1, capsys.readouterr().out, code)


@pytest.mark.usefixtures("project")
def test_green_is_exit_0_and_red_exit_1(capsys):
    code, printed, _ = ran(capsys)
    assert (code, printed.splitlines()[-1]) == (0, "gate: of 5 rules 5 passed")
    report = json.loads(Path("reports/forgetting.json").read_text())
    write("forgetting", {**report, "cases_failed": {"tuned": ["b"]}})
    code, printed, _ = ran(capsys)
    assert (code, printed.splitlines()[-1]) == (1, "gate: of 5 rules 4 passed, 1 failed")


def changed(name, path, value):
    """A report with one value set by hand."""
    place = Path(f"reports/{name}.json")
    report = json.loads(place.read_text())
    inner = report
    *keys, last = path
    for key in keys:
        inner = inner[key]
    inner[last] = value
    place.write_text(json.dumps(report))


JUDGED = ("judge", "pairs", "tuned against prompted", "dimensions", "correct")
PAIR = ("pairs", "tuned against prompted", "category")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("name", "path", "value", "said"),
    [
        ("comparison", (*PAIR, "low"), "0.1", r"category\.low: input should be a valid number"),
        ("comparison", (*PAIR, "low"), float("nan"), "NaN is not JSON"),
        ("comparison", (*PAIR, "low"), None, r"category\.low"),
        ("comparison", (*PAIR, "low"), 0.9, "the difference is not within its interval"),
        ("comparison", (*PAIR, "fixed"), 400, "more changed than there is"),
        ("comparison", (*PAIR, "fixed"), True, r"category\.fixed"),
        ("comparison", (*PAIR, "p"), 7, r"category\.p"),
        ("comparison", ("pairs",), [], r"comparison\.json: pairs"),
        ("comparison", ("test_set",), "0" * 16, r"of another test set than task/test_set\.txt"),
        ("comparison", ("targets", "category", "wanted"), 0.1, "other targets than evaluate.targets"),
        ("evaluation", ("tuned", "category"), 0.7, r"other means than reports/comparison\.json"),
        ("comparison", ("judge",), None, "judge: input should be a valid dictionary"),
        ("comparison", (*JUDGED, "may_count"), 1, r"correct\.may_count"),
        ("comparison", (*JUDGED, "because"), "\x1b[2Jfine", r"correct\.because"),
        ("comparison", (*JUDGED, "net", "low"), 0.9, "the difference is not within its interval"),
        ("forgetting", ("questions",), "0" * 16, "of other questions than those of task/probes and task/cases"),
        ("forgetting", ("cases_failed",), {}, "has no arm tuned"),
        ("forgetting", ("n_cases",), 1.5, "n_cases"),
        ("forgetting", ("n_cases",), 0, "there is no must-pass case"),
        ("forgetting", ("tuned against base",), None, "compare no probes"),
    ],
)
def test_reports_that_are_no_evidence_are_named_in_a_line(name, path, value, said, capsys):
    changed(name, path, value)
    code, printed, fault = ran(capsys)
    assert (code, printed) == (1, "")
    assert re.search(said, fault), fault
    assert "\n" not in fault


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["comparison", "forgetting", "evaluation"])
@pytest.mark.parametrize("text", [None, "", "[]", '"x"', "{", "[" * 100_000, "\xff"])
def test_a_report_that_is_missing_or_none_is_named_in_a_line(name, text, capsys):
    place = Path(f"reports/{name}.json")
    place.unlink() if text is None else place.write_bytes(text.encode("latin-1"))
    code, _, fault = ran(capsys)
    assert (code, fault.startswith(f"gate: reports/{name}.json"), fault.count("\n")) == (1, True, 0), fault


@pytest.mark.usefixtures("project")
def test_a_test_set_that_changed_after_the_run_stops_the_gate(capsys):
    Path("task/test_set.txt").write_text("0123456789abcdee\n")
    assert "another test set" in ran(capsys)[2]
    Path("task/test_set.txt").write_text("# a remark\n0123456789abcdef\n")
    assert ran(capsys)[0] == 0


QUICK = [
    Models(100, 0.1, 1, "yes/no"),
    Models(500, 0.05, 1, "yes/no"),
    Models(50, 0.1, 1, "graded"),
    Models(100, 0.05, 4, "yes/no"),
]
ALL = [Models(*one) for one in product((50, 100, 500), (0.05, 0.1, 0.3), (1, 4), ("yes/no", "graded"))]


@pytest.mark.slow
@pytest.mark.parametrize("models", QUICK, ids=str)
def test_the_gate_is_seldom_wrong(models):
    """Equal models are stopped, and a drop as large as the margin is let through, in few test sets."""
    random = np.random.default_rng(8)
    alarms, passes, _ = rates(models, models.sure_margin(random), 120, random)
    assert alarms < 0.05
    assert passes is None or passes < 0.07


def test_the_naive_gate_stops_a_third_of_equal_models():
    random = np.random.default_rng(9)
    models = [Models(100, share, 1, "yes/no") for share in (0.1, 0.2)]
    stopped = [np.mean([one.drawn(0.0, random).difference < -0.0199 for _ in range(300)]) for one in models]
    assert all(0.25 < share < 0.45 for share in stopped), stopped


def test_a_doubt_that_warns_lets_equal_models_through_that_a_doubt_that_fails_stops():
    models, random = Models(100, 0.2, 1, "yes/no"), np.random.default_rng(3)
    found = [models.drawn(0.0, random) for _ in range(100)]
    strict, mild = ([is_stopped(one, 0.14, doubt) for one in found] for doubt in ("fail", "warn"))
    assert sum(strict) > sum(mild)


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.parametrize("models", ALL, ids=str)
def test_the_gate_is_seldom_wrong_in_many_trials(models):
    random = np.random.default_rng(11)
    margin = models.sure_margin(random)
    if margin < 1:
        alarms, passes, _ = rates(models, margin, 400, random)
        assert alarms < 0.05
        assert passes is None or passes < 0.07


def test_before_the_first_promotion_a_rule_against_accepted_is_neither_red_nor_an_error():
    rules = [{**CATEGORY, "against": "accepted"}, {**JUDGE, "against": "accepted"}]
    outcomes = gate(checked(GateParams, {"rules": rules}, "x"), results())
    assert [one.status for one in outcomes] == ["warn", "warn"]
    assert all("no accepted model yet" in one.said for one in outcomes)
    assert not module.is_red(outcomes)
