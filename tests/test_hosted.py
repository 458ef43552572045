"""Phase `api` and hosted arms, against a service on this machine that checks what it is sent."""

import json
import os
import signal
from functools import partial

import msgspec
import pytest
import yaml
from pydantic import ValidationError

from pipeline import predict, train
from pipeline.data.records import write_records
from pipeline.desk import export
from pipeline.desk.inputs import _check_service
from pipeline.model.hosted import job as jobs
from pipeline.model.hosted.state import State
from pipeline.model.hosted.work import Work
from pipeline.model.training.beginning import begin
from pipeline.stage import Fault, load_params
from tests.lessons import files_of, mixed, params, paths
from tests.project import ROOT, record
from tests.tuning_service import BASE, KEY, TUNED, tuning_service

OWN = {
    "model": BASE,
    "api_key_env": "SAMPLE_TUNING_KEY",
    "price": 3.0,
    "max_cost": 1.0,
    "poll_s": 0.01,
    "wait_h": 0.01,
    "epochs": 2,
}


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv(OWN["api_key_env"], KEY)
    monkeypatch.setattr(jobs, "Tuning", partial(jobs.Tuning, retries=0))
    with tuning_service() as found:
        yield found
    assert found.complaints == []


@pytest.fixture
def hosted(service, tmp_path, monkeypatch):
    """Trains at the service, in a folder without a model of its own."""
    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "few_shot.jsonl", [])
    (tmp_path / "answer.schema.json").write_text('{"type": "string"}')
    (tmp_path / "single.yaml").write_text("")
    (tmp_path / "prompt.yaml").write_text("system: Answer.\nfew_shot: []\n")
    (tmp_path / "base.json").write_text(json.dumps({"model": "local", "revision": "", "licence": "x", "files": {}}))

    def run(records=(), checked=(), turns="last", **changes):
        write_records(tmp_path / "train.jsonl", records or [record(n) for n in range(8)])
        write_records(tmp_path / "validation.jsonl", checked or [record(20)])
        own = OWN | {"base_url": service.address} | changes
        train.main(params("api", api=own, turns=turns), *paths())
        return tmp_path / "out"

    return run


def asked(service, kind):
    return [body for name, body in service.asked if name == kind]


def test_a_job_is_made_followed_and_what_comes_of_it_is_written_down(service, hosted, capsys):
    out = hosted()
    first, second = asked(service, "file")
    assert [turn["role"] for turn in first[0]["messages"]] == ["system", "user", "assistant"]
    assert (len(first), len(second)) == (8, 1)
    [body] = asked(service, "job")
    assert body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    assert (body["model"], body["seed"], body["suffix"]) == (BASE, 17, "gitune")
    assert set(body["metadata"]) == {"fingerprint", "data"}
    found = json.loads((out / "1-api/hosted.json").read_text())
    assert (found["model"], found["base_url"], found["api_key_env"]) == (TUNED, service.address, OWN["api_key_env"])
    job = json.loads((out / "1-api/job.json").read_text())
    assert job["checkpoints"] == [{"model": "ck-1", "step": 10, "validation_loss": 0.55}]
    proof = json.loads((out / "proofs.json").read_text())["1-api"]
    assert (proof["rows_in"], proof["rows_trained"], proof["trained_tokens"]) == (8, 8, 1234)
    assert (out / "loss.tsv").read_text().splitlines()[1].split("\t")[:4] == ["10", "api", "0.5", "0.55"]
    said = capsys.readouterr().out
    assert said.count("validating") == 1  # an event is told once
    assert "at most" in said
    assert "began job job-0" in said
    everything = said + "".join(content.decode() for content in files_of(out.parent).values())
    assert KEY not in everything
    assert "\x1b" not in said
    assert "torch" not in said


def test_preferences_go_in_the_form_of_the_service(service, hosted):
    out = hosted(records=mixed(), checked=mixed(20), method="dpo", beta=0.3)
    rows, _ = asked(service, "file")
    assert len(rows) == 8
    assert set(rows[0]) == {"input", "preferred_output", "non_preferred_output"}
    assert rows[0]["non_preferred_output"] == [{"role": "assistant", "content": '{"label": "none"}'}]
    assert asked(service, "job")[0]["method"]["dpo"]["hyperparameters"] == {"n_epochs": 2, "beta": 0.3}
    proof = json.loads((out / "proofs.json").read_text())["1-api"]
    assert (proof["rows_in"], proof["rows_trained"], proof["dropped"][0]["reason"]) == (16, 8, "has no worse answer")


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ({"batch_size": 4}, ("method", "supervised", "hyperparameters", "batch_size"), 4),
        (
            {"learning_rate_multiplier": 0.5},
            ("method", "supervised", "hyperparameters", "learning_rate_multiplier"),
            0.5,
        ),
        ({"suffix": "other"}, ("suffix",), "other"),
        ({"epochs": 5}, ("method", "supervised", "hyperparameters", "n_epochs"), 5),
    ],
)
def test_every_knob_reaches_the_service(service, hosted, change, path, value):
    hosted(**change)
    [found] = asked(service, "job")
    for key in path:
        found = found[key]
    assert found == value


