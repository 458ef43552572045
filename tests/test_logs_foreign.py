"""Logs of other tools are read into requests and feedback of ours, and `auto` tells which tool wrote them."""

import csv
import gzip
import io
import json

import pytest

from pipeline.production.logs.problems import MEANINGS
from pipeline.production.logs.reading import Logs
from pipeline.stage import Fault
from tests import foreign_logs as made
from tests.written_logs import DAY, NOON, WINDOW, entry, line, written

WITHOUT_TURNS = {"batch"}
ALL = [(shape, name) for shape, rows in made.ROWS.items() for name in rows]


def logged(tmp_path, *rows, name="log.jsonl", shape="auto") -> Logs:
    written(tmp_path, name, *(json.dumps(row).encode() + b"\n" for row in rows))
    return Logs(str(tmp_path), shape)


def only(logs: Logs):
    (found,) = logs.requests(*WINDOW)
    return found


@pytest.mark.parametrize(("shape", "name"), ALL, ids=lambda one: one)
def test_the_same_request_is_read_out_of_every_form(tmp_path, shape, name):
    logs = logged(tmp_path, made.ROWS[shape][name])
    found = only(logs)
    assert (logs.shape, logs.told_by) == (shape, str(tmp_path / "log.jsonl"))
    assert (found.time, found.answer, found.status) == (NOON, made.ANSWER, 200)
    assert found.question == ("" if name in WITHOUT_TURNS else made.ASKED[1]["content"])
    if name != "plain":
        assert (found.model, found.finish, found.tokens_in, found.tokens_out) == ("tuned", "stop", 31, 17)
    assert (found.valid, found.failed) == (None, ())
    assert found.place == f"{tmp_path / 'log.jsonl'}:1"
    assert not logs.problems


@pytest.mark.parametrize(("shape", "name"), ALL, ids=lambda one: one)
def test_no_raw_user_travels_on(tmp_path, shape, name):
    found = only(logged(tmp_path, made.ROWS[shape][name]))
    assert "asha" not in repr(found)
    assert len(found.user) == (0 if name in ("batch", "plain") else 16)


@pytest.mark.parametrize("name", ["pair", "observation", "payload", "current"])
def test_times_and_cost_are_read_with_their_units(tmp_path, name):
    rows = {one: row for rows in made.ROWS.values() for one, row in rows.items()}
    found = only(logged(tmp_path, rows[name]))
    assert found.total_s == 1.5
    if name != "current":
        assert found.first_token_s in (0.2, 0.25)
        assert found.cost == 0.002


@pytest.mark.parametrize("shape", made.ROWS)
def test_packed_logs_and_arrays_hold_the_same_requests(tmp_path, shape):
    (rows,) = (
        [row for name, row in made.ROWS[shape].items() if name in ("pair", "current", "observation", "payload")],
    )
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    written(tmp_path / "plain", "log.jsonl", lines)
    written(tmp_path / "packed", "log.jsonl.gz", gzip.compress(lines))
    written(tmp_path / "array", "log.json", json.dumps(rows, indent=1).encode())
    found = [only(Logs(str(tmp_path / name), "auto")) for name in ("plain", "packed", "array")]
    assert len({(one.id, one.answer, one.time, one.user) for one in found}) == 1


def test_a_span_over_many_lines_is_one_row(tmp_path):
    written(tmp_path, "log.json", json.dumps(made.current_span(), indent=2).encode())
    assert only(Logs(str(tmp_path), "auto")).answer == made.ANSWER


def test_a_page_of_an_api_holds_its_rows(tmp_path):
    logs = logged(tmp_path, {"data": [made.observation(), made.observation(id="obs-2")], "meta": {"page": 1}})
    assert [one.id for one in logs.requests(*WINDOW)] == ["obs-1", "obs-2"]


def test_langfuse_is_read_from_a_table(tmp_path):
    row = {
        key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in made.observation().items()
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, row)
    writer.writeheader()
    writer.writerow(row)
    written(tmp_path, "export.csv", table.getvalue().encode())
    found = only(Logs(str(tmp_path), "auto"))
    assert (found.answer, found.tokens_in, found.cost, found.tags) == (made.ANSWER, 31, 0.002, ("web",))


