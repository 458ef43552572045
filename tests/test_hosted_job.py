"""A hosted job is paid once, whatever breaks, and ends in words."""

import json
import os
import shutil
import signal
from functools import partial

import pytest

from pipeline.model.hosted import job as jobs
from pipeline.model.hosted.state import State, state_of
from pipeline.model.hosted.work import Work
from pipeline.model.training import checkpoints
from pipeline.stage import Fault
from tests.project import record
from tests.tuning_service import CUT, KEY, TUNED, asked, error

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (
            ("POST /fine_tuning/jobs", 403, error("not allowed")),
            r"lets this organisation fine-tune nothing \(403: .*2027-01-06",
        ),
        (("POST /fine_tuning/jobs", 429, error("three at a time")), r"takes no job now \(429: .*three at a time"),
        (("POST /files", 401, error(f"bad {KEY}")), r"does not take the key in SAMPLE_TUNING_KEY \(401\)"),
        (("POST /files", 400, error("not JSONL")), r"refuses the request \(400: .*not JSONL"),
        (("GET /files", 429, error("slow down")), r"turns requests away .*429"),
        (("POST /fine_tuning/jobs", 500, error("oops")), r"does not say whether it began the job .*oops"),
        (("GET /fine_tuning/jobs", 404, error("no such path")), r"has no /fine_tuning/jobs \(404: .*no such path"),
        (("POST /fine_tuning/jobs", 200, b"<html>"), r"answers with something else than was asked for \(<html>"),
        (("POST /fine_tuning/jobs", 200, {"object": "job"}), r"gave no id"),
        (("GET /fine_tuning/jobs/job-0", 200, b"[1]"), r"answers with something else"),
        (("GET /files/file-0", 404, error("gone")), r"knows nothing now of the training file file-0; run again"),
        (("GET /fine_tuning/jobs/job-0", 404, error("no")), r"names job job-0, of which the service knows nothing now"),
    ],
)
def test_a_service_that_fails_is_told_in_a_line_and_the_next_run_goes_on(service, hosted, fails, said):
    service.fails.append(fails)
    with pytest.raises(Fault, match=said) as caught:
        hosted()
    assert KEY not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    out = hosted()
    assert json.loads((out / "1-api/hosted.json").read_text())["model"] == TUNED
    assert len(asked(service, "job")) == 1
    assert len(asked(service, "file")) == 2  # nothing is uploaded twice


def test_a_service_that_is_busy_is_asked_again(service, hosted, monkeypatch):
    monkeypatch.setattr(jobs, "Tuning", partial(jobs.Tuning.func, retries=1))
    service.fails.append(("GET /files", 429, error("slow down")))
    hosted()
    assert len(asked(service, "job")) == 1


@pytest.mark.parametrize("names", [True, False])
def test_a_model_that_the_service_does_not_name_is_tried(service, hosted, capsys, names):
    """Some name only the models that they serve, some none."""
    service.models = service.models if names else None
    hosted(model="unheard-of")
    assert asked(service, "job")[0]["model"] == "unheard-of"
    assert ("unheard-of is not among the models that the service names" in capsys.readouterr().out) == names


def test_a_file_that_the_service_does_not_take_is_named(service, hosted):
    service.file_status = "error"
    with pytest.raises(Fault, match=r"does not take the training file file-0 \(line 1 is wrong \*\*\*\)"):
        hosted()
    service.file_status = "processed"
    hosted()
    assert len(asked(service, "job")) == 1


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_is_lost_is_told_and_the_next_run_asks_for_another(service, hosted, status):
    good = service.outcome
    service.outcome = {"status": status, "error": {"message": f"bad data {KEY}", "param": "training_file"}}
    with pytest.raises(Fault, match=rf"job job-0 {status}: bad data \*\*\* \(at training_file\)"):
        hosted()
    service.outcome = good
    hosted()
    assert len(asked(service, "job")) == 2
    assert len(asked(service, "file")) == 2


def killed_at(monkeypatch, hosted, place, name, number):
    """Run in a forked process that is killed at the call of that number."""
    child = os.fork()
    if not child:
        try:
            original, calls = getattr(place, name), [0]

            def counted(*values, **options):
                calls[0] += 1
                if calls[0] == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*values, **options)

            monkeypatch.setattr(place, name, counted)
            hosted()
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(
    ("place", "name", "number"),
    [
        (State, "_write", 1),
        (State, "_write", 3),
        (State, "_write", 4),
        (Work, "body", 1),
        (jobs, "follow", 1),
    ],
)
@pytest.mark.parametrize("keeps_metadata", [True, False])
def test_a_run_that_is_killed_anywhere_pays_once(service, hosted, monkeypatch, place, name, number, keeps_metadata):
    """The third write is that of the job's id: the service has begun it, and we do not know."""
    service.keeps_metadata = keeps_metadata
    killed_at(monkeypatch, hosted, place, name, number)
    out = hosted()
    assert len(asked(service, "job")) == 1
    assert json.loads((out / "1-api/job.json").read_text())["job"] == "job-0"


