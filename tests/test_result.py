"""The result for people: the table fits, and the sentence says what the numbers say."""

import json
import re

import pytest

from pipeline.desk import result
from tests.test_telling import PROOF

METRICS = ("format_accuracy", "exact_category", "exact_escalate", "rouge_l_response")
WORDS = {"better": (0.04, 0.2), "worse": (-0.2, -0.06), "no worse": (-0.02, 0.03), "cannot tell": (-0.15, 0.15)}


VOTES = {"win_rate": {"rate": 0.625, "low": 0.51, "high": 0.72, "p": 0.01}, "n": 80, "examples": 40}
PEOPLE = {"pairs": {"tuned against base": {"n_equal": 2, "n_differ": 98, "dimensions": {"correct": VOTES}}}}


def estimate(mean, half=0.05):
    return {"mean": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half), "n": 54}


def pair(verdict):
    low, high = WORDS[verdict]
    return {"difference": (low + high) / 2, "low": low, "high": high, "n": 200, "detectable": 0.031, "verdict": verdict}


def comparison(means=None, pairs=None, wanted=None, metrics=METRICS):
    """A report by hand. `means`: arm and metric; `pairs`: verdict against each other arm, by metric where it differs."""
    means = means or {"base": 0.4, "prompted": 0.6, "tuned": 0.8}
    arms = {
        arm: {metric: estimate(given[metric] if isinstance(given, dict) else given) for metric in metrics}
        for arm, given in means.items()
    }
    verdicts = {
        other: said if isinstance(said, dict) else dict.fromkeys(metrics, said) for other, said in (pairs or {}).items()
    }
    return {
        "arms": arms,
        "pairs": {f"tuned against {name}": {m: pair(said[m]) for m in metrics} for name, said in verdicts.items()},
        "targets": {
            metric: {"wanted": value, **{arm: arms[arm][metric]["mean"] >= value for arm in arms}}
            for metric, value in (wanted or {}).items()
        },
        "margin": 0.05,
    }


def forgetting(verdict="no worse"):
    return {"n_probes": 200, "cases_failed": {}, "tuned against base": {"probes": pair(verdict)}}


REGRESSION = {arm: {"probes": 0.9} for arm in ("base", "prompted", "tuned")}


def cells(table):
    return [line.split() for line in table.splitlines()]


