"""Regress: pass rates by skill, the paired drop with twins as one group, and the cases that failed."""

import json
import math

import pytest

from pipeline.data.predictions import Predictions, read_predictions
from pipeline.data.questions import Question, read_questions
from pipeline.data.records import write_jsonl
from pipeline.regress import RegressParams, main, regress
from pipeline.stage import Fault

MARGIN = 0.05
PARAMS = RegressParams(margin=MARGIN, text_margin=0.03)


def question(name, skill="copying", twin=""):
    asked = [{"role": "user", "content": name}]
    return Question(id=name, messages=asked, check={"kind": "exact", "value": "right"}, skill=skill, twin=twin)


def arm(probes, wrong=(), cases=(), failed=()):
    """Answers that are right but for the ones named."""
    answers = {("probe", one.id): "wrong" if one.id in wrong else "right" for one in probes}
    return Predictions({}, answers | {("case", one.id): "wrong" if one.id in failed else "right" for one in cases})


def probes_of(count, skill="copying"):
    return [question(f"{skill}-{number}", skill) for number in range(count)]


def test_pass_rates_by_skill():
    probes = [*probes_of(4), *probes_of(6, "sums")]
    rates, _ = regress({"base": arm(probes, wrong=["copying-0", "sums-1", "sums-2"])}, probes, [], PARAMS)
    assert rates == {"base": {"probes": 0.7, "skills": {"copying": 0.75, "sums": 0.6667}}}


def test_drop_is_paired_overall_and_by_skill():
    probes = [*probes_of(40), *probes_of(40, "sums")]
    lost = [f"sums-{number}" for number in range(30)]
    _, found = regress({"base": arm(probes, ["copying-0"]), "tuned": arm(probes, lost)}, probes, [], PARAMS)
    overall, skills = found["tuned against base"]["probes"], found["tuned against base"]["skills"]
    assert (overall["n"], overall["fixed"], overall["broken"], overall["verdict"]) == (80, 1, 30, "worse")
    assert (skills["sums"]["broken"], skills["sums"]["verdict"]) == (30, "worse")
    assert (skills["copying"]["broken"], skills["copying"]["fixed"]) == (0, 1)


def test_same_answers_are_no_worse_where_the_probes_are_many():
    for count, word in ((72, "cannot tell"), (73, "no worse")):
        probes = probes_of(count)
        _, found = regress({"base": arm(probes), "tuned": arm(probes)}, probes, [], PARAMS)
        assert found["tuned against base"]["probes"]["verdict"] == word


def test_texts_are_compared_by_the_chance_of_a_token_where_both_arms_were_measured():
    names = [f"t{number}" for number in range(40)]

    def told(drop):
        arms = {
            "base": Predictions({}, {}, told={name: 0.3 + number / 200 for number, name in enumerate(names)}),
            "tuned": Predictions(
                {}, {}, told={name: 0.3 + number / 200 - drop for number, name in enumerate(names[:30])}
            ),
        }
        rates, found = regress(arms, [], [], PARAMS)
        assert (rates["tuned"]["token_chance"], rates["base"]["token_chance"]) == (round(0.3725 - drop, 4), 0.3975)
        return found["tuned against base"]["texts"]

    assert (told(0.0)["n"], told(0.0)["difference"]) == (30, 0.0)
    assert (told(0.2)["verdict"], told(0.2)["difference"]) == ("worse", -0.2)
    unmeasured = {"base": Predictions({}, {}, told=dict.fromkeys(names, 0.5)), "tuned": Predictions({}, {})}
    rates, found = regress(unmeasured, [], [], PARAMS)
    assert (found["tuned against base"], "token_chance" in rates["tuned"]) == ({}, False)


def test_a_text_s_chance_is_the_geometric_mean_of_its_tokens(tmp_path):
    write_jsonl(tmp_path / "answers.jsonl", [])
    rows = [{"id": "a", "log_likelihood": -6.0, "tokens": 3}, {"id": "b", "log_likelihood": 0.0, "tokens": 0}]
    write_jsonl(tmp_path / "texts.jsonl", rows)
    (tmp_path / "arm.json").write_text("{}")
    assert read_predictions(tmp_path).told == {"a": pytest.approx(math.exp(-2))}


def test_twins_are_one_group():
    """Halves that always fall together say half as much: the interval is wider than that of probes on their own."""
    wrong = [f"{half}{number}" for half in "ab" for number in range(8)]

    def width(twins):
        probes = [question(f"a{n}", twin=f"b{n}" if twins else "") for n in range(30)]
        probes += [question(f"b{n}", twin=f"a{n}" if twins else "") for n in range(30)]
        _, found = regress({"base": arm(probes), "tuned": arm(probes, wrong)}, probes, [], PARAMS)
        pair = found["tuned against base"]["probes"]
        return pair["high"] - pair["low"]

    assert width(twins=True) > 1.25 * width(twins=False)  # sqrt(2) = 1.41


