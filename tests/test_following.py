"""A hosted job under way: events, states, a service that is away, and what is not as it should be."""

import json
import re

import pytest

from pipeline.stage import Fault
from tests.tuning_service import CUT, asked, error

pytestmark = pytest.mark.slow


def events(count, **changes):
    """Of a job, the newest first."""
    return [{"id": f"e{n}", "message": f"event {n}.", "created_at": n // 3, **changes} for n in range(count)][::-1]


@pytest.mark.parametrize(
    ("knows_pages", "has_ids", "is_oldest_first"),
    [(True, True, False), (False, True, False), (True, False, False), (True, True, True), (False, False, True)],
)
def test_each_event_is_told_once_in_its_order(service, hosted, capsys, knows_pages, has_ids, is_oldest_first):
    service.page, service.knows_pages, service.looks = 4, knows_pages, 4
    service.events = events(10)
    if not has_ids:
        service.page = 100
        service.events = [{key: value for key, value in one.items() if key != "id"} for one in service.events]
    if is_oldest_first:
        service.events.reverse()
        service.events = [one | {"created_at": n} for n, one in enumerate(service.events)]
    hosted()
    said = re.findall(r"event (\d+)\.", capsys.readouterr().out)
    assert said == [str(n) for n in range(10)]


@pytest.mark.parametrize("is_oldest_first", [True, False])
def test_events_that_come_between_two_looks_are_told(service, hosted, capsys, is_oldest_first):
    """Where a service sends the oldest first, what is on later pages is told at the end at the latest."""
    service.page, service.looks = 2, 6
    whole = [one | {"created_at": n} for n, one in enumerate(events(9)[::-1])][::-1]
    service.events = whole[-1:]

    def grow():
        found = whole[-min(9, 2 + len(service.events)) :]
        service.events = sorted(found, key=lambda one: one["id"], reverse=not is_oldest_first)

    service.at_look = grow
    hosted()
    said = re.findall(r"event (\d+)\.", capsys.readouterr().out)
    assert said == [str(n) for n in range(9)]


def test_a_service_without_events_and_checkpoints_is_followed_all_the_same(service, hosted):
    service.fails = [("GET .*/(events|checkpoints)", 404, error("no such path"))] * 20
    out = hosted()
    assert json.loads((out / "1-api/job.json").read_text())["checkpoints"] == []


def test_checkpoints_are_not_lost_where_the_service_is_away(service, hosted):
    service.fails = [("GET .*/checkpoints", 503, error("later"))] * 2
    out = hosted()
    assert len(json.loads((out / "1-api/job.json").read_text())["checkpoints"]) == 1


@pytest.mark.parametrize("answer", [(500, error("oops")), (429, error("slow")), (503, b"<html>"), (200, CUT)])
def test_a_service_that_is_away_while_a_job_runs_is_waited_for(service, hosted, capsys, answer):
    service.fails = [("GET /fine_tuning/jobs/job-0", *answer)] * 3
    hosted()
    assert capsys.readouterr().out.count("(looked at again)") == 3
    assert len(asked(service, "job")) == 1


@pytest.mark.parametrize("status", ["validating_files", "queued", "running", "never heard of\x1b[31m"])
def test_a_job_that_does_not_end_is_left_after_a_while_and_taken_up_again(service, hosted, capsys, status):
    good, service.looks = service.outcome, 0
    service.outcome = {"status": status, "estimated_finish": 1}
    with pytest.raises(Fault, match=r"wait_h: is 1e-05, and job job-0 is .*; run again"):
        hosted(wait_h=0.00001)
    said = capsys.readouterr().out
    assert said.count("job job-0 is") == 1
    assert "\x1b" not in said
    assert "about 0 min left" in said
    service.jobs["job-0"] |= good
    hosted()
    assert len(asked(service, "job")) == 1


def test_a_paused_job_waits_for_a_person(service, hosted):
    good = service.outcome
    service.outcome = {"status": "paused"}
    with pytest.raises(Fault, match="job job-0 is paused at the service; resume it there"):
        hosted()
    service.jobs["job-0"] |= good
    hosted()
    assert len(asked(service, "job")) == 1


def test_a_file_is_waited_for_no_longer_than_the_parameters_say(service, hosted):
    service.file_status = "uploaded"
    with pytest.raises(Fault, match="the service still works at the training file file-0"):
        hosted(wait_h=0.00001)
    service.files["file-0"]["status"] = None  # the key is deprecated, and may be missing
    service.file_status = "processed"
    hosted()
    assert len(asked(service, "file")) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "failed", "error": "in words"},
        {"status": "failed", "error": ["x"]},
        {"status": "cancelled", "error": None},
    ],
)
def test_an_error_in_another_shape_is_no_traceback(service, hosted, answer):
    service.outcome = answer
    with pytest.raises(Fault, match=r"job job-0 (failed|cancelled): no reason is given"):
        hosted()


@pytest.mark.parametrize(
    "data", ["text", [1], {"step": "1"}, {"step": 3, "train_loss": float("nan")}, {"step": 3, "valid_loss": "x"}]
)
def test_losses_in_another_shape_are_left_out(service, hosted, data):
    service.events = [{"id": "e", "type": "metrics", "message": "m", "data": data}]
    service.outcome |= {"trained_tokens": "many"}
    service.jobs["job-strange"] = {"id": "job-strange", "status": "succeeded", "metadata": "none"}
    out = hosted()
    assert "nan" not in (out / "loss.tsv").read_text()
    assert json.loads((out / "1-api/job.json").read_text())["trained_tokens"] is None


@pytest.mark.parametrize("name", ["../files/x?y=", "a\x1b[31m", "", 7, "x" * 300])
def test_an_id_that_could_be_something_else_is_none(service, hosted, name):
    service.echo = {"id": name}
    with pytest.raises(Fault, match="gave no id") as caught:
        hosted()
    assert str(caught.value).isprintable()


def test_a_job_without_a_state_is_an_odd_answer(service, hosted):
    service.fails = [("GET /fine_tuning/jobs/job-0", 200, {"id": "job-0"})]
    with pytest.raises(Fault, match="answers with something else than was asked for"):
        hosted()
