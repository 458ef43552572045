"""make serve: which model it takes, what it refuses to begin with, and that the answers are those of the evaluation."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml

from pipeline import predict
from pipeline.data.answers import Contract
from pipeline.data.records import write_records
from pipeline.production import serve
from pipeline.production.chosen import chosen
from pipeline.production.recording.params import RecordParams
from pipeline.production.serving.laptop import laptop
from pipeline.production.serving.params import ServeParams
from pipeline.stage import Fault, load_params
from tests.lessons import SCHEMA, params, paths, project
from tests.project import ROOT, record
from tests.recorded import SERVE, read, settings, waited

QUESTIONS = 5
ANYWHERE = "0.0.0.0"  # noqa: S104
LESSONS = {"lora": {"epochs": 8, "learning_rate": 0.05}, "full": {"epochs": 6}}


def knobs(**changes):
    """The repository's parameters, for answers of a few tokens on one thread, with a port of its own."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["predict"] |= {"max_new_tokens": 12, "batch_size": 4, "device": "cpu", "dtype": "float32", "threads": 1}
    values["serve"] |= {"port": 0} | changes.pop("serve", {})
    values["record"] |= changes.pop("record", {})
    values |= changes
    return values


def write_project(folder, **changes):
    (folder / "task").mkdir(exist_ok=True)
    (folder / "task/answer.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs(**changes)))


@contextlib.contextmanager
def started(folder, *words):
    """make serve in a folder; gives its address, its process and what it said."""
    command = [sys.executable, "-m", "pipeline.production.serve", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        (folder / "said").open("wb") as out,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        said = lambda: (folder / "said").read_text()  # noqa: E731
        try:
            waited(lambda: "answers with" in said() or process.poll() is not None, bool, 240)
            assert process.poll() is None, said()
            yield re.search(r"serve: (http\S+)/v1 answers", said())[1], process, said()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.mark.rehearsal
@pytest.mark.parametrize("phase", ["lora", "full"])
def test_the_served_model_says_what_the_evaluation_was_told(base, settled, tmp_path, monkeypatch, phase):  # noqa: ARG001
    from pipeline.train import main as train

    monkeypatch.chdir(tmp_path)
    project(tmp_path, base)
    write_records(tmp_path / "few_shot.jsonl", [record(30)])
    (tmp_path / "prompt.yaml").write_text(f"system: Answer.\nfew_shot: [{record(30).id}]\n")
    train(params(phase, **{phase: LESSONS[phase]}), *paths())
    rows = evaluated(tmp_path)
    assert len({row["answer"] for row in rows}) > 1
    write_project(tmp_path, serve={"token_env": ""})
    with started(tmp_path, "--model", "out") as (address, process, said):
        assert "trained by no commit that is known" in said
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
            for number, row in enumerate(rows):
                asked = [dict(turn) for turn in record(number).asked]
                whole = client.post("/v1/chat/completions", json={"messages": asked}).json()
                assert whole["choices"][0]["message"]["content"] == row["answer"]
                assert str(tmp_path) not in json.dumps(whole)
                assert whole["usage"]["prompt_tokens"] == row["prompt_tokens"]
                stream = client.post("/v1/chat/completions", json={"messages": asked, "stream": True}).text
                assert streamed(stream) == row["answer"]
        lines = waited(lambda: read(tmp_path / "logs", "requests"), lambda found: len(found) == 2 * QUESTIONS)
        assert [line["answer"] for line in lines[::2]] == [row["answer"] for row in rows]
        assert {line["model"][-4:] for line in lines} == {".dir"}
        assert at_work(tmp_path / ".cache/served")
        process.kill()
    assert waited(lambda: at_work(tmp_path / ".cache/served"), lambda found: not found, 60) == []


def evaluated(folder):
    """The answers of an arm with the model's own prompt."""
    write_records(folder / "test.jsonl", [record(n) for n in range(QUESTIONS)])
    write_records(folder / "new.jsonl", [])
    for name in ("probes", "cases", "texts"):
        (folder / name).mkdir()
    (folder / "texts/t.jsonl").write_text('{"id": "t", "text": "red door"}\n')
    (folder / "own.yaml").write_text('system: ""\nfew_shot: []\n')
    names = ("test.jsonl", "new.jsonl", "few_shot.jsonl", "probes", "cases", "texts", "harness")
    values = predict.PredictParams.model_validate(knobs()["predict"])
    predict.main(
        values, "tuned", *(folder / name for name in names), Path("out"), folder / "own.yaml", folder / "said_by"
    )
    rows = [json.loads(line) for line in (folder / "said_by/answers.jsonl").read_text().splitlines()]
    by_id = {row["id"]: row for row in rows}
    return [by_id[record(n).id] for n in range(QUESTIONS)]


def streamed(text):
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return "".join((event["choices"][0]["delta"].get("content") or "") for event in events if event["choices"])


def at_work(folder):
    """The processes that work below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder.resolve()) in str((process / "cwd").readlink()):
                found.append(process.name)
    return found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"host": ANYWHERE, "token_env": "NO_SUCH_TOKEN"},
            r"serve\.token_env: gives no token, and 0\.0\.0\.0 can be reached; write NO_SUCH",
        ),
        ({"host": ANYWHERE, "token_env": ""}, r"gives no token"),
        ({"origins": ["shop.example"]}, r"serve\.origins: has shop\.example, which is no origin"),
        ({"max_body_mb": 16.0}, r"record\.buffer_mb: is 32, and a request may have 16 MiB; make it more than twice"),
        (
            {},
            r"models/accepted\.dvc: is not there, so no model is accepted yet; make promote, or serve .* MODEL=models/adapter",
        ),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is_loaded(tmp_path, monkeypatch, changes, said):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, serve=changes)
    with pytest.raises(Fault, match=said):
        serve.serve("", "", "", tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("", "", "many"), r"PORT=many: is no port"),
        (("", "none", ""), r"MODEL=none: is not there; make run"),
        (("HEAD", "none", ""), r"REV and MODEL: are both given"),
        (("v9", "", ""), r"REV=v9: is no revision of this repository"),
    ],
)
def test_a_model_that_cannot_be_had_is_told_by_the_setting_that_names_it(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    with pytest.raises(Fault, match=said):
        serve.serve(*words, tmp_path)


def test_a_port_that_is_taken_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with pytest.raises(
            Fault, match=rf"serve\.port: 127\.0\.0\.1:{port} cannot be listened on .*; free it, or .* PORT="
        ):
            serve.serve("", "", port, tmp_path)


def test_a_token_that_cannot_stand_in_a_header_is_refused_unshown(monkeypatch):
    monkeypatch.setenv("SERVE_TOKEN", "zwölf words")
    with pytest.raises(Fault, match="SERVE_TOKEN: holds a character") as caught:
        ServeParams.model_validate(SERVE | {"token_env": "SERVE_TOKEN"}).token()
    assert "words" not in str(caught.value)


def test_transformers_is_not_asked_for_answers_by_a_schema():
    with pytest.raises(Fault, match=r"serve\.constrained: is true, and transformers serve answers without"):
        ServeParams.model_validate(SERVE | {"engine": "transformers", "constrained": True}).check_engine()


def test_a_hosted_model_is_asked_at_its_service_with_its_key_and_prices(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OWN_KEY", "key-of-the-service")
    write_project(tmp_path)
    hosted = {
        "base_url": "https://service.example/v1/",
        "model": "ft:x",
        "api_key_env": "OWN_KEY",
        "job": "",
        "temperature": None,
    }
    (tmp_path / "hosted.json").write_text(json.dumps(hosted | {"price_in": 1.0, "price_out": 2.0}))
    found = chosen("", "hosted.json", tmp_path, print)
    params = ServeParams.model_validate(SERVE | {"engine": "transformers", "constrained": True})
    with serve.asked(found, params, predict.PredictParams.model_validate(knobs()["predict"])) as (
        engine,
        asking,
        prices,
    ):
        assert (engine.base_url, engine.key, prices) == ("https://service.example/v1", "key-of-the-service", (1.0, 2.0))
        assert "key-of-the-service" not in repr(engine)
        assert (asking.model, asking.temperature, asking.schema["json_schema"]["schema"]) == ("ft:x", None, SCHEMA)
    told = serve.settings(found, asking.model, load_params(RecordParams), prices)
    assert (told.model, told.price_in, told.price_out, told.sample) == ("ft:x", 1.0, 2.0, 1.0)


def test_an_answer_of_a_service_has_its_price(tmp_path):
    from pipeline.production.logs.heard import Heard
    from pipeline.production.recording.lines import Lines

    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    body = json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}).encode()
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    lines = Lines(settings(tmp_path, price_in=1.0, price_out=2.0), Contract.load(tmp_path / "schema.json"), b"key")
    assert lines.entry(Heard(kind="request", id="x"), b"{}", body)[0].cost == 0.002


@pytest.mark.parametrize("adds", [True, False])
def test_the_prompt_that_a_model_carries_is_added_where_that_is_asked_for(tmp_path, monkeypatch, adds):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OWN_KEY", "word")
    made = {"name": "api", "folder": "1-api", "kind": "hosted", "on": ""}
    hosted = {
        "base_url": "https://service.example/v1",
        "model": "ft:x",
        "api_key_env": "OWN_KEY",
        "job": "",
        "temperature": 0.0,
    }
    (tmp_path / "out/1-api").mkdir(parents=True)
    (tmp_path / "out/phases.json").write_text(json.dumps({"phases": [made]}))
    (tmp_path / "out/1-api/hosted.json").write_text(json.dumps(hosted | {"price_in": 0.0, "price_out": 0.0}))
    (tmp_path / "out/prompt.yaml").write_text("system: Answer.\nfew_shot: []\n")
    params = ServeParams.model_validate(SERVE | {"adds_prompt": adds})
    found = chosen("", "out", tmp_path, print)
    with serve.asked(found, params, predict.PredictParams.model_validate(knobs()["predict"])) as (_, asking, _):
        assert asking.prompt == ([{"role": "system", "content": "Answer."}] if adds else [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start_s", "said"),
    [
        (0.01, r"serve\.start_s: 0\.01 s are over, and the engine does not answer"),
        (120.0, r"log: the engine ended with \d+"),
    ],
)
def test_an_engine_that_does_not_come_up_is_told(tmp_path, start_s, said):
    (tmp_path / "model").mkdir()
    with (
        pytest.raises(Fault, match=said),
        laptop(tmp_path / "model", "float32", "cpu", start_s, tmp_path / "log", print),
    ):
        pass
    assert waited(lambda: at_work(tmp_path), lambda found: not found) == []