def test_earlier_answers_of_a_talk_count_where_the_parameters_say_so(service, hosted):
    turns = (*record(1).messages, *record(2).messages)
    talk = msgspec.structs.replace(record(1), messages=turns)
    hosted(records=[talk])
    hosted(records=[talk], turns="all")
    last, every = (rows[0]["messages"] for rows in asked(service, "file") if len(rows[0]["messages"]) > 3)
    assert [turn.get("weight") for turn in last] == [None, None, 0, None, None]
    assert [turn.get("weight") for turn in every] == [None] * 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_cost": 0.0}, r"train\.api\.max_cost: is 0, and the job can cost \$0\.\d+; nothing was uploaded"),
        ({"price": None}, r"train\.api\.price: is not set"),
        ({"model": "old-1"}, r"train\.api\.model: old-1 was shut down on 2026-01-14"),
        ({"base_url": ""}, r"train\.api\.base_url: is empty"),
        ({"base_url": "http://127.0.0.1:1/v1"}, r"cannot be reached"),
        ({"api_key_env": "NO_SUCH_KEY_HERE"}, r"NO_SUCH_KEY_HERE: is not set"),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_is_uploaded(service, hosted, changes, said):
    with pytest.raises(Fault, match=said):
        hosted(**changes)
    assert service.asked == []


def error(text):
    return {"error": {"message": text, "type": "x", "param": None, "code": None}}


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
        (State, "_write", 2),
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


def test_other_data_is_another_job_and_another_cap_is_not(service, hosted):
    hosted()
    hosted(max_cost=2.0, price=2.5)
    assert len(asked(service, "job")) == 1
    hosted(records=[record(n) for n in range(3, 12)])
    assert len(asked(service, "job")) == 2


@pytest.fixture
def questions(tmp_path):
    """Asks the model of a folder or file as `predict` does."""

    def run(model, max_cost=1.0, records=3):
        write_records(tmp_path / "test.jsonl", [record(n) for n in range(records)])
        write_records(tmp_path / "new.jsonl", [])
        for name in ("probes", "cases"):
            (tmp_path / name).mkdir(exist_ok=True)
        values = load_params(predict.PredictParams, ROOT / "params.yaml").model_dump() | {
            "max_cost": max_cost,
            "max_new_tokens": 20,
        }
        places = [tmp_path / one for one in ("test.jsonl", "new.jsonl", "few_shot.jsonl", "probes", "cases")]
        predict.main(
            predict.PredictParams.model_validate(values),
            "tuned",
            *places,
            model,
            tmp_path / "prompt.yaml",
            tmp_path / "tuned",
        )
        return [json.loads(line) for line in (tmp_path / "tuned/answers.jsonl").read_text().splitlines()]

    return run


def test_a_hosted_model_is_asked_once_as_far_as_the_money_reaches(service, hosted, questions):
    out = hosted(price_in=1.0, price_out=2.0)
    with pytest.raises(Fault, match=r"predict\.max_cost: is 0, and 3 questions can cost \$0\.\d+"):
        questions(out, max_cost=0.0)
    assert asked(service, "chat") == []
    rows = questions(out)
    assert [(row["answer"], row["finish"]) for row in rows] == [('{"label": "red"}', "stop")] * 3
    bodies = asked(service, "chat")
    assert {(body["model"], body["temperature"], body["max_completion_tokens"]) for body in bodies} == {
        (TUNED, 0.0, 20)
    }
    assert [turn["role"] for turn in bodies[0]["messages"]] == ["system", "user"]
    assert questions(out, max_cost=0.0) == rows
    assert len(asked(service, "chat")) == 3
    questions(out, records=4)
    assert len(asked(service, "chat")) == 4


def test_an_interrupted_predict_pays_for_no_answer_twice(service, hosted, questions):
    out = hosted()
    questions(out, records=1)
    service.fails += [("POST /chat/completions", 400, error("no"))]
    with pytest.raises(Fault, match="refuses the request"):
        questions(out, records=3)
    questions(out, records=3)
    assert len(asked(service, "chat")) == 3


def test_another_hosted_model_is_an_arm_by_its_file(hosted, questions, tmp_path):
    out = hosted()
    other = json.loads((out / "1-api/hosted.json").read_text()) | {"model": BASE}
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert {row["answer"] for row in questions(tmp_path / "other.json")} == {'{"label": "no"}'}
    (tmp_path / "other.json").write_text(json.dumps(other | {"key": KEY}))
    with pytest.raises(Fault, match=r"other\.json: key: is not a known key"):
        questions(tmp_path / "other.json")


def test_a_hosted_model_is_neither_exported_nor_trained_on(hosted, tmp_path):
    out = hosted()
    (tmp_path / "models").mkdir()
    out.rename(tmp_path / "models/adapter")
    with pytest.raises(Fault, match="is a model that a service has; ask it there"):
        export.run(tmp_path / "export", "auto", "cpu", None)
    with pytest.raises(Fault, match="is a model that a service has"):
        begin(tmp_path / "models/adapter")


def test_what_a_service_needs_is_asked_for_before_dvc_starts():
    with pytest.raises(Fault, match=r"train\.api\.model: is empty"):
        _check_service(params("api"))
    with pytest.raises(Fault, match=r"train\.api\.price: is not set"):
        _check_service(params("api", api={"model": "x", "base_url": "http://localhost/v1"}))
    _check_service(params("lora"))
    with pytest.raises(ValidationError, match="api stands alone"):
        params("lora", "api")


def test_the_section_has_no_default_of_a_provider():
    own = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]["api"]
    assert (own["base_url"], own["model"], own["price"]) == ("", "", None)
