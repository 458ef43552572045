"""The server in front of an engine: what passes through it, what it lets in, and what it says when something breaks."""

import contextlib
import json
import socket
import time

import httpx2
import pytest

from tests.recorded import PROMPT, recorded, stub, waited

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine():
    with stub() as (address, _):
        yield address


@pytest.fixture(scope="module")
def server(engine, tmp_path_factory):
    with recorded(engine, tmp_path_factory.mktemp("logs")) as found:
        yield found


def hung_up(client, body):
    """An answer that is not waited for."""
    return client.stream("POST", "/v1/chat/completions", json=body, timeout=0.4)


def sent(response):
    """What the engine was sent, out of its echo."""
    echo = json.loads(response.json()["choices"][0]["message"]["content"])
    return json.loads(echo["body"]), echo["headers"]


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_comes_through_byte_for_byte_with_an_id(server, engine, streamed):
    more = {"model": "engine-name", "max_tokens": 33, "temperature": 0.0, "stream": streamed}
    turns = [*PROMPT, {"role": "user", "content": "hello"}]
    body = {"messages": turns, **more}
    plain = httpx2.post(f"{engine}/chat/completions", json=body, trust_env=False)
    through = server.ask("hello", **body)
    assert (through.status_code, through.content) == (plain.status_code, plain.content)
    assert through.headers["content-type"] == plain.headers["content-type"]
    assert through.headers["x-request-id"].startswith("req-")
    assert streamed == through.content.endswith(b"data: [DONE]\n\n")


def test_a_stream_comes_as_it_is_made(server):
    body = {"messages": [{"role": "user", "content": "slow"}], "stream": True}
    with server.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
        pieces = list(response.iter_raw())
    assert len(pieces) >= 8


def test_the_engine_is_asked_as_the_model_was_evaluated_where_the_client_does_not_say(server):
    body, headers = sent(server.ask("echo"))
    assert body == {
        "model": "engine-name",
        "messages": [*PROMPT, {"role": "user", "content": "echo"}],
        "max_tokens": 33,
        "temperature": 0.0,
    }
    assert headers["authorization"] == "Bearer engine-key"
    body, _ = sent(server.ask("echo", max_completion_tokens=5, temperature=0.7, top_p=0.25, seed=2**63))
    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.7, 0.25, 2**63)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_conversation_with_a_prompt_of_its_own_gets_no_other(server, role):
    turns = [{"role": role, "content": "Be brief."}, {"role": "user", "content": "echo"}]
    assert sent(server.ask("", messages=turns))[0]["messages"] == turns


def test_a_body_that_needs_no_change_is_passed_on_to_the_byte(server):
    body = (
        b'{ "model":"engine-name",  "prompt":"echo", "temperature": 0.50, "max_tokens":7, "x": 1e400 , "stream": false}'
    )
    with server.client() as client:
        response = client.post("/v1/completions", content=body, headers={"content-type": "application/json"})
    assert json.loads(response.json()["choices"][0]["message"]["content"])["body"] == body.decode()


def test_a_schema_goes_along_where_it_is_asked_for_and_the_client_names_none(engine, tmp_path):
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    with recorded(engine, tmp_path, prompt=[], schema=schema) as server:
        body, _ = sent(server.ask("echo"))
        assert body["response_format"] == schema
        assert body["messages"] == [{"role": "user", "content": "echo"}]
        body, _ = sent(server.ask("echo", response_format={"type": "text"}))
        assert body["response_format"] == {"type": "text"}