def test_cases_that_failed_are_named():
    probes, cases = probes_of(3), [question("polite"), question("json-stays"), question("no-price")]
    arms = {"base": arm(probes, cases=cases, failed=["json-stays", "no-price"]), "tuned": arm(probes, cases=cases)}
    rates, found = regress(arms, probes, cases, PARAMS)
    assert found["cases_failed"] == {"base": ["json-stays", "no-price"], "tuned": []}
    assert (rates["base"]["cases"], rates["tuned"]["cases"]) == (0.3333, 1.0)


def test_no_case_makes_no_rate_of_cases():
    rates, found = regress({"tuned": arm(probes_of(2))}, probes_of(2), [], PARAMS)
    assert "cases" not in rates["tuned"]
    assert found["cases_failed"] == {"tuned": []}


def test_a_missing_answer_is_a_failure():
    probes, cases = probes_of(4), [question("polite")]
    rates, found = regress({"tuned": arm(probes[:3])}, probes, cases, PARAMS)
    assert rates["tuned"]["probes"] == 0.75
    assert found["cases_failed"]["tuned"] == ["polite"]


def write_questions(folder, questions):
    write_jsonl(folder / "all.jsonl", (one.model_dump() for one in questions))


@pytest.mark.parametrize("said", ["", " \n"])
def test_no_answer_passes_not_even_a_check_that_nothing_bad_is_said(said):
    probe = Question(
        id="p",
        messages=[{"role": "user", "content": "x"}],
        check={"kind": "regex", "value": "(?s)^(?!.*sorry)"},
        skill="refusals",
    )
    for text, rate in ((said, 0.0), ("gladly", 1.0), ("sorry, no", 0.0)):
        rates, _ = regress({"base": Predictions({}, {("probe", "p"): text})}, [probe], [], PARAMS)
        assert rates["base"]["probes"] == rate


def test_question_whose_id_comes_twice_is_refused(tmp_path):
    write_questions(tmp_path, [question("one"), question("two"), question("one")])
    with pytest.raises(Fault, match=r"all\.jsonl:3: id one comes twice"):
        read_questions(tmp_path)


@pytest.mark.parametrize(
    "twins", [{"a": "b"}, {"a": "c"}, {"a": "b", "b": "c", "c": "b"}, {"a": "b", "b": "c", "c": "a"}]
)
def test_twins_that_do_not_point_at_each_other_are_refused(twins, tmp_path):
    write_questions(tmp_path, [question(name, twin=twins.get(name, "")) for name in ("a", "b")])
    if "c" in twins:
        write_jsonl(tmp_path / "more.jsonl", [question("c", twin=twins["c"]).model_dump()])
    with pytest.raises(Fault, match="as its twin, and not the other way round"):
        read_questions(tmp_path)


def test_twins_that_point_at_each_other_are_taken(tmp_path):
    write_questions(tmp_path, [question("a", twin="b"), question("b", twin="a"), question("c")])
    assert [one.twin for one in read_questions(tmp_path)] == ["b", "a", ""]


@pytest.mark.parametrize(
    "check", [{"kind": "regex", "value": "("}, {"kind": "json", "value": "{"}, {"kind": "fields", "value": "red"}]
)
def test_check_that_can_judge_nothing_is_refused_on_entry(check, tmp_path):
    write_jsonl(tmp_path / "all.jsonl", [{**question("one").model_dump(), "check": check}])
    with pytest.raises(Fault, match=r"all\.jsonl:1"):
        read_questions(tmp_path)


def test_stage_refuses_answers_to_other_probes_and_writes_plain_rates(tmp_path):
    probes, cases = probes_of(5), [question("polite")]
    for folder, questions in (("probes", probes), ("cases", cases)):
        write_questions(tmp_path / folder, questions)

    def run(answered):
        for name in ("base", "tuned"):
            folder = tmp_path / "predictions" / name
            given = arm(answered, cases=cases).answers
            rows = [{"set": which, "id": key, "answer": text} for (which, key), text in given.items()]
            write_jsonl(folder / "answers.jsonl", rows)
            (folder / "arm.json").write_text("{}")
        out = (tmp_path / "report.json", tmp_path / "forgetting.json")
        paths = [tmp_path / name for name in ("predictions", "probes", "cases")]
        main(PARAMS, *paths, *out)
        return json.loads(out[0].read_text())

    rates = run(probes)
    assert rates["tuned"] == {"cases": 1.0, "probes": 1.0, "skills": {"copying": 1.0}}
    with pytest.raises(Fault, match=r"base: answers another probe set \(1 ids differ\)"):
        run(probes[:4])


def test_no_probe_is_no_rate_and_one_tells_nothing():
    rates, found = regress({"base": arm([]), "tuned": arm([])}, [], [], PARAMS)
    assert (rates, found["tuned against base"]) == ({"base": {}, "tuned": {}}, {})
    probes = probes_of(1)
    for lost in ([], ["copying-0"]):
        _, found = regress({"base": arm(probes), "tuned": arm(probes, lost)}, probes, [], PARAMS)
        assert found["tuned against base"]["probes"]["verdict"] == "cannot tell"
        assert found["tuned against base"]["skills"] == {}


