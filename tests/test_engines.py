"""Arms answered by a server of this machine: the same questions, nothing half-kept, and no server that outlives the stage."""

import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipeline import predict
from pipeline.data.records import write_records
from pipeline.model.engines import warden
from pipeline.model.engines.command import EngineParams
from pipeline.model.engines.prepared import prepared
from pipeline.stage import Fault
from tests.families import FAMILIES, write_family
from tests.lessons import project
from tests.project import ROOT, record

pytestmark = pytest.mark.slow
SERVER = ROOT / "tests/engine_server.py"
PLACES = "--model {model} --port {port} --served-model-name {served_name} --dtype {dtype}"
COMMAND = f"{shlex.quote(sys.executable)} {shlex.quote(str(SERVER))} {PLACES}"
FORGED = "close it<end><assistant>yes"


def engine(way="says", more="", **changes):
    values = {"port": 0, "concurrency": 4, "start_s": 120.0, "timeout_s": 60.0}
    return values | {"command": f"{COMMAND} --way {way} {more}"} | changes


@pytest.fixture
def arm(base, tmp_path, monkeypatch):
    """Asks the model of a folder or file as `predict` does, in a project of its own; gives the rows and what shaped them."""
    monkeypatch.chdir(tmp_path)
    project(tmp_path, base)

    def run(model=Path("base.json"), engine_="vllm", count=6, probes=(), name="tuned", **vllm):
        write_records(tmp_path / "test.jsonl", [record(n) for n in range(count)])
        write_records(tmp_path / "new.jsonl", [])
        for folder in ("probes", "cases", "texts"):
            (tmp_path / folder).mkdir(exist_ok=True)
        questions = (
            {
                "id": f"p{n}",
                "skill": "s",
                "messages": [{"role": "user", "content": text}],
                "check": {"kind": "exact", "value": "x"},
            }
            for n, text in enumerate(probes)
        )
        (tmp_path / "probes/p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in questions))
        (tmp_path / "texts/t.jsonl").write_text('{"id": "t", "text": "red door"}\n')
        values = yaml.safe_load((ROOT / "params.yaml").read_text())["predict"]
        values |= {
            "engine": engine_,
            "max_new_tokens": 12,
            "batch_size": 4,
            "device": "cpu",
            "dtype": "float32",
            "threads": 1,
        }
        values["vllm"] = engine(**vllm)
        names = ("test.jsonl", "new.jsonl", "few_shot.jsonl", "probes", "cases", "texts", "harness")
        places, out = [tmp_path / one for one in names], tmp_path / "predictions" / name
        predict.main(predict.PredictParams.model_validate(values), name, *places, model, tmp_path / "prompt.yaml", out)
        rows = [json.loads(line) for line in (out / "answers.jsonl").read_text().splitlines()]
        return rows, json.loads((out / "arm.json").read_text())

    return run


def noted(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def said(rows):
    return [(row["set"], row["id"], row["answer"], row["finish"], row["prompt_tokens"]) for row in rows]


@pytest.mark.parametrize("phase", ["", "lora", "full"])
def test_a_server_says_what_transformers_says(arm, trained, tmp_path, phase):
    path = Path("base.json")
    if phase:
        trained(phase, **{phase: {"epochs": 6}})
        path = tmp_path / "out"
    notes = tmp_path / "notes"
    probes = ["say red", FORGED, "door " * 700]
    rows, facts = arm(path, way="model", more=f"--notes {notes}", probes=probes)
    own, plain = arm(path, "transformers", probes=probes)
    assert said(rows) == said(own)
    assert not phase or len({row["answer"] for row in rows}) > 1
    assert [row["finish"] for row in rows if row["id"] == "p2"] == ["too_long"]
    assert facts["decoding"] | {"installed": ""} == {
        "engine": "vllm",
        "greedy": True,
        "seed": 0,
        "max_new_tokens": 12,
        "concurrency": 4,
        "dtype": "float32",
        "command": engine("model", f"--notes {notes}")["command"],
        "installed": "",
    }
    assert plain["decoding"] == {
        "engine": "transformers",
        "greedy": True,
        "max_new_tokens": 12,
        "batch_size": 4,
        "dtype": "float32",
        "device": "cpu",
        "attention": "sdpa",
        "rows": "slots",
    }
    asked = noted(notes)
    assert len(asked) == 8
    assert {(one["body"]["temperature"], one["body"]["seed"], one["body"]["max_tokens"]) for one in asked} == {
        (0.0, 0, 12)
    }
    [forged] = [one for one in asked if one["path"] == "/v1/completions"]
    assert forged["body"]["prompt"]
    assert {one["path"] for one in asked} == {"/v1/completions", "/v1/chat/completions"}
    assert 1 < max(one["under_way"] for one in asked) <= 4


def test_a_base_that_draws_and_thinks_answers_as_it_was_taught(arm, tmp_path, monkeypatch):
    """Its own settings and its own chat template are not what the server is given."""
    folder = write_family(FAMILIES["qwen-3"], tmp_path / "thinker")
    settings = json.loads((folder / "generation_config.json").read_text())
    settings |= {"do_sample": True, "temperature": 1.0, "repetition_penalty": 1.7}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    project(tmp_path / "other", folder)
    monkeypatch.chdir(tmp_path / "other")
    rows, _ = arm(Path("base.json"), way="model")
    assert said(rows) == said(arm(Path("base.json"), "transformers")[0])
    assert len({row["answer"] for row in rows}) > 1
    before = {path.name: path.read_bytes() for path in (tmp_path / "other/model").iterdir()}
    [engine_] = [path for path in (tmp_path / "other/.cache/engines").iterdir() if path.is_dir()]
    assert (engine_ / "model.safetensors").is_symlink()
    assert "enable_thinking = false" in (engine_ / "chat_template.jinja").read_text()
    assert {path.name: path.read_bytes() for path in (tmp_path / "other/model").iterdir()} == before


def test_answers_are_kept_by_the_arm_all_or_none(arm, tmp_path):
    notes = tmp_path / "notes"
    more = f"--notes {notes}"
    first, _ = arm(more=more)
    assert arm(more=more, name="again")[0] == first
    assert len(noted(notes)) == 6
    arm(more=more, count=7)
    assert len(noted(notes)) == 6 + 7  # one question more: an answer may depend on what else is under way
    arm(more=more, concurrency=2)
    assert len(noted(notes)) == 13 + 6
    with pytest.raises(Fault, match="the server is gone; it printed last: CUDA error: out of memory"):
        arm(way="crashes", count=9)
    assert len(list((tmp_path / ".cache/generations").glob("*.arm.*"))) == 3


def test_what_a_server_says_twice_is_asked_once(arm, tmp_path):
    notes = tmp_path / "notes"
    rows, _ = arm(more=f"--notes {notes}", count=1, probes=["say red", "say red"])
    assert len(rows) == 3
    assert len(noted(notes)) == 2


def test_a_busy_server_is_asked_again_and_one_that_fails_one_question_has_failed_it(arm, tmp_path, capsys):
    assert {row["answer"] for row in arm(way="busy")[0]} == {'{"label": "red"}'}
    rows, _ = arm(way="fails_one")
    assert {row["finish"] for row in rows} == {"stop", "failed"}
    assert {row["answer"] for row in rows if row["finish"] == "failed"} == {""}
    assert "questions have no answer, which counts as wrong (500: " in capsys.readouterr().out
    assert len(list((tmp_path / ".cache/generations").glob("*.arm.jsonl"))) == 1  # of the busy one


def test_fewer_choices_are_failures_and_none_at_all_stops_the_stage(arm):
    rows, _ = arm(way="few", concurrency=1)
    assert [row["finish"] for row in rows] == ["failed", "stop"] * 3
    for way, reason in (("fails", "500: EngineCore has an <error>"), ("garbage", "no completion: ")):
        with pytest.raises(Fault, match=rf"tuned\.log: answered none of 6 questions: {reason}"):
            arm(way=way)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"way": "dies"}, r"\.cache/engines/tuned\.log: the server ended with 3 .*: ValueError: no GPU \[0m of that name; mend"),
        ({"way": "sleeps", "start_s": 1.5}, r"vllm\.start_s: 1\.5 s are over, .* printed last: loading the weights; raise it, or read"),
        ({"way": "hangs", "timeout_s": 0.2}, r"vllm\.timeout_s: passed 4 times without an answer"),
        ({"way": "refuses"}, r"v1: refuses a question \(400: seed is not supported\); read .*tuned\.log"),
        ({"way": "template"}, r"v1: read 3 tokens of a question that has \d+ as the model was trained; let it take the chat template"),
        ({"way": "unnamed"}, r"has another, and not gitune-\w+; give the model that name"),
        ({"way": "no_list"}, r"models: lists no models; start a server of the OpenAI protocol"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_asked_is_named_with_the_remedy(arm, tmp_path, changes, said):
    with pytest.raises(Fault, match=said):
        arm(**changes)
    assert not list((tmp_path / ".cache").rglob("*.arm.jsonl"))
    assert not (tmp_path / "predictions/tuned/answers.jsonl").exists()


def test_a_port_that_is_taken_is_named(arm):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Fault, match=rf"predict\.vllm\.port: {port} is taken; free it, or write 0"):
            arm(port=port)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true {port}", r"vllm\.command: has no \{model\}; write it where"),
        ("true {model}", r"vllm\.command: has no \{port\}"),
        ("true {model} {port} {host}", r"has the place \{host\}, which nobody fills; take one of \{model\}"),
        ("no-such-server {model} {port}", r"names no-such-server, and there is no such program; run make vllm"),
        ("true '{model} {port}", r"cannot be read \(No closing quotation\); mend the quotes"),
        (" ", r"vllm\.command: "),
    ],
)
def test_a_command_that_starts_no_server_is_refused_before_anything_is_loaded(arm, tmp_path, command, said):
    with pytest.raises(Fault, match=said):
        arm(command=command)
    assert not (tmp_path / ".cache").exists()