def test_table_has_a_row_an_arm_and_a_star_at_each_target_reached(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    table = result.table(comparison(wanted={"format_accuracy": 0.6}), REGRESSION, forgetting())
    rows = {line[0]: line[1:] for line in cells(table)}
    assert rows["arm"] == [*METRICS, "probes"]
    assert rows["tuned"][:2] == ["80.0%", "[75-85]*"]
    assert [("*" in " ".join(rows[arm])) for arm in ("base", "prompted", "tuned")] == [False, True, True]
    assert rows["tuned"].count("[75-85]*") == 1
    assert rows["target"] == ["60%"]
    assert rows["n"] == ["54", "54", "54", "54", "200"]


def test_narrow_terminal_gets_the_same_cells_turned_round(monkeypatch):
    given = (comparison(wanted={"format_accuracy": 0.6}), REGRESSION, forgetting())
    monkeypatch.setenv("COLUMNS", "200")
    wide = result.table(*given)
    monkeypatch.setenv("COLUMNS", "80")
    narrow = result.table(*given)
    assert max(len(line) for line in narrow.splitlines()) <= 80
    assert [line[0] for line in cells(narrow)] == ["arm", *METRICS, "probes"]
    assert sorted(" ".join(wide.split()).split()) == sorted(narrow.split())


@pytest.mark.parametrize("columns", ["20", "200"])
def test_no_line_ends_in_blanks(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    table = result.table(comparison(), {}, {})
    assert table.splitlines() == [line.rstrip() for line in table.splitlines()]


def clause(sentence, other):
    """What the sentence says of tuned against another arm."""
    return next(part for part in sentence.split("; ") if f" {other} on " in part)


@pytest.mark.parametrize(
    ("verdict", "points"), [("better", "+12.0 points [+4, +20]"), ("worse", "-13.0 points [-20, -6]")]
)
def test_sentence_says_how_tuned_stands_to_each_arm_and_by_how_much(verdict, points):
    sentence = result.verdict(comparison(pairs={"base": "no worse", "prompted": verdict}), forgetting())
    said = clause(sentence, "prompted")
    assert f"is {verdict} than prompted on format_accuracy ({points})" in said
    assert [word for word in ("better", "no worse", "worse") if word in said] == [verdict]
    assert "is no worse than base on format_accuracy" in clause(sentence, "base")


def test_sentence_is_english_where_nothing_can_be_told():
    sentence = result.verdict(
        comparison(pairs={"base": "cannot tell", "prompted": "better"}), forgetting("cannot tell")
    )
    assert "cannot tell" not in sentence
    assert not [word for word in ("better", "worse") if word in clause(sentence, "base")]


def test_sentence_does_not_hide_a_metric_that_got_worse():
    """Format accuracy, the first metric, rose; the categories are worse than by prompt alone."""
    mixed = {
        "format_accuracy": "better",
        "exact_category": "worse",
        "exact_escalate": "no worse",
        "rouge_l_response": "no worse",
    }
    sentence = result.verdict(comparison(pairs={"base": "better", "prompted": mixed}), forgetting())
    said = clause(sentence, "prompted")
    assert "better than prompted on format_accuracy" in said
    assert ", worse than prompted on exact_category" in said


def test_sentence_names_each_target_that_tuned_misses():
    wanted = {"format_accuracy": 0.8, "exact_category": 0.81, "exact_escalate": 0.9}
    sentence = result.verdict(comparison(pairs={"base": "better"}, wanted=wanted), forgetting())
    assert "misses the target of exact_category, exact_escalate" in sentence
    reached = result.verdict(comparison(pairs={"base": "better"}, wanted={"format_accuracy": 0.8}), forgetting())
    assert "reaches every target" in reached


def test_no_target_is_not_every_target_reached():
    assert "every target" not in result.verdict(comparison(pairs={"base": "better"}), forgetting())
    assert "do not fine-tune" not in result.baseline(comparison({"base": 0.1, "prompted": 0.2}))


@pytest.mark.parametrize(("verdict", "said"), [("worse", "worse than the base"), ("better", "better than the base")])
def test_sentence_says_what_was_forgotten(verdict, said):
    sentence = result.verdict(comparison(pairs={"base": "better"}), forgetting(verdict))
    assert said in sentence.split("on general skills")[1]
    assert "general skills" not in result.verdict(comparison(pairs={"base": "better"}), {"n_probes": 0})


def test_prompt_that_reaches_every_target_says_do_not_fine_tune():
    text = result.baseline(
        comparison({"base": 0.4, "prompted": 0.96}, wanted={"format_accuracy": 0.9, "exact_category": 0.9})
    )
    base, prompted = text.splitlines()
    assert "do not fine-tune" in prompted
    assert prompted.startswith("prompted reaches every target")
    assert "do not fine-tune" not in base


def test_a_prompt_that_reaches_a_target_on_few_examples_is_not_said_to_be_enough():
    text = result.baseline(comparison({"base": 0.4, "prompted": 0.92}, wanted={"format_accuracy": 0.9}))
    assert "prompted reaches every target on these examples, which are too few" in text
    assert "format_accuracy may be 87.0%" in text
    assert "do not fine-tune" not in text


def test_prompt_that_misses_a_target_says_which_and_by_how_much():
    text = result.baseline(
        comparison({"base": 0.4, "prompted": 0.9}, wanted={"format_accuracy": 0.9, "exact_category": 0.91})
    )
    assert "do not fine-tune" not in text
    assert "base misses format_accuracy 40.0% of 90.0%, exact_category 40.0% of 91.0%" in text
    assert "prompted misses exact_category 90.0% of 91.0%" in text
    assert "Exhaust the prompt first" in text


def test_advice_does_not_contradict_itself():
    """The arm with the highest sum misses a target; the other one reaches them all."""
    means = {
        "base": {"format_accuracy": 1.0, "exact_category": 0.55},
        "prompted": {"format_accuracy": 0.96, "exact_category": 0.66},
    }
    wanted = {"format_accuracy": 0.9, "exact_category": 0.6}
    text = result.baseline(comparison(means, wanted=wanted, metrics=("format_accuracy", "exact_category")))
    assert "prompted reaches every target: do not fine-tune" in text
    assert "Exhaust the prompt first" not in text


def test_target_missed_by_little_does_not_read_as_reached():
    text = result.baseline(comparison({"prompted": 0.896}, wanted={"format_accuracy": 0.9}))
    assert re.search(r"([0-9.]+)% of \1%", text) is None
    assert "prompted misses format_accuracy" in text


def test_people_s_votes_are_told_with_what_they_cover():
    (line,) = result.people({"people": PEOPLE})
    assert line == "People's votes won by tuned against base: correct 62.5% [51-72], 80 votes on 40 of 98 examples."
    assert result.people({"people": {"pairs": {}, "stale": 3, "votes": 0}}) == result.people({}) == []


def test_what_the_judge_says_is_told_with_whether_it_counts():
    row = {"n": 88, "win_rate": VOTES["win_rate"], "may_count": True, "because": "it agrees with people"}
    silent = {**row, "n": 0, "win_rate": None, "may_count": False, "because": "it tells nothing"}
    pairs = {"tuned against base": {"n_differ": 90, "dimensions": {"correct": row, "helpful": silent}}}
    assert result.judge({"judge": {"pairs": pairs}}) == [
        "The judge on correct 62.5% [51-72] won by tuned against base, 88 of 90 examples; this counts: it agrees with people.",
        "The judge on helpful tuned against base, no verdict, 0 of 90 examples; this does not count: it tells nothing.",
    ]
    assert result.judge({"judge": {"pairs": {}}}) == result.judge({}) == []


def test_show_prints_table_verdict_and_where_to_look(tmp_path, capsys):
    reports = {
        "comparison": comparison(pairs={"base": "better", "prompted": "worse"}) | {"people": PEOPLE},
        "regression": REGRESSION,
        "forgetting": forgetting(),
    }
    for name, report in reports.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    (tmp_path / "proofs.json").write_text(json.dumps({"1-lora": PROOF}))
    result.show(tmp_path, tmp_path)
    printed = capsys.readouterr().out
    assert "Verdict: " in printed
    assert "is worse than prompted on" in printed
    assert "Proved of 1-lora: 9 of 10 examples trained" in printed
    assert "People's votes won by tuned against base: correct 62.5%" in printed
    assert "Look next: " in printed


def slice_row(name, verdict):
    return {"slice": name, "metric": "exact_category", **pair(verdict), "p_adjusted": 0.01}


def test_the_worst_slice_is_named_where_one_is_worse_beyond_doubt():
    found = comparison(pairs={"base": "better", "prompted": "better", "majority": "better"})
    found["slices"] = {
        "tuned against base": {"tag hindi": {"exact_category": pair("worse"), "format_accuracy": pair("worse")}},
        "tuned against prompted": {"tag hindi": {"exact_category": pair("cannot tell")}},
    }
    found["new"] = {"pairs": {"tuned against base": {"exact_category": pair("worse")}}}
    found["worst_slices"] = {
        "tuned against base": [slice_row("tag hindi", "worse")],
        "tuned against prompted": [slice_row("tag hindi", "cannot tell")],
        "tuned against majority": [slice_row("tag hindi", "worse")],  # a guess is no arm
    }
    [line] = result.worst(found)
    assert line.startswith(
        "Worst slice against base: tag hindi, exact_category -13.0 points [-20, -6], 200 examples; 2 more are"
    )
    assert result.worst({"worst_slices": {}}) == []


def test_what_is_in_production_comes_first_and_is_called_so():
    means = {"accepted": 0.7, "base": 0.4, "tuned": 0.8}
    report = comparison(means, {"base": "better", "accepted": "worse"})
    facts = {"model": "a", "prompt": "p"}
    report["yardstick"] = {"accepted": facts, "base": facts, "tuned": {**facts, "model": "b"}}
    said = result.verdict(report, {})
    assert said.startswith("Verdict: tuned is worse than accepted (in production) on format_accuracy (")
    assert "; tuned is better than base on " in said
    report["yardstick"]["tuned"] = facts
    said = result.verdict(report, {})
    assert said.startswith("Verdict: tuned is the model in production (accepted); tuned is better than base on ")
