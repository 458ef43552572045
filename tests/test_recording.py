"""What the recorder writes of what passed through the server, and what it never writes."""

import contextlib
import json

import httpx2
import pytest

from pipeline.production.logs.entry import Counts, Entry, Feedback
from pipeline.production.recording.writer import is_sampled
from tests.recorded import GOOD_ANSWER, read, recorded, stub, waited

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine():
    with stub() as (address, _):
        yield address


@pytest.fixture(scope="module")
def server(engine, tmp_path_factory):
    with recorded(engine, tmp_path_factory.mktemp("logs"), record={"rules": {"thanks": "way"}}) as found:
        yield found


def line_of(server, response):
    name = response.headers["x-request-id"]
    found = waited(lambda: [one for one in read(server.logs, "requests") if one["id"] == name], bool)
    return found[0]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("question", "finish", "failed"),
    [
        ("hello", "stop", ["rule:thanks"]),
        ("secret", "stop", None),
        ("cut", "length", ["cut", "not_json"]),
        ("filter", "content_filter", ["empty"]),
        ("refuses", "stop", ["refusal"]),
    ],
)
def test_an_answer_is_written_with_what_it_failed(server, question, finish, failed, streamed):
    line = line_of(server, server.ask(question, stream=streamed))
    assert (line["finish"], line.get("failed"), line["valid"]) == (finish, failed, failed is None)
    assert (line["tokens_in"], line["tokens_out"], line.get("streamed", False)) == (11, 7, streamed)
    assert (line["revision"], line["model"], line["data"]) == ("abc", "m1", "d1")
    assert line["messages"] == [{"role": "user", "content": question}]  # as the client sent them, without the prompt
    assert ("first_token_s" in line) == (streamed and question != "filter")
    assert 0 < line.get("first_token_s", line["total_s"]) <= line["total_s"]


def test_a_call_of_a_tool_is_an_answer_that_nobody_judges(server):
    line = line_of(server, server.ask("call"))
    assert (line["finish"], "valid" in line) == ("tool_calls", False)
    assert json.loads(line["answer"])[0]["function"]["name"] == "look"


def test_personal_data_and_secrets_are_masked_and_counted(server):
    turn = "Mail asha@example.com, key sk-proj-" + "a1B2" * 10
    body = {
        "messages": [{"role": "user", "content": turn}, {"role": "user", "content": "secret"}],
        "user": "asha@example.com",
    }
    line = line_of(server, server.ask("", **body, headers={"x-tags": "vip, ravi@example.com"}))
    text = json.dumps(line)
    assert "asha@example.com" not in text
    assert "a1B2a1B2" not in text
    assert line["messages"][0]["content"].startswith("Mail [EMAIL_1], key [API_KEY_1]")
    assert json.loads(line["answer"])["reply"] == "Write to [EMAIL_1]."
    assert line["tags"] == ["vip", "[EMAIL_2]"]
    assert line["redacted"] == {"api_key": 1, "email": 3}


def test_a_user_is_a_digest_that_is_the_same_by_header_and_by_body(server):
    one = line_of(server, server.ask("hello", user="asha"))["user"]
    assert one == line_of(server, server.ask("hello", headers={"x-user": "asha"}))["user"]
    assert one != line_of(server, server.ask("hello", user="ravi"))["user"]
    assert "asha" not in one
    key = server.logs / "user.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_the_bytes_of_a_picture_are_left_out(server):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 1000}}
    line = line_of(server, server.ask("", messages=[{"role": "user", "content": [picture]}]))
    assert line["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64,[4022 characters left out]"


@pytest.mark.parametrize("name", ["id", "completion"])
def test_feedback_finds_its_request_by_both_names_that_a_client_sees(engine, tmp_path, name):
    with recorded(engine, tmp_path) as server:
        answer = server.ask("hello")
        request = answer.headers["x-request-id"]
        said = {
            "thumb": "down",
            "correction": "mail ravi@example.com",
            "escalated": True,
            "done": False,
            "incident": "REFUND-123",
        }
        body = {"id": request if name == "id" else answer.json()["id"], "user": "ravi", **said}
        with server.client() as client:
            assert client.post("/v1/feedback", json=body).status_code == 202
            assert client.post("/v1/feedback", json={"id": "req-unknown", "thumb": "up"}).status_code == 202
        [line, unknown] = server.lines("feedback", least=2)
    assert (line["id"], unknown["id"]) == (request, "req-unknown")
    assert {key: line[key] for key in said} == said | {"correction": "mail [EMAIL_1]"}
    assert line["redacted"] == {"email": 1}
    assert len(line["user"]) == 16


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is no JSON object"),
        (b'["x"]', "the body: "),
        (b'{"thumb": "up"}', "id: field required"),
        (b'{"id": "x"}', "the body: says nothing of the answer"),
        (b'{"id": "x", "thumb": "sideways"}', "thumb: input should be 'up' or 'down'"),
        (b'{"id": "x", "done": "yes"}', "done: input should be a valid boolean"),
        (b'{"id": "x", "incident": "refund 1"}', "incident: string should match"),
        (b'{"id": "x", "incident": "CALL-9876543210"}', "incident: string should match"),
        (b'{"id": "x", "stars": 5}', "stars: extra inputs are not permitted"),
    ],
)
def test_feedback_of_another_form_is_told_what_is_wrong(server, body, said):
    with server.client() as client:
        response = client.post("/v1/feedback", content=body)
    assert (response.status_code, said in response.json()["error"]["message"]) == (400, True), response.text


