"""The client of paid services: what it sends, what it takes for an answer, what it says when there is none, what it may spend."""

import json
import re
import threading
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.remote.chat import Chat
from pipeline.remote.recorder import amount, record
from pipeline.remote.service import Answer, Request, dollars, most, price
from pipeline.stage import Fault
from tests.service import KEY, completion, local_service, says, service

pytestmark = pytest.mark.slow

TURNS = [{"role": "system", "content": "Vary it."}, {"role": "user", "content": "<example>"}]
SCHEMA = {"name": "example", "strict": True, "schema": {"type": "object"}}


def request(name="r", **changes):
    return Request(name, service(**changes).content(TURNS, SCHEMA))


def asked(react, times=1, timeout_s=5.0, retries=4, **changes):
    """The last of some answers, and what the service was asked."""
    with local_service(react) as local, Chat(service(local.address, **changes), KEY, timeout_s, retries) as chat:
        answers = [chat.ask(request(**changes)) for _ in range(times)]
        return answers[-1], local.asked


def failed(react, **changes):
    with pytest.raises(Fault) as caught:
        asked(react, **changes)
    said = "".join(traceback.format_exception(caught.value))
    assert KEY not in said
    assert "During handling" not in said
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    return str(caught.value)


def status(code, body=None, **headers):
    return lambda _body, _number: (code, {"x-should-retry": "false", **headers}, body or {"error": {"message": "so"}})


def test_a_request_holds_what_the_parameters_say(monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "another-service")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "another-service")
    _, [(path, headers, body)] = asked(says("hi"))
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not [name for name, value in headers.items() if value == "another-service"]
    assert body == {
        "model": "teacher-1",
        "messages": TURNS,
        "temperature": 0.5,
        "max_completion_tokens": 40,
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
    }


def test_what_is_switched_off_is_not_sent():
    _, [(_, _, body)] = asked(says("hi"), temperature=None, structured_output=False)
    assert set(body) == {"model", "messages", "max_completion_tokens"}


def test_an_answer_is_text_tokens_and_cost():
    answer, _ = asked(says("hi"))
    assert answer == Answer("hi", "stop", 100, 20, pytest.approx(100 * 2e-6 + 20 * 10e-6))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (completion(""), ""),
        (completion(None), ""),
        (
            completion("half a sen", choices=[{"finish_reason": "length", "message": {"content": "half a sen"}}]),
            "half a sen",
        ),
        (
            completion(None, choices=[{"message": {"content": None, "refusal": "I would rather not."}}]),
            "I would rather not.",
        ),
        (completion("", choices=[]), ""),
        (completion("", choices=[{"finish_reason": "content_filter", "message": None}]), ""),
        (completion([{"type": "text", "text": "hi"}]), '[{"type": "text", "text": "hi"}]'),
        (completion("a\ud83d b"), "a? b"),
        (completion("हाँ \u2028 \x00"), "हाँ \u2028 \x00"),
    ],
)
def test_what_was_paid_is_an_answer_whatever_it_says(reply, text):
    answer, all_asked = asked(lambda _body, _number: (200, {}, reply))
    assert (answer.text, answer.completion_tokens, len(all_asked)) == (text, 20, 1)


@pytest.mark.parametrize(
    ("choices", "finish"),
    [
        ([{"finish_reason": "stop", "message": {"content": "hi"}}], "stop"),
        ([{"finish_reason": "length", "message": {"content": "hi"}}], "length"),
        ([{"finish_reason": "content_filter", "message": None}], "declined"),
        ([{"message": {"content": "hi"}}], "stop"),
        ([], "declined"),
    ],
)
def test_an_answer_says_why_it_ended(choices, finish):
    answer, _ = asked(says("hi", choices=choices, usage=None))
    assert answer.finish == finish


@pytest.mark.parametrize(
    "usage", [None, {}, "many", {"prompt_tokens": None}, {"prompt_tokens": -5, "completion_tokens": True}]
)
def test_where_tokens_are_not_counted_the_most_is_taken(usage):
    answer, _ = asked(says("hi", usage=usage))
    assert (answer.prompt_tokens, answer.completion_tokens) == (request().most_prompt_tokens, 40)
    assert answer.cost == pytest.approx(most(service(), request()))


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_busy_service_is_tried_again(code):
    def react(_body, number):
        return (code, {"retry-after-ms": "1"}, {}) if number < 4 else (200, {}, completion("at last"))

    answer, all_asked = asked(react)
    assert (answer.text, len(all_asked)) == ("at last", 4)


@pytest.mark.parametrize("code", [400, 422])
def test_an_older_service_gets_the_older_parameter_for_the_rest_of_the_run(code):
    def react(body, _number):
        if "max_completion_tokens" in body:
            return code, {}, {"error": {"message": "Unsupported parameter: 'max_completion_tokens'"}}
        return 200, {}, completion("hi")

    answer, all_asked = asked(react, times=3)
    assert answer.text == "hi"
    assert [[key for key in body if key.startswith("max")] for _, _, body in all_asked] == [
        ["max_completion_tokens"],
        *[["max_tokens"]] * 3,
    ]


