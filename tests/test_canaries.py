"""Canaries are asked of a real server, told, written into the log where the monitor finds them, and exit 1 where one fails."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from pipeline.data.answers import Contract
from pipeline.data.questions import read_questions
from pipeline.production.canaries import canaries
from pipeline.production.logs.reading import Logs
from pipeline.stage import Fault
from tests.monitored import params
from tests.project import ROOT

CANARIES = (
    {
        "id": "red",
        "messages": [{"role": "user", "content": "what colour is blood"}],
        "check": {"kind": "fields", "value": {"label": "red"}},
    },
    {
        "id": "green",
        "messages": [{"role": "user", "content": "what colour is grass"}],
        "check": {"kind": "fields", "value": {"label": "green"}},
    },
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(200, {"data": [{"id": "tuned"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((dict(self.headers), body))
        self.say(*self.server.react(body))

    def say(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.asked, found.react = [], lambda _: answer('{"label": "red"}')
    found.url = f"http://127.0.0.1:{found.server_address[1]}/v1"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task/canaries").mkdir(parents=True)
    text = "".join(json.dumps(one) + "\n" for one in CANARIES)
    (tmp_path / "task/canaries/colours.jsonl").write_text(text)
    return tmp_path


def answer(content):
    return 200, {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]}


def written(folder):
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    return {
        one.id: one
        for one in Logs(str(folder / "logs"), "own").canaries(now - timedelta(hours=1), now + timedelta(hours=1))
    }


def test_a_canary_that_gets_another_answer_fails_and_is_in_the_log(project, server, capsys):
    assert not canaries(server.url, params())
    found = written(project)
    assert {name: one.passed for name, one in found.items()} == {"red": True, "green": False}
    assert found["green"].answer == '{"label": "red"}'
    assert found["green"].model == "tuned"
    said = capsys.readouterr().out
    assert "FAILED  green" in said
    assert "1 of 2 passed" in said


def test_where_all_pass_it_says_so(project, server):
    server.react = lambda body: answer('{"label": "%s"}' % ("red" if "blood" in str(body) else "green"))
    assert canaries(server.url, params())
    assert all(one.passed for one in written(project).values())


@pytest.mark.usefixtures("project")
def test_canaries_carry_a_tag_and_the_token(server, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "secret-word")
    canaries(server.url + "/", params(canaries={"timeout_s": 5.0, "token_env": "A_TOKEN"}))
    headers, body = server.asked[0]
    assert headers["x-tags"] == "canary"
    assert headers["authorization"] == "Bearer secret-word"
    assert body["messages"] == CANARIES[0]["messages"]


@pytest.mark.parametrize(
    "reaction", [(500, {}), (200, {"choices": []}), (200, {"choices": [{"message": {"content": None}}]})]
)
def test_a_server_that_gives_no_answer_has_failed_the_canary(project, server, reaction):
    server.react = lambda _: reaction
    assert not canaries(server.url, params())
    assert not any(one.passed for one in written(project).values())


def test_nobody_to_ask_and_nothing_to_ask_are_faults_and_write_nothing(project, server):
    with pytest.raises(Fault, match="does not answer"):
        canaries("http://127.0.0.1:9/v1", params())
    with pytest.raises(Fault, match="is no address"):
        canaries("", params())
    with pytest.raises(Fault, match="is no folder"):
        canaries(server.url, params(logs="s3://bucket/logs"))
    (project / "task/canaries/colours.jsonl").unlink()
    with pytest.raises(Fault, match="holds no canary"):
        canaries(server.url, params())
    assert not (project / "logs").exists()


def test_the_canaries_of_the_repository_can_be_read_and_name_fields_of_its_schema():
    fields = Contract.load(ROOT / "task/answer.schema.json").fields
    for one in read_questions(ROOT / "task/canaries"):
        assert one.why
        if one.check.kind == "fields":
            assert set(one.check.value) <= set(fields)


def test_make_new_leaves_no_rule_of_the_sample_behind(tmp_path, monkeypatch):
    from pipeline.desk.new import rename

    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml", "pyproject.toml", "README.md"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    rename("mine")
    monitor = yaml.safe_load((tmp_path / "params.yaml").read_text())["monitor"]
    assert monitor["rules"] == {}
    assert monitor["escalation_field"] == ""
    assert monitor["bounds"]