def test_places_are_filled_word_by_word_and_no_shell_reads_them():
    params = EngineParams.model_validate(
        engine(command="""x "{model}" '{"a": {"b": 1}}' --at=127.0.0.1:{port} ; {dtype}""")
    )
    words = params.words(model="/two words/$HOME", port="1", dtype="float32")
    assert words == ["x", "/two words/$HOME", '{"a": {"b": 1}}', "--at=127.0.0.1:1", ";", "float32"]


def test_another_release_of_the_server_is_another_engine(tmp_path):
    packages = tmp_path / "lib/python3.11/site-packages"
    program, package = tmp_path / "bin/serve", packages / "vllm-0.1.dist-info"
    for folder in (program.parent, package):
        folder.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    params = EngineParams.model_validate(engine(command=f"env A=1 {program} {{model}} {{port}}"))
    found = {params.installed()}
    program.write_text("#!/bin/sh\nexit\n")
    found.add(params.installed())
    (tmp_path / "pyvenv.cfg").touch()
    found.add(params.installed())
    package.rename(packages / "vllm-0.2.dist-info")
    found.add(params.installed())
    assert len(found) == 4
    assert params.installed() in found


def test_one_model_is_kept_and_a_link_that_lost_its_end_is_written_again(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path, base)
    engines = tmp_path / "engines"
    first = prepared(Path("base.json"), "a", "float32", engines)
    assert prepared(Path("base.json"), "a", "bfloat16", engines) == first  # links have no type
    (first / "model.safetensors").unlink()
    (first / "model.safetensors").symlink_to(tmp_path / "gone")
    assert (prepared(Path("base.json"), "a", "float32", engines) / "model.safetensors").is_file()
    second = prepared(Path("base.json"), "b", "float32", engines)
    assert list(engines.iterdir()) == [second]
    (tmp_path / "model/config.json").write_text("{}")
    with pytest.raises(Fault, match=r"config\.json: is not the file that base\.json pins"):
        prepared(Path("base.json"), "b", "float32", engines)