def test_another_refused_parameter_is_no_reason_to_ask_again():
    with local_service(status(400, {"error": {"message": "Unsupported value: 'temperature'"}})) as local:
        with Chat(service(local.address), KEY) as chat, pytest.raises(Fault, match="temperature"):
            chat.ask(request())
        assert len(local.asked) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, r"does not take the key in SAMPLE_KEY \(401\); mend SAMPLE_KEY"),
        (403, r"does not take the key in SAMPLE_KEY \(403\)"),
        (404, r"knows no model teacher-1 .*mend model or base_url"),
        (429, r"turns requests away.*\(429: so\); wait"),
        (400, r"refuses the request \(400: so\)"),
        (500, r"fails after several tries \(500: so\); try again later"),
    ],
)
def test_each_failure_names_its_remedy(code, said):
    assert re.search(said, failed(status(code)))


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": f"no such key: {KEY}\x1b[31m\nsecond line " + "x" * 5000}},
        {"detail": [KEY]},
        [KEY],
        f"<html>{KEY}</html>".encode(),
        {"error": KEY},
        {"error": {"message": {"key": KEY}, "code": [KEY]}},
    ],
)
def test_a_service_that_repeats_the_key_cannot_make_us_print_it(code, body):
    assert len(failed(status(code, body))) < 600


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome</html>",
        b"",
        b"[" * 100_000,
        b"null",
        b"[]",
        {"error": {"message": KEY}},
        {"choices": None},
        {"choices": [1]},
    ],
)
def test_what_is_no_completion_is_a_fault(body):
    said = failed(lambda _body, _number: (200, {}, body))
    assert "answers with no chat completion" in said
    assert "base_url" in said


@pytest.mark.parametrize(("code", "finish"), [("content_filter", "declined"), ("context_length_exceeded", "too_long")])
def test_a_service_that_will_always_say_no_has_answered(code, finish):
    body = {"error": {"message": "not this", "code": code}}
    answer, all_asked = asked(status(400, body))
    assert (answer, len(all_asked)) == (Answer("", finish, 0, 0, 0.0), 1)


def test_a_service_that_is_not_there_or_does_not_answer_is_named():
    with local_service(says("hi")) as local:
        address = local.address
    with (
        Chat(service(address), KEY, retries=0) as chat,
        pytest.raises(Fault, match=rf"{address}: cannot be reached.*base_url"),
    ):
        chat.ask(request())
    began = time.monotonic()
    assert "did not answer in time" in failed(says("hi", wait_s=0.5), timeout_s=0.1, retries=0)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("changes", "value", "said"),
    [
        ({"base_url": ""}, KEY, "here.base_url: is empty"),
        ({"base_url": "ftp://x"}, KEY, "here.base_url: is no address"),
        ({"base_url": "host/v1"}, KEY, "here.base_url: is no address"),
        ({"base_url": "http://[::1"}, KEY, "here.base_url: is no address"),
        ({"base_url": f"https://user:{KEY}@host/v1"}, KEY, "here.base_url: holds more than an address"),
        ({"base_url": f"https://host/v1?key={KEY}"}, KEY, "here.base_url: holds more than an address"),
        ({"model": " "}, KEY, "here.model: is empty"),
        ({"api_key_env": KEY}, KEY, "here.api_key_env: is no name of an environment variable"),
        ({"api_key_env": ""}, KEY, "here.api_key_env: is no name of an environment variable"),
        ({}, None, "SAMPLE_KEY: is not set; write SAMPLE_KEY=<key> into .env"),
        ({}, " ", "SAMPLE_KEY: is not set"),
        ({}, "se cret", "SAMPLE_KEY: holds a character that no key has"),
        ({}, "sécret", "SAMPLE_KEY: holds a character that no key has"),
        ({}, "sec\nret", "SAMPLE_KEY: holds a character that no key has"),
    ],
)
def test_a_service_that_cannot_be_asked_is_a_fault_without_the_key(monkeypatch, changes, value, said):
    monkeypatch.delenv("SAMPLE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SAMPLE_KEY", value)
    with pytest.raises(Fault) as caught:
        service(**changes).key("here")
    assert str(caught.value).startswith(said)
    assert not value or not value.strip() or value not in str(caught.value)


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("SAMPLE_KEY", f" {KEY}\n")
    assert service().key("here") == KEY


def recorded(max_cost, requests, known=(), cost=0.001, concurrency=1):
    """What was asked and written, in order, and the outcome."""
    happened = []

    def ask(one):
        happened.append(f"ask {one.name}")
        return Answer("hi", "stop", 1, 1, cost)

    def write(number, one, _answer):
        assert requests[number] is one
        happened.append(f"write {one.name}")

    return happened, record(requests, known, service(), max_cost, ask, write, lambda *_: None, concurrency)