@pytest.mark.parametrize("keeps_metadata", [True, False])
def test_other_data_is_another_job_and_another_cap_is_not(service, hosted, keeps_metadata):
    service.keeps_metadata = keeps_metadata
    hosted()
    hosted(max_cost=2.0, price=2.5)
    assert len(asked(service, "job")) == 1
    hosted(records=[record(n) for n in range(3, 12)])
    assert len(asked(service, "job")) == 2


def test_what_is_not_sent_makes_no_other_job(service, hosted, tmp_path, monkeypatch):
    """Neither the files around the data, nor the libraries of this machine; and what is known outlives the training's own cache."""
    hosted()
    (tmp_path / "single.yaml").write_text("num_processes: 1\n")
    monkeypatch.setattr(checkpoints, "version", lambda name: f"another {name}")
    shutil.rmtree(tmp_path / ".cache/training")
    service.fails = [("GET /fine_tuning/jobs", 500, error("not looked at"))]
    hosted(max_cost=0.0, price=None)  # nothing is to be paid any more
    assert len(asked(service, "job")) == 1


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("change", [{"epochs": 1}, {"suffix": "b"}, {"model": "small-2"}, {"more": {"lora_r": 4}}])
def test_another_parameter_is_another_job(service, hosted, keeps_metadata, change):
    service.keeps_metadata, service.models = keeps_metadata, None
    plain = {"epochs": 2, "suffix": "a", "model": "small-1", "more": {"lora_r": 8}}
    for values in (plain, plain | change, plain):
        hosted(**values)
    assert len(asked(service, "job")) == 2


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("answer", [(500, error("oops")), (504, b"<html>"), (200, CUT), (200, b"<html>"), (200, {})])
def test_a_job_that_was_begun_before_the_service_broke_off_is_found_again(service, hosted, answer, keeps_metadata):
    service.keeps_metadata = keeps_metadata
    service.late = [("POST /fine_tuning/jobs", *answer)]
    with pytest.raises(Fault):
        hosted()
    hosted()
    assert len(asked(service, "job")) == 1


@pytest.mark.parametrize("can_cancel", [True, False])
def test_of_two_machines_that_ask_at_once_one_takes_its_job_back(service, hosted, capsys, can_cancel):
    """The other one's job is there when ours has just been begun, and carries the same fingerprint."""
    body = {}

    def other():
        if not service.jobs:
            service.jobs["job-other"] = {"id": "job-other", "status": "running", "created_at": 0, "looked": 0} | body

    monkey = Work.body

    def seen(work, files):
        body.update(monkey(work, files))
        return dict(body)

    service.while_created = other
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "body", seen)
        if not can_cancel:
            service.fails = [("POST .*/cancel", 404, error("no such path"))]
            with pytest.raises(Fault, match="has no /fine_tuning/jobs/job-1/cancel"):
                hosted()
        out = hosted()
    assert asked(service, "cancel") == ["job-1"] * can_cancel
    assert json.loads((out / "1-api/job.json").read_text())["job"] == "job-other"
    assert "takes it back" in capsys.readouterr().out


def test_two_runs_in_one_folder_do_not_get_in_each_others_way(tmp_path):
    with state_of(tmp_path, "x") as state:
        state.note("job", "j")
        with pytest.raises(Fault, match=r"x\.json: is in the hands of another run"), state_of(tmp_path, "x"):
            pass
    with state_of(tmp_path, "x") as state:
        assert state.known == {"job": "j"}


@pytest.mark.parametrize("place", ["hyperparameters", "method"])
def test_a_service_that_takes_other_epochs_is_stopped(service, hosted, place):
    said = {"n_epochs": 9}
    method = {"type": "supervised", "supervised": {"hyperparameters": said}}
    service.echo = {"hyperparameters": said} | ({"method": None} if place == "hyperparameters" else {"method": method})
    with pytest.raises(Fault, match="did not take the epochs of job job-0"):
        hosted()
    assert asked(service, "cancel") == ["job-0"]
