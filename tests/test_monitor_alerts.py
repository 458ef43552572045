"""Alerts: just beyond a bound one, just within none, and none that too few requests could raise; verdicts beside other numbers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.desk.accepted import Record
from pipeline.production.monitoring.alerting import hold, written
from pipeline.production.monitoring.comparing import Margins, beside
from pipeline.production.monitoring.expected import expected, with_answers
from pipeline.production.monitoring.measures import MEASURES
from pipeline.production.monitoring.settings import Bound
from pipeline.production.monitoring.windows import Window, window_of
from pipeline.scoring.grouped_sums import UNKNOWN, Value, share
from pipeline.stage import Fault
from tests.monitored import BOUNDS, drift, judge, params
from tests.project import git

MARGINS = Margins(0.02, 0.1)


def value(low, middle, high, n=100):
    return Value(middle, low, high, n, float(n))


def status(bound, found, of="all"):
    (one,) = hold([Bound(**bound)], {of: {bound["measure"]: found}}, {"dropped": found, "canaries_failed": found}, 20)
    return one.status


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (value(0.1001, 0.2, 0.3), "alert"),
        (value(0.1, 0.2, 0.3), "cannot tell"),  # the bound itself is not beyond it
        (value(0.01, 0.05, 0.1), "within"),
        (value(0.01, 0.05, 0.1001), "cannot tell"),
        (value(0.2, 0.3, None), "alert"),
        (value(0.0, 0.05, None), "cannot tell"),
        (UNKNOWN, "cannot tell"),
    ],
)
def test_an_alert_is_an_interval_that_lies_beyond_the_largest(found, wanted):
    assert status({"measure": "refused", "max": 0.1, "on_cannot_tell": "quiet"}, found) == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (value(0.7, 0.8, 0.8999), "alert"),
        (value(0.7, 0.8, 0.9), "cannot tell"),
        (value(0.9, 0.95, 1.0), "within"),
        (UNKNOWN, "cannot tell"),
    ],
)
def test_an_alert_is_an_interval_that_lies_below_the_smallest(found, wanted):
    assert status({"measure": "format", "min": 0.9, "on_cannot_tell": "quiet"}, found) == wanted


def test_too_few_requests_are_never_an_alert():
    import numpy as np

    bound = {"measure": "format", "min": 0.9, "on_cannot_tell": "quiet"}
    for n, wanted in ((1, "cannot tell"), (19, "cannot tell"), (20, "alert")):  # not one of them right
        found = share(np.zeros(1), np.full(1, float(n)), has_groups=False)
        assert status(bound, found) == wanted


def test_what_is_counted_and_no_sample_has_no_doubt():
    bound = {"measure": "dropped", "max": 0.001, "on_cannot_tell": "quiet"}
    assert status(bound, value(0.0011, 0.0011, 0.0011)) == "alert"
    assert status(bound, value(0.001, 0.001, 0.001)) == "within"


def test_a_bound_on_a_slice_looks_at_that_slice_alone():
    bound = {"measure": "format", "slice": "tag:web", "min": 0.9, "on_cannot_tell": "quiet"}
    assert status(bound, value(0.1, 0.2, 0.3), "tag:web") == "alert"
    assert status(bound, value(0.1, 0.2, 0.3), "tag:app") == "cannot tell"


def test_a_bound_needs_one_end_and_a_measure_that_is_taken():
    with pytest.raises(ValueError, match="min or max"):
        Bound(measure="format", on_cannot_tell="quiet")
    with pytest.raises(ValueError, match="min or max"):
        Bound(measure="format", min=0.1, max=0.2, on_cannot_tell="quiet")
    wrong = params(bounds=[{"measure": "formats", "min": 0.9, "on_cannot_tell": "warn"}])
    with pytest.raises(Fault, match=r"bounds\[0\].measure: is formats"):
        wrong.check({})
    params(bounds=[{"measure": "rule:shouts", "max": 0.1, "on_cannot_tell": "warn"}]).check({})


def test_each_test_of_drift_has_a_bound():
    with pytest.raises(ValueError, match="no bound for words"):
        drift(bounds={name: 0.1 for name in BOUNDS if name != "words"})


def test_an_escalation_field_is_a_boolean_of_the_schema():
    with pytest.raises(Fault, match="escalation_field"):
        params(escalation_field="label").check({"label": {"type": "string"}})
    params(escalation_field="person").check({"person": {"type": "boolean"}})


@pytest.mark.parametrize(
    ("name", "one", "other", "wanted"),
    [
        ("format", value(0.94, 0.95, 0.96), value(0.8, 0.82, 0.84), "better"),
        ("refused", value(0.94, 0.95, 0.96), value(0.8, 0.82, 0.84), "worse"),
        ("format", value(0.89, 0.9, 0.91), value(0.89, 0.9, 0.91), "no worse"),
        ("format", value(0.7, 0.9, 0.95), value(0.7, 0.9, 0.95), "cannot tell"),
        ("total_p95_s", value(1.9, 2.0, 2.1), value(0.9, 1.0, 1.1), "worse"),
        ("total_p95_s", value(0.99, 1.0, 1.01), value(0.99, 1.0, 1.01), "no worse"),
        ("total_p95_s", value(1.9, 2.0, None), value(0.9, 1.0, 1.1), "worse"),
        ("cost", value(1.9, 2.0, 2.1), value(2.9, 3.0, 3.1), "better"),
        ("cost", value(0.0, 0.0, 0.0), value(2.9, 3.0, 3.1), "cannot tell"),
        ("total_p50_s", value(1.9, 2.0, 2.1), Value(1.0, None, None, 100, 100.0), "cannot tell"),
        ("format", UNKNOWN, value(0.8, 0.82, 0.84), "cannot tell"),
    ],
)
def test_verdicts_in_the_house_s_words(name, one, other, wanted):
    assert beside(MEASURES[name], one, other, MARGINS).verdict == wanted


def test_a_difference_of_shares_is_in_points_and_of_times_a_ratio():
    assert beside(MEASURES["format"], value(0.4, 0.5, 0.6), value(0.2, 0.3, 0.4), MARGINS).difference == pytest.approx(
        0.2
    )
    assert beside(MEASURES["cost"], value(1.9, 2.0, 2.1), value(0.9, 1.0, 1.1), MARGINS).difference == pytest.approx(
        2.0
    )


def metrics(mean):
    return {"format_schema": {"mean": mean, "low": mean - 0.1, "high": min(1.0, mean + 0.1), "n": 102}}


def project(folder):
    """A repository of two commits whose reports differ; returns both commits."""
    (folder / "reports").mkdir()
    git(folder, "init", "-q")
    commits = []
    for mean in (0.7, 0.9):
        (folder / "reports/comparison.json").write_text(json.dumps({"arms": {"tuned": metrics(mean)}}))
        asked = {"answers": 4, "prompt_tokens": 40, "answer_tokens": 8, "cost": None}
        run = {"arms": {"tuned": {**asked, "latency_s": {"median": 0.1, "p95": 0.4}}}}
        (folder / "reports/run.json").write_text(json.dumps(run))
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"{mean}")
        commits.append(git(folder, "rev-parse", "HEAD").strip())
    return commits


def test_a_revision_is_held_against_the_reports_of_its_own_commit(tmp_path):
    first, second = project(tmp_path)
    found = expected(first, {"m"}, tmp_path, None)
    assert found.values["format"].value == 0.7
    assert found.values["tokens_in"].value == 10
    assert found.values["total_p95_s"].value == 0.4
    assert first[:12] in found.source
    assert expected(second[:10], {"m"}, tmp_path, None).values["format"].value == 0.9


def test_the_accepted_model_is_held_against_what_was_accepted(tmp_path):
    first, _ = project(tmp_path)
    blank = dict.fromkeys(("data", "who", "why", "date"), "x")
    record = Record(
        revision="f" * 40, model="m.dir", base={}, gate=[], rolled_back_from=None, metrics=metrics(0.8), **blank
    )
    assert expected("f" * 40, set(), tmp_path, record).values["format"].value == 0.8
    assert expected(first, {"m.dir"}, tmp_path, record).values["format"].value == 0.8  # the same model, by its digest
    assert expected(first, {"other.dir"}, tmp_path, record).values["format"].value == 0.7


@pytest.mark.parametrize("name", ["e" * 40, "--help", "HEAD~9", "$(id)"])
def test_a_revision_that_is_gone_is_said(tmp_path, name):
    project(tmp_path)
    found = expected(name, {"m"}, tmp_path, None)
    assert not found.is_known
    assert found.values == {}


def test_requests_without_a_revision_are_held_against_this_tree(tmp_path):
    project(tmp_path)
    assert expected("(unknown)", {""}, tmp_path, None).values["format"].value == 0.9
    assert expected("gpt-4o", {"gpt-4o"}, tmp_path, None).values["format"].value == 0.9


def test_reports_that_are_not_there_or_broken_are_no_numbers(tmp_path):
    git(tmp_path, "init", "-q")
    assert expected("(unknown)", {""}, tmp_path, None).values == {}
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/comparison.json").write_text("{")
    assert expected("(unknown)", {""}, tmp_path, None).values == {}


def test_answers_to_the_test_set_are_judged_as_production_s_are(tmp_path):
    first, second = project(tmp_path)
    folder = tmp_path / "data/predictions/tuned"
    folder.mkdir(parents=True)
    answers = ['{"label": "red"}', '{"label": "red"}!', "red", ""]
    rows = [{"set": "test", "id": str(n), "answer": one, "finish": "stop"} for n, one in enumerate(answers)]
    rows.append({"set": "cases", "id": "x", "answer": "", "finish": "stop"})
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "arm.json").write_text("{}")
    found = with_answers(expected(second, {"m"}, tmp_path, None), tmp_path, judge()).values
    assert (found["empty"].value, found["empty"].n) == (0.25, 4)
    assert found["flagged"].value == 0.5
    assert found["format"].value == 0.9  # the evaluation's own number stays
    assert (
        "empty" not in with_answers(expected(first, {"m"}, tmp_path, None), tmp_path, judge()).values
    )  # another commit's


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_window_is_a_span_before_now_or_before_a_time():
    assert window_of("7d", "", NOW) == Window(NOW - timedelta(days=7), NOW)
    assert window_of("36h", "2026-11-01", NOW).since == datetime(2026, 10, 30, 12, tzinfo=UTC)
    assert window_of("2026-11-01T10:00+02:00", "2026-11-02", NOW).since == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert window_of("7d", "", NOW).before == Window(NOW - timedelta(days=14), NOW - timedelta(days=7))


@pytest.mark.parametrize(
    ("since", "until"), [("7", ""), ("tomorrow", ""), ("2026-12-01", ""), ("7d", "x"), ("999999w", "")]
)
def test_a_window_that_is_none_is_a_fault(since, until):
    with pytest.raises(Fault):
        window_of(since, until, NOW)


def test_numbers_are_written_for_people():
    assert [written("format", 0.97561), written("total_p95_s", 1.23456), written("canaries_failed", 2.0)] == [
        "97.6 %",
        "1.23",
        "2",
    ]
    assert written("rule:shouts", 0.5) == "50 %"
    assert written("format", None) == "?"