def test_each_answer_is_written_before_the_next_question():
    happened, done = recorded(1.0, [request("a"), request("b")])
    assert happened == ["ask a", "write a", "ask b", "write b"]
    assert (done.answered, done.left, done.spent) == (2, 0, pytest.approx(0.002))


def test_what_is_known_is_not_asked():
    happened, done = recorded(1.0, [request("a"), request("b"), request("c")], known={"a", "c"})
    assert happened == ["ask b", "write b"]
    assert (done.answered, done.left) == (1, 0)


def test_the_money_is_enough_or_it_is_not():
    requests, bound = [request(str(n)) for n in range(5)], most(service(), request())
    for cost in (bound, 0.0):
        assert recorded(bound, requests, cost=cost)[1].answered == (1 if cost else 5)
    assert recorded(bound - 1e-6, requests)[1].answered == 0
    assert recorded(3 * bound, requests, cost=bound)[1].answered == 3
    assert recorded(3 * bound - 1e-6, requests, cost=bound)[1].answered == 2
    assert recorded(price(service(), requests), requests, cost=bound)[1].left == 0
    assert recorded(0.0, requests)[1].left == 5


def test_a_service_that_counts_more_than_it_may_stops_the_run():
    _, done = recorded(0.01, [request(str(n)) for n in range(5)], cost=0.02)
    assert (done.answered, done.left) == (1, 4)


class Slow:
    """Asks of which some are under way at once; `costs` is what each takes, and one of them may fail."""

    def __init__(self, cost=0.0, fails=""):
        self.cost, self.fails, self.lock = cost, fails, threading.Lock()
        self.under_way, self.most, self.asked, self.written = 0, 0, [], []

    def ask(self, one):
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.asked.append(one.name)
        time.sleep(0.02)
        with self.lock:
            self.under_way -= 1
        if one.name == self.fails:
            raise Fault("x", "fails", "y")
        return Answer("hi", "stop", 1, 1, self.cost)

    def run(self, max_cost, requests, concurrency=4):
        def write(number, one, _answer):
            assert requests[number] is one
            self.written.append(one.name)

        return record(requests, (), service(), max_cost, self.ask, write, lambda *_: None, concurrency)


def test_several_requests_are_under_way_after_the_first_and_never_more_than_allowed():
    slow, requests = Slow(), [request(str(n)) for n in range(20)]
    assert slow.run(1.0, requests).answered == 20
    assert 1 < slow.most <= 4
    assert sorted(slow.written) == sorted(one.name for one in requests)
    assert slow.asked[0] == slow.written[0] == "0"


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_money_covers_all_that_is_under_way(share):
    """However little answers cost in the end, what may be spent is never passed, and all that it covers is asked."""
    requests, bound = [request(str(n)) for n in range(12)], most(service(), request())
    slow = Slow(cost=share * bound)
    done = slow.run(5 * bound, requests)
    assert done.spent <= 5 * bound + 1e-9
    assert done.answered == {0.0: 12, 0.5: 9, 1.0: 5}[share]
    assert done.left == 12 - done.answered


def test_what_is_under_way_when_one_fails_is_written_down():
    slow = Slow(fails="5")
    with pytest.raises(Fault, match="x: fails; y"):
        slow.run(1.0, [request(str(n)) for n in range(40)])
    assert len(slow.asked) < 40
    assert sorted(slow.written) == sorted(set(slow.asked) - {"5"})


@given(st.floats(0, 1e6))
def test_the_shown_price_is_enough_and_not_much_more(cost):
    assert cost - 1e-8 <= float(dollars(cost)) <= cost + 1e-4 + 1e-8
    assert amount(dollars(cost)) == float(dollars(cost))


@pytest.mark.parametrize(
    ("cost", "shown"),
    [(0, "0"), (0.04, "0.04"), (0.04001, "0.0401"), (2, "2"), (10, "10"), (1e-9, "0"), (1e-7, "0.0001")],
)
def test_a_price_is_rounded_up(cost, shown):
    assert dollars(cost) == shown


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-0.01", "free", "", "1,5", "1e999", "$1"])
def test_what_is_no_amount_is_a_fault(text):
    with pytest.raises(Fault, match="MAX_COST"):
        amount(text)


@pytest.mark.parametrize("text", ["0", "0.5", " 2 ", "1e-3"])
def test_an_amount_is_a_number(text):
    assert amount(text) == float(text)


@given(st.text(max_size=200))
def test_no_text_has_more_tokens_than_are_reckoned_with(text):
    """A third of the bytes, of the instructions and the schema too."""
    one = Request("r", {**request().content, "messages": [{"role": "user", "content": text}]})
    assert one.most_prompt_tokens * 3 >= len(json.dumps(SCHEMA)) + len(text.encode("utf-8", "replace"))
