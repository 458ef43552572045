"""Rows as other tools log them, made by hand: each of them the same request of the same minute, where the tool can say so."""

import json
from typing import Any

Row = dict[str, Any]
ASKED = [{"role": "system", "content": "Answer as JSON."}, {"role": "user", "content": "Where is my refund?"}]
ANSWER = '{"category": "refund", "response": "On its way.", "escalate": false}'
NANO = 1_773_144_000_000_000_000  # 10 March 2026, 12:00 UTC
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": NANO // 10**9,
    "model": "tuned",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
    "usage": {"prompt_tokens": 31, "completion_tokens": 17, "total_tokens": 48},
}


def pair(**more: Any) -> Row:
    """Request and response, as teams log them around their client."""
    row = {
        "id": "r1",
        "timestamp": "2026-03-10T12:00:00+00:00",
        "request": {"model": "tuned", "messages": ASKED, "user": "asha@example.com"},
        "response": COMPLETION,
        "latency_ms": 1500,
        "ttft_ms": 200,
        "cost_usd": 0.002,
    }
    return row | more


def batch() -> Row:
    """A line of a batch's output."""
    response = {"status_code": 200, "request_id": "req-9", "body": COMPLETION}
    return {"id": "batch_req_1", "custom_id": "r1", "response": response, "error": None}


def stored() -> Row:
    """A stored completion, with the turns that were asked beside it."""
    return COMPLETION | {"messages": ASKED, "metadata": {"user_id": "asha@example.com"}}


def plain() -> Row:
    """Turns that end with the answer."""
    turns = [*ASKED, {"role": "assistant", "content": ANSWER}]
    return {"id": "r1", "created_at": "2026-03-10T12:00:00Z", "messages": turns}


def attributes(values: Row) -> list[Row]:
    """Attributes in OTLP's JSON."""
    kinds = {str: "stringValue", float: "doubleValue", bool: "boolValue"}

    def value(one: Any) -> Row:
        if isinstance(one, list):
            return {"arrayValue": {"values": [value(part) for part in one]}}
        if isinstance(one, int) and not isinstance(one, bool):
            return {"intValue": str(one)}
        return {kinds[type(one)]: one}

    return [{"key": key, "value": value(one)} for key, one in values.items()]


KNOWN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "tuned",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 31,
    "gen_ai.usage.output_tokens": 17,
    "user.id": "asha@example.com",
}
PARTS = [{"role": turn["role"], "parts": [{"type": "text", "content": turn["content"]}]} for turn in ASKED[1:]]
REPLY = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]


def span(known: Row, events: list[Row] | None = None, **more: Any) -> Row:
    """A line of a file exporter with one span of a second and a half."""
    one = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat tuned",
        "startTimeUnixNano": str(NANO),
        "endTimeUnixNano": str(NANO + 1_500_000_000),
        "attributes": attributes(known),
        "events": events or [],
        "status": {},
    }
    scope = {"scope": {"name": "client"}, "spans": [one | more]}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}


def event(name: str, values: Row) -> Row:
    return {"name": name, "timeUnixNano": str(NANO + 2_000_000_000), "attributes": attributes(values)}


def current_span(*events: Row) -> Row:
    """The conventions of today."""
    told = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": ASKED[0]["content"]}]),
        "gen_ai.input.messages": json.dumps(PARTS),
        "gen_ai.output.messages": json.dumps(REPLY),
    }
    return span(KNOWN | told, list(events))


def span_with_events() -> Row:
    """The conventions before 1.37: an event a turn."""
    turns = [event(f"gen_ai.{turn['role']}.message", {"content": turn["content"]}) for turn in ASKED]
    message = json.dumps({"role": "assistant", "content": ANSWER})
    return span(KNOWN, [*turns, event("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": message})])


