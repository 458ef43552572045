"""Phase `api` and hosted arms, against a service on this machine that checks what it is sent."""

import json

import msgspec
import pytest
import yaml
from pydantic import ValidationError

from pipeline.desk import export
from pipeline.desk.inputs import _check_service
from pipeline.model.hosted.rows import upload_of
from pipeline.model.hosted.work import Work
from pipeline.model.rendering import Example
from pipeline.model.training.beginning import begin
from pipeline.stage import Fault
from tests.lessons import files_of, mixed, params
from tests.project import ROOT, git, record
from tests.tuning_service import BASE, KEY, OWN, TUNED, asked

pytestmark = pytest.mark.slow


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
    assert (proof["validation"]["rows_in"], proof["validation"]["rows_checked"]) == (16, 8)


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
        ({"more": {"lora": True}}, ("method", "supervised", "hyperparameters", "lora"), True),
    ],
)
def test_every_knob_reaches_the_service(service, hosted, change, path, value):
    hosted(**change)
    [found] = asked(service, "job")
    for key in path:
        found = found[key]
    assert found == value


def test_the_commit_goes_along(service, hosted, tmp_path):
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        git(tmp_path, *command)
    hosted()
    assert asked(service, "job")[0]["metadata"]["revision"] == git(tmp_path, "rev-parse", "HEAD").strip()


def test_without_git_a_job_is_asked_for_all_the_same(service, hosted, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    hosted()
    assert "revision" not in asked(service, "job")[0]["metadata"]


def test_what_more_a_service_knows_says_nothing_that_has_a_key_of_its_own():
    with pytest.raises(ValidationError, match="n_epochs has a key of its own"):
        params("api", api={"more": {"n_epochs": 50}})


def test_the_cost_is_an_upper_bound_whatever_the_text_and_the_service():
    """A token for each byte, as tokenizers without the letters have it; a pair's question twice; the validation file in each epoch."""
    question = {"role": "user", "content": "语" * 100}
    answers = [{"role": "assistant", "content": text} for text in ("1" * 50, "2" * 60)]
    one = Example("x", [question, answers[0]], 1, [answers[1]])
    chat, pair = upload_of([one], is_preference=False), upload_of([one], is_preference=True)
    assert chat.most_tokens >= 300 + 50
    assert pair.most_tokens >= 2 * 300 + 50 + 60
    own = params("api", api=OWN | {"base_url": "http://x/v1"}).api
    alone, checked = (Work(own, 1, chat, other, print) for other in (upload_of([], is_preference=False), chat))
    assert alone.most_tokens == 2 * chat.most_tokens
    assert checked.most_tokens == 4 * chat.most_tokens
    assert checked.cost == pytest.approx(checked.most_tokens * 3.0 / 1e6)


def test_a_model_that_the_job_does_not_name_is_named_in_the_parameters(service, hosted):
    service.outcome = {"status": "succeeded", "fine_tuned_model": None}
    with pytest.raises(Fault, match=r"job job-0 names no model that came of it; .*train\.api\.served_as"):
        hosted()
    out = hosted(served_as="mine")
    found = json.loads((out / "1-api/hosted.json").read_text())
    assert (found["model"], found["job"], len(asked(service, "job"))) == ("mine", "job-0", 1)


@pytest.mark.parametrize("name", ["a\x1b[31mb", "x" * 10_000])
def test_a_name_that_is_none_is_not_written_down(service, hosted, name):
    service.outcome = {"status": "succeeded", "fine_tuned_model": name}
    with pytest.raises(Fault, match="names a model that cannot be written down"):
        hosted()


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