def test_a_store_that_has_requests_twice_is_read_once(tmp_path):
    trace = {key: value for key, value in made.api_trace().items() if key not in ("observations", "scores")}
    for folder, row in (
        ("traces", trace),
        ("observations", made.observation(user_id="")),
        ("observations_v2", made.observation()),
    ):
        written(tmp_path, f"p/{folder}/1.jsonl", json.dumps(row).encode())
    found = only(Logs(str(tmp_path), "langfuse"))
    assert (found.id, len(found.user)) == ("obs-1", 16)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"value": 0}, {"thumb": "down"}),
        ({"value": 1, "comment": "thanks"}, {"thumb": "up", "comment": "thanks"}),
        ({"data_type": "CATEGORICAL", "string_value": "thumbs-down", "value": 1}, {"thumb": "down"}),
        ({"data_type": "CORRECTION", "string_value": "the right one"}, {"correction": "the right one"}),
        ({"name": "escalated", "value": 1}, {"escalated": True}),
        ({"name": "user_task_done", "value": 0}, {"done": False}),
        ({"name": "accuracy", "source": "ANNOTATION", "value": 1}, {"thumb": "up"}),
    ],
)
def test_a_score_becomes_feedback_of_the_generation_of_its_trace(tmp_path, given, wanted):
    logs = logged(tmp_path, made.observation(), made.score(**given))
    (found,) = logs.feedback(*WINDOW)
    assert found.id == "obs-1"
    assert {key: getattr(found, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"source": "EVAL"}, "automatic_score"),
        ({"name": "accuracy"}, "automatic_score"),
        ({"value": 3, "data_type": "NUMERIC"}, "unclear_score"),
        ({"timestamp": None}, "bad_time"),
    ],
)
def test_a_score_that_is_no_word_of_a_person_is_counted(tmp_path, given, fault):
    logs = logged(tmp_path, made.observation(), made.score(**given))
    assert not list(logs.feedback(*WINDOW))
    assert logs.problems == {fault: 1}
    assert logs.places[fault].endswith("log.jsonl:2")


def test_of_two_generations_of_a_trace_feedback_goes_to_the_latest_whatever_their_order(tmp_path):
    late = made.observation(id="obs-2", start_time="2026-03-10 12:00:09.000000")
    for folder, rows in (("a", (made.observation(), late)), ("b", (late, made.observation()))):
        (found,) = logged(tmp_path / folder, made.score(), *rows).feedback(*WINDOW)
        assert found.id == "obs-2"


def test_feedback_finds_a_request_of_an_earlier_day(tmp_path):
    logs = logged(tmp_path, made.observation(), made.score(timestamp="2026-03-12 09:00:00.000000"))
    (found,) = logs.feedback(NOON + DAY, NOON + 4 * DAY)
    assert found.id == "obs-1"
    assert not list(logs.requests(NOON + DAY, NOON + 4 * DAY))