def numbered_span() -> Row:
    """Attributes with a number for each turn."""
    asked = {f"gen_ai.prompt.{at}.{key}": turn[key] for at, turn in enumerate(ASKED) for key in turn}
    replied = {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": ANSWER}
    return span(KNOWN | asked | replied | {"gen_ai.completion.0.finish_reason": "stop"})


def details_record() -> Row:
    """A request as a record of a log."""
    known = KNOWN | {"gen_ai.input.messages": json.dumps([*ASKED]), "gen_ai.output.messages": json.dumps(REPLY)}
    return record("gen_ai.client.inference.operation.details", known)


def record(name: str, known: Row) -> Row:
    one = {
        "timeUnixNano": str(NANO),
        "eventName": name,
        "attributes": attributes(known),
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
    }
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": [one]}]}]}


def observation(**more: Any) -> Row:
    """A generation, as the export to a store has it."""
    row = {
        "id": "obs-1",
        "trace_id": "trace-1",
        "project_id": "p",
        "type": "GENERATION",
        "parent_observation_id": "",
        "start_time": "2026-03-10 12:00:00.000000",
        "end_time": "2026-03-10 12:00:01.500000",
        "completion_start_time": "2026-03-10 12:00:00.200000",
        "level": "DEFAULT",
        "input": json.dumps(ASKED),
        "output": ANSWER,
        "provided_model_name": "tuned",
        "usage_details": {"input": 31, "output": 17, "total": 48},
        "total_cost": 0.002,
        "user_id": "asha@example.com",
        "tags": ["web"],
        "metadata": {"finish_reason": "stop"},
    }
    return row | more


def api_trace() -> Row:
    """A trace with its generation and a score in it, in the words of the API."""
    inner = {
        "id": "obs-1",
        "traceId": "trace-1",
        "type": "GENERATION",
        "startTime": "2026-03-10T12:00:00.000Z",
        "endTime": "2026-03-10T12:00:01.500Z",
        "completionStartTime": "2026-03-10T12:00:00.200Z",
        "input": {"messages": ASKED},
        "output": {"role": "assistant", "content": ANSWER},
        "model": "tuned",
        "usage": {"input": 31, "output": 17},
        "totalCost": 0.002,
        "metadata": {"finish_reason": "stop"},
    }
    given = {
        "id": "s1",
        "traceId": "trace-1",
        "name": "user-feedback",
        "value": 0,
        "timestamp": "2026-03-10T12:01:00.000Z",
    }
    return {
        "id": "trace-1",
        "timestamp": "2026-03-10T12:00:00.000Z",
        "userId": "asha@example.com",
        "sessionId": "s",
        "tags": ["web"],
        "observations": [inner],
        "scores": [given],
        "input": "x",
        "output": "y",
    }


def score(**more: Any) -> Row:
    row = {
        "id": "s1",
        "timestamp": "2026-03-10 12:01:00.000000",
        "trace_id": "trace-1",
        "observation_id": None,
        "name": "user-feedback",
        "value": 0,
        "source": "API",
        "data_type": "BOOLEAN",
        "string_value": None,
        "comment": None,
    }
    return row | more


def payload(**more: Any) -> Row:
    """LiteLLM's standard payload."""
    row = {
        "id": "chatcmpl-1",
        "trace_id": "t",
        "call_type": "acompletion",
        "stream": True,
        "response_cost": 0.002,
        "status": "success",
        "prompt_tokens": 31,
        "completion_tokens": 17,
        "total_tokens": 48,
        "startTime": NANO / 1e9,
        "endTime": NANO / 1e9 + 1.5,
        "completionStartTime": NANO / 1e9 + 0.25,
        "model": "tuned",
        "metadata": {"user_api_key_hash": "88dc", "user_api_key_user_id": "asha@example.com"},
        "end_user": "",
        "request_tags": ["web", "User-Agent: client/1"],
        "messages": ASKED,
        "response": COMPLETION,
    }
    return row | more


def spend(**more: Any) -> Row:
    """A row of LiteLLM's table of spend."""
    row = {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "api_key": "88dc",
        "spend": 0.002,
        "prompt_tokens": 31,
        "completion_tokens": 17,
        "startTime": "2026-03-10T12:00:00.000Z",
        "endTime": "2026-03-10T12:00:01.500Z",
        "completionStartTime": "2026-03-10T12:00:01.500Z",
        "model": "tuned",
        "user": "asha@example.com",
        "metadata": '{"status": "success"}',
        "request_tags": '["web"]',
        "messages": json.dumps(ASKED),
        "response": json.dumps(COMPLETION),
    }
    return row | more


ROWS: dict[str, dict[str, Row]] = {
    "openai_chat": {"pair": pair(), "batch": batch(), "stored": stored(), "plain": plain()},
    "otlp": {
        "current": current_span(),
        "events": span_with_events(),
        "numbered": numbered_span(),
        "record": details_record(),
    },
    "langfuse": {"observation": observation(), "trace": api_trace()},
    "litellm": {"payload": payload(), "spend": spend()},
}