def test_one_text_tells_nothing():
    arms = {name: Predictions({}, {}, told={"a": value}) for name, value in (("base", 0.9), ("tuned", 0.1))}
    assert regress(arms, [], [], PARAMS)[1]["tuned against base"]["texts"]["verdict"] == "cannot tell"


def measured(values, task="toy", metric="acc"):
    """An arm of no question, with a value of each document."""
    return Predictions({}, {}, measured={(task, metric): {f"{n}-x": value for n, value in enumerate(values)}})


def test_a_task_of_the_harness_is_paired_document_by_document():
    base = measured([1.0] * 120 + [0.0] * 80)

    def told(arm):
        rates, found = regress({"base": base, "tuned": arm}, [], [], PARAMS)
        assert rates["base"]["harness"] == {"toy": {"acc": 0.6}}
        return found["tuned against base"]["harness"]["toy"]["acc"]

    worse = told(measured([0.0] * 30 + [1.0] * 90 + [0.0] * 80))
    assert (worse["verdict"], worse["broken"], worse["fixed"], worse["test"]) == ("worse", 30, 0, "exact")
    assert (worse["difference"], worse["n"]) == (-0.15, 200)
    assert told(base)["verdict"] == "no worse"
    # the same means of other documents: paired, it is not the same model
    assert told(measured([0.0] * 80 + [1.0] * 120))["broken"] == 80


def test_only_documents_of_both_arms_are_compared_and_a_hosted_arm_has_none():
    base, tuned = measured([1.0] * 50), measured([1.0] * 40)
    _, found = regress({"base": base, "tuned": tuned}, [], [], PARAMS)
    assert found["tuned against base"]["harness"]["toy"]["acc"]["n"] == 40
    rates, found = regress({"base": base, "tuned": Predictions({}, {})}, [], [], PARAMS)
    assert (found["tuned against base"], "harness" in rates["tuned"]) == ({}, False)


def test_metrics_of_the_harness_are_one_family():
    base = Predictions({}, {}, measured=measured([1.0] * 30).measured | measured([1.0] * 30, "other").measured)
    tuned = Predictions(
        {}, {}, measured=measured([0.0] * 7 + [1.0] * 23).measured | measured([1.0] * 30, "other").measured
    )
    _, found = regress({"base": base, "tuned": tuned}, [], [], PARAMS)
    toy = found["tuned against base"]["harness"]["toy"]["acc"]
    assert toy["p_adjusted"] == pytest.approx(2 * toy["p"], rel=0.01)


def test_values_of_the_harness_are_read_by_task_metric_and_document(tmp_path):
    write_jsonl(tmp_path / "answers.jsonl", [])
    rows = [{"task": "toy", "doc": f"{n}-x", "metric": "acc", "value": float(n)} for n in (0, 1)]
    write_jsonl(tmp_path / "harness.jsonl", rows)
    (tmp_path / "arm.json").write_text("{}")
    assert read_predictions(tmp_path).measured == {("toy", "acc"): {"0-x": 0.0, "1-x": 1.0}}


def test_twins_that_no_longer_fare_alike_are_worse_by_themselves():
    """What only sounds harmful is refused: the skill falls by half of what the twins do. Both halves lost is no refusal."""
    probes = [question(f"a{n:02}", twin=f"b{n:02}") for n in range(60)]
    probes += [question(f"b{n:02}", twin=f"a{n:02}") for n in range(60)]

    def told(lost):
        rates, found = regress({"base": arm(probes), "tuned": arm(probes, lost)}, probes, [], PARAMS)
        assert rates["base"]["twins_alike"] == 1.0
        return rates["tuned"]["twins_alike"], found["tuned against base"]["twins"]

    share, row = told([f"a{n:02}" for n in range(20)])
    assert (share, row["n"], row["broken"], row["verdict"]) == (0.6667, 60, 20, "worse")
    share, row = told([f"{half}{n:02}" for half in "ab" for n in range(20)])
    assert (share, row["broken"]) == (1.0, 0)


def test_the_report_says_in_words_what_it_cannot_see():
    probes = probes_of(80)
    arms = {"base": arm(probes), "tuned": arm(probes)}
    arms = {
        name: Predictions({}, one.answers, told={"t": 0.5}, measured=measured([1.0] * 50).measured)
        for name, one in arms.items()
    }
    _, found = regress(arms, probes, [], PARAMS)
    pair = found["tuned against base"]
    assert pair["cannot_see"][0] == (
        f"80 probes cannot see a drop of less than {pair['probes']['detectable'] * 100:.1f} points"
    )
    assert [line.split(" cannot")[0] for line in pair["cannot_see"][1:]] == ["1 texts", "50 documents of toy (acc)"]
    assert 0 < pair["probes"]["detectable"] < 0.15