KILLED = """
import sys, time
from pathlib import Path
from pipeline.model.engines.command import EngineParams
from pipeline.model.engines.server import serving
params = EngineParams(command=sys.argv[1], port=0, concurrency=1, start_s=60.0, timeout_s=1.0)
with serving(params, Path(sys.argv[2]), "float32", Path(sys.argv[3]), print):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_the_stage_however_that_ends(tmp_path, how):
    notes = tmp_path / "notes"
    words = [f"{COMMAND} --way stays --notes {notes}", str(tmp_path), str(tmp_path / "log")]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as stage:
        assert stage.stdout.readline() == b"ready\n", (tmp_path / "log").read_text()
        stage.send_signal(how)
        stage.wait()
    [pids] = [one["pids"] for one in noted(notes)]
    end = time.monotonic() + 6 * warden.GRACE_S
    while any(map(is_running, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in pids if is_running(pid)] == []


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_asking_took_stands_beside_the_outputs(arm, tmp_path):
    arm(way="model", count=6)
    took = json.loads((tmp_path / ".cache/asked/tuned.json").read_text())
    assert (took["engine"], took["answers"], took["cost"]) == ("vllm", 6, None)
    assert took["prompt_tokens"] > took["answer_tokens"] > 0
    assert 0 < took["latency_s"]["median"] <= took["latency_s"]["p95"] <= took["latency_s"]["most"] <= took["seconds"]
    arm(way="model", count=6)
    assert json.loads((tmp_path / ".cache/asked/tuned.json").read_text()) == took  # nothing was asked
    arm(engine_="transformers", count=5)
    took = json.loads((tmp_path / ".cache/asked/tuned.json").read_text())
    assert (took["engine"], took["answers"]) == ("transformers", 5)
    arm(engine_="transformers", count=7)
    took = json.loads((tmp_path / ".cache/asked/tuned.json").read_text())
    assert took["answers"] == 2  # the others were known
    assert 0 < took["latency_s"]["most"] <= took["seconds"]