def test_an_evaluation_in_a_span_or_in_a_record_finds_its_span(tmp_path):
    values = {"gen_ai.evaluation.name": "user_feedback", "gen_ai.evaluation.score.label": "negative"}
    within = made.current_span(made.event("gen_ai.evaluation.result", values))
    apart = made.record("gen_ai.evaluation.result", values | {"gen_ai.response.id": "chatcmpl-1"})
    del apart["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["spanId"]
    for folder, rows in (("within", (within,)), ("apart", (made.current_span(), apart))):
        logs = logged(tmp_path / folder, *rows)
        (found,) = logs.feedback(*WINDOW)
        assert (found.thumb, found.id) == ("down", only(logs).id)


def test_feedback_beside_a_pair_is_read(tmp_path):
    logs = logged(tmp_path, made.pair(feedback={"rating": "down", "correction": "better", "comment": "late"}))
    found = list(logs.feedback(*WINDOW))
    assert [(one.id, one.thumb, one.correction) for one in found] == [("r1", None, "better"), ("r1", "down", None)]


@pytest.mark.parametrize(
    ("shape", "row", "fault"),
    [
        ("openai_chat", made.pair(timestamp="2026-03-10T12:00:00", response={"choices": []}), "bad_time"),
        ("openai_chat", {"messages": made.ASKED, "time": "2026-03-10T12:00:00Z"}, "unmapped"),
        ("openai_chat", made.pair(timestamp="2999-01-01T00:00:00Z"), "future_time"),
        ("litellm", made.payload(call_type="aembedding"), "unmapped"),
        ("litellm", {"weather": "fine"}, "unmapped"),
        ("otlp", made.span(made.KNOWN | {"gen_ai.operation.name": "embeddings"}), "other_span"),
        ("otlp", made.span(made.KNOWN, startTimeUnixNano="soon"), "bad_time"),
        ("langfuse", made.observation(type="SPAN"), "other_span"),
    ],
)
def test_a_row_that_is_no_request_of_the_window_is_counted(tmp_path, shape, row, fault):
    logs = logged(tmp_path, row, shape=shape)
    assert not list(logs.requests(*WINDOW))
    assert logs.problems == {fault: 1}
    assert fault in MEANINGS


def test_a_request_that_is_logged_twice_is_counted_once(tmp_path):
    logs = logged(tmp_path, made.payload(), made.payload())
    assert only(logs).id == "chatcmpl-1"
    assert logs.problems == {"duplicate": 1}


def test_a_request_that_failed_says_so(tmp_path):
    failure = {"error_code": "429", "error_class": "RateLimitError"}
    rows = [
        made.payload(status="failure", error_information=failure, response={}),
        made.payload(id="2", status="failure", response=None),
    ]
    found = list(logged(tmp_path, *rows).requests(*WINDOW))
    assert [(one.finish, one.status, one.answer) for one in found] == [
        ("engine_failed", 429, None),
        ("engine_failed", 500, None),
    ]


def test_an_answer_that_calls_a_tool_is_the_call_as_json(tmp_path):
    call = {"id": "c", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    row = made.pair(response=made.COMPLETION | {"choices": [{"finish_reason": "tool_calls", "message": message}]})
    found = only(logged(tmp_path, row))
    assert json.loads(found.answer) == [call["function"]]


def test_folders_of_other_days_are_left_out_and_files_with_a_day_in_their_name_are_not(tmp_path):
    old, new = made.pair(id="old"), made.pair(id="new")
    written(tmp_path, "2026/02/01/log.jsonl", json.dumps(old).encode())
    written(tmp_path, "export-2026-02-01.jsonl", json.dumps(new).encode())
    assert only(Logs(str(tmp_path), "auto")).id == "new"


def test_auto_takes_ours_by_name_and_by_content(tmp_path):
    written(tmp_path / "a", "2026-03-10/requests-1-7.jsonl", line(entry(1)))
    written(tmp_path / "b", "renamed.jsonl", line(entry(1)))
    assert Logs(str(tmp_path / "a"), "auto").shape == "own"
    assert Logs(str(tmp_path / "b/renamed.jsonl"), "auto").shape == "own"
    (tmp_path / "c").mkdir()
    assert not list(Logs(str(tmp_path / "c"), "auto").requests(*WINDOW))


def test_a_place_of_no_shape_is_a_fault_that_lists_them(tmp_path):
    written(tmp_path, "log.jsonl", b'{"weather": "fine"}\n')
    with pytest.raises(Fault, match="no shape that is known; name the shape"):
        list(Logs(str(tmp_path), "auto").requests(*WINDOW))


@pytest.mark.parametrize("is_array", [False, True])
def test_half_a_character_can_be_written_again(tmp_path, is_array):
    row = made.pair(response=made.COMPLETION | {"choices": [{"message": {"role": "assistant", "content": "\ud83d!"}}]})
    written(tmp_path, "log.json", json.dumps([row] if is_array else row).encode())
    found = only(Logs(str(tmp_path), "openai_chat"))
    assert found.answer == "?!"
    assert line(found)