def test_what_broke_is_written_as_far_as_it_went(engine, tmp_path):
    with recorded(engine, tmp_path) as server:
        with contextlib.suppress(httpx2.RemoteProtocolError):
            server.ask("dies", stream=True)
        body = {"messages": [{"role": "user", "content": "slow"}], "stream": True}
        with server.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
            pieces = response.iter_raw()
            while b"labe" not in next(pieces):
                pass
        with server.client() as client:
            client.post("/v1/chat/completions", content=b"{")
        server.ask("error")
        died, left, malformed, error = sorted(server.lines(least=4), key=lambda line: line["time"])
        metrics = server.metrics('gitune_answers_total{finish="hung_up"} 1')
    assert (died["finish"], GOOD_ANSWER.startswith(died["answer"])) == ("engine_failed", True)
    assert (left["finish"], GOOD_ANSWER.startswith(left["answer"]), left["answer"] != GOOD_ANSWER) == (
        "hung_up",
        True,
        True,
    )
    assert not {"valid", "failed"} & {*died, *left, *malformed, *error}
    assert (malformed["status"], error["status"]) == (400, 500)
    assert 'gitune_requests_total{status="400",outcome="refused"} 1' in metrics


def test_the_counts_are_shown_to_prometheus(engine, tmp_path):
    with recorded(engine, tmp_path, record={"sample": 0.5}) as server:
        answers = [server.ask("cut" if n % 4 == 0 else "secret") for n in range(40)]
        kept = sum(is_sampled(one.headers["x-request-id"], 0.5) for one in answers)
        with server.client() as client:
            for one in answers:
                client.post("/v1/feedback", json={"id": one.headers["x-request-id"], "thumb": "up"})
        metrics = server.metrics(
            f'gitune_records_total{{as="written"}} {kept + 40}', 'gitune_heard_total{said="thumb_up"} 40'
        )
        assert set(metrics) >= {
            'gitune_requests_total{status="200",outcome="answered"} 40',
            'gitune_failed_total{what="cut"} 10',
            'gitune_failed_total{what="not_json"} 10',
            'gitune_judged_total{as="valid"} 30',
            'gitune_tokens_total{side="out"} 280',
            'gitune_redacted_total{rule="email"} 30',
            f'gitune_records_total{{as="sampled_out"}} {40 - kept}',
            'gitune_feedback_total{status="202"} 40',
            "gitune_total_seconds_count 40",
            "gitune_in_flight 0",
        }
    assert {one["id"] for one in read(tmp_path, "requests")} == {
        name for name in (one.headers["x-request-id"] for one in answers) if is_sampled(name, 0.5)
    }
    assert len(read(tmp_path, "feedback")) == 40  # of requests that were left out, too


def test_every_line_is_what_the_contract_says(server):
    import msgspec

    server.ask("hello")
    server.lines("counts")
    for kind, shape in (("requests", Entry), ("feedback", Feedback), ("counts", Counts)):
        for line in read(server.logs, kind):
            assert set(line) <= {field.name for field in msgspec.structs.fields(shape)}
            msgspec.convert(line, shape)