def test_the_model_is_listed_by_its_name(server):
    with server.client() as client:
        assert [one["id"] for one in client.get("/v1/models").json()["data"]] == ["gitune"]
        assert client.get("/health").status_code == 200
        assert client.get("/v1/nothing").status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is no JSON object"),
        (b"", "is no JSON object"),
        (b"[]", "is no JSON object"),
        (b'{"messages": "\xff"}', "is no JSON object"),
        (b"[" * 100_000, "is no JSON object"),
        (b'{"model": "x"}', "messages is no list"),
        (b'{"messages": []}', "messages is empty"),
        (b'{"messages": ["hello"]}', "messages is no list of objects"),
    ],
)
def test_a_body_that_is_no_question_is_told_so(server, body, said):
    with server.client() as client:
        response = client.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as one:
        one.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n"
        )  # and not a byte of it
        assert one.recv(1000).startswith(b"HTTP/1.1 413 ")
    with server.client() as client:
        pieces = (b"x" * 2**16 for _ in range(40))  # without a length
        assert client.post("/v1/chat/completions", content=pieces).status_code == 413


def test_an_error_of_the_engine_comes_through(server):
    response = server.ask("error")
    assert (response.status_code, response.json()) == (500, {"error": {"message": "out of memory"}})


def test_a_stream_that_breaks_has_no_end(server):
    with pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"):
        server.ask("dies", stream=True)


def test_an_engine_that_is_away_is_a_502_and_the_server_lives(tmp_path):
    with stub() as (address, process), recorded(address, tmp_path) as server:
        assert server.ask("hello").status_code == 200
        process.kill()
        process.wait()
        assert server.ask("hello").status_code == 502
        with server.client() as client:
            assert client.get("/health").status_code == 503
        assert [line.get("finish") for line in server.lines(least=2)] == ["stop", "engine_failed"]


def test_an_engine_that_says_nothing_is_a_504(engine, tmp_path):
    with recorded(engine, tmp_path, serve={"timeout_s": 0.3}) as server:
        assert server.ask("hangs").status_code == 504


@pytest.mark.parametrize(("question", "streamed"), [("hangs", False), ("slow", True)])
def test_a_client_that_hangs_up_ends_the_answer_at_the_engine(server, engine, question, streamed):
    before = httpx2.get(f"{engine}/seen", trust_env=False).json()["cancelled"]
    body = {"messages": [{"role": "user", "content": question}], "stream": streamed, "user": f"left {question}"}
    with server.client() as client, contextlib.suppress(httpx2.ReadTimeout), hung_up(client, body) as response:
        next(response.iter_raw())
    look = lambda: httpx2.get(f"{engine}/seen", trust_env=False).json()["cancelled"]  # noqa: E731
    assert waited(look, lambda found: found > before) == before + 1


def test_only_who_has_the_token_comes_in(engine, tmp_path):
    with recorded(engine, tmp_path, env={"SERVE_TOKEN": "secret-word"}, serve={"token_env": "SERVE_TOKEN"}) as server:
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "secret-word"}):
            assert server.ask("hello", headers=headers).status_code == 401
        assert server.ask("hello", headers={"authorization": "Bearer secret-word"}).status_code == 200
        with server.client() as client:
            assert client.get("/metrics").status_code == 401
            assert client.get("/health").status_code == 200


def test_too_many_requests_are_told_when_to_come_again(engine, tmp_path):
    with recorded(engine, tmp_path, serve={"rate": 0.5, "burst": 2}) as server:
        answers = [server.ask("hello") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        time.sleep(int(answers[2].headers["retry-after"]))
        assert server.ask("hello").status_code == 200


def test_a_page_of_another_origin_is_let_in_only_where_it_is_named(engine, tmp_path, server):
    asks = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    assert server.ask("hello", headers={"origin": "https://shop.example"}).status_code == 403
    with recorded(engine, tmp_path, serve={"origins": ["https://shop.example"]}) as named:
        response = named.ask("hello", headers={"origin": "https://shop.example"})
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
        assert named.ask("hello", headers={"origin": "https://other.example"}).status_code == 403
        with named.client() as client:
            allowed = client.options("/v1/chat/completions", headers=asks)
            assert allowed.headers["access-control-allow-methods"] == "GET, POST"
    with server.client() as client:
        assert client.options("/v1/chat/completions", headers=asks).status_code == 403
