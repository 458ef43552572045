"""What a hosted model is asked: once, within the cap, and nothing is lost."""

import json
import shutil
from functools import partial

import pytest

from pipeline import predict
from pipeline.data.records import write_records
from pipeline.model.hosted import asking
from pipeline.stage import Fault, load_params
from tests.project import ROOT, record
from tests.tuning_service import BASE, KEY, TUNED, asked, error

pytestmark = pytest.mark.slow


@pytest.fixture
def questions(tmp_path):
    """Asks the model of a folder or file as `predict` does."""

    def run(model, max_cost=1.0, records=3, concurrency=1, tasks=()):
        write_records(tmp_path / "test.jsonl", [record(n) for n in range(records)])
        write_records(tmp_path / "new.jsonl", [])
        for name in ("probes", "cases", "texts", "harness"):
            (tmp_path / name).mkdir(exist_ok=True)
        values = load_params(predict.PredictParams, ROOT / "params.yaml").model_dump() | {
            "max_cost": max_cost,
            "concurrency": concurrency,
            "max_new_tokens": 20,
            "harness": {"tasks": list(tasks), "limit": None, "chat": False},
        }
        places = [
            tmp_path / one
            for one in ("test.jsonl", "new.jsonl", "few_shot.jsonl", "probes", "cases", "texts", "harness")
        ]
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


def test_a_hosted_arm_is_left_out_of_the_harness_with_a_word(hosted, questions, tmp_path, capsys):
    questions(hosted(), tasks=["toy"])
    assert not (tmp_path / "tuned/harness.jsonl").exists()
    assert "its arm is left out of the harness's tasks" in capsys.readouterr().out


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


@pytest.mark.parametrize(
    "answer", [(404, error("no such model")), (429, error("is still being loaded")), (503, error("x"))]
)
def test_a_model_that_is_not_served_yet_is_waited_for(service, hosted, questions, monkeypatch, capsys, answer):
    out = hosted()
    monkeypatch.setattr(asking, "LOOK_S", 0.01)
    monkeypatch.setattr(asking, "Chat", partial(asking.Chat, retries=0))
    service.fails = [("POST /chat/completions", *answer)] * 2
    assert len(questions(out)) == 3
    assert capsys.readouterr().out.count("(asked again)") == 2


def test_a_model_that_was_shut_down_is_said_in_words(service, hosted, questions, monkeypatch):
    out = hosted()
    monkeypatch.setattr(asking, "READY_S", 0.0)
    service.fails = [("POST /chat/completions", 404, error("no such model"))] * 9
    with pytest.raises(Fault, match=rf"hosted\.json: names {TUNED}, which .* does not serve; .*shut it down"):
        questions(out)


def test_a_service_that_cannot_be_reached_is_not_waited_for(hosted, questions, monkeypatch, tmp_path):
    out = hosted()
    monkeypatch.setattr(asking, "Chat", partial(asking.Chat, retries=0))
    gone = json.loads((out / "1-api/hosted.json").read_text()) | {"base_url": "http://127.0.0.1:1/v1"}
    (tmp_path / "gone.json").write_text(json.dumps(gone))
    with pytest.raises(Fault, match="cannot be reached"):
        questions(tmp_path / "gone.json")


def test_a_service_that_counts_more_tokens_than_can_be_stops_at_the_cap_and_keeps_what_it_said(
    service, hosted, questions
):
    out = hosted(price_in=1.0, price_out=2.0)
    service.usage = {"prompt_tokens": 900, "completion_tokens": 5}
    with pytest.raises(Fault, match=r"predict\.max_cost: is 0\.001, and \$0\.\d+ went .* 2 questions are left"):
        questions(out, max_cost=0.001)
    assert len(questions(out)) == 3
    assert len(asked(service, "chat")) == 3


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_carries_the_service_s_own_reason_and_tokens(service, hosted, questions, reason):
    out = hosted()
    service.finish_reason = reason
    [row, *_] = questions(out)
    finish = {"length": "length", "content_filter": "declined"}[reason]
    assert (row["finish"], row["prompt_tokens"], row["answer_tokens"]) == (finish, 20, 5)


def test_a_name_that_a_service_gives_again_is_another_model(service, hosted, questions, tmp_path):
    questions(hosted())
    hosted(epochs=3)
    questions(tmp_path / "out")
    assert len(asked(service, "chat")) == 6


def test_the_temperature_is_among_what_shaped_the_answers(hosted, questions, tmp_path):
    questions(hosted(temperature=0.7))
    facts = json.loads((tmp_path / "tuned/arm.json").read_text())
    assert facts["decoding"] == {"greedy": False, "temperature": 0.7, "max_new_tokens": 20}


def test_several_questions_at_a_time_give_the_same_rows(service, hosted, questions, tmp_path):
    out = hosted(price_in=1.0, price_out=2.0)
    rows = questions(out, records=12, concurrency=5)
    assert len(asked(service, "chat")) == 12
    shutil.rmtree(tmp_path / ".cache")
    assert questions(out, records=12) == rows


def test_what_asking_took_and_cost_stands_beside_the_outputs(service, hosted, questions, tmp_path):
    out = hosted(price_in=1.0, price_out=2.0)
    questions(out)
    took = json.loads((tmp_path / ".cache/asked/tuned.json").read_text())
    assert {key: took[key] for key in ("engine", "answers", "prompt_tokens", "answer_tokens", "cost")} == {
        "engine": "service",
        "answers": 3,
        "prompt_tokens": 60,
        "answer_tokens": 15,
        "cost": 9e-05,
    }
    service.fails += [("POST /chat/completions", 400, error("no"))]
    with pytest.raises(Fault, match="refuses"):
        questions(out, records=5)
    assert json.loads((tmp_path / ".cache/asked/tuned.json").read_text()) == took  # nothing came of it
    questions(out, records=5)
    assert json.loads((tmp_path / ".cache/asked/tuned.json").read_text())["answers"] == 2
