"""Logs of LiteLLM: its standard logging payload, a JSON line a call, and rows of its table of spend."""

from collections.abc import Iterator
from typing import Any

from pipeline.production.logs.entry import Entry
from pipeline.production.logs.told import Request, Told
from pipeline.production.logs.values import (
    answer,
    between,
    count,
    identity,
    moment,
    number,
    row_of,
    tags,
    text,
    turns,
    user,
)

CALLS = (
    "completion",
    "responses",
    "messages",
    "generate_content",
)  # what an answer of a model is called, in any of its forms
USERS = ("user_api_key_end_user_id", "user_api_key_user_id", "user_api_key_hash", "user_api_key")


def is_mine(row: dict[str, Any]) -> bool:
    """Whether a row is of this shape."""
    row = _payload(row)
    return "startTime" in row and ("response_cost" in row or "spend" in row) and ("call_type" in row or "status" in row)


def told(row: dict[str, Any]) -> Iterator[Told]:
    """The call of a row."""
    row = _payload(row)
    call = text(row.get("call_type"))
    if call and not any(name in call for name in CALLS):
        yield "unmapped"
        return
    start, end, first = (moment(row.get(key), is_utc=True) for key in ("startTime", "endTime", "completionStartTime"))
    if start is None:
        yield "bad_time"
        return
    metadata, failure = row_of(row.get("metadata")), row_of(row.get("error_information"))
    has_failed = row.get("status") == "failure" or metadata.get("status") == "failure"
    asked = turns(row.get("messages")) or turns(row_of(row.get("proxy_server_request")).get("messages"))
    said, finish = answer(row.get("response") or None)
    named = metadata | row_of(metadata.get("requester_metadata")) | row_of(metadata.get("spend_logs_metadata"))
    is_streamed = row.get("stream") is True or (first is not None and first != end)
    entry = Entry(
        id=text(row.get("id") or row.get("request_id")) or identity(start, asked, said),
        time=start,
        revision=text(named.get("revision")),
        model=text(row.get("model")),
        messages=asked,
        answer=None if has_failed else said,
        finish="engine_failed" if has_failed else finish,
        status=(count(failure.get("error_code")) or 500) if has_failed else 200,
        tokens_in=count(row.get("prompt_tokens")),
        tokens_out=count(row.get("completion_tokens")),
        first_token_s=between(start, first) if is_streamed else None,
        total_s=between(start, end),
        cost=number(row.get("response_cost", row.get("spend"))),
        user=user(
            row.get("end_user") or row.get("user") or next((metadata[key] for key in USERS if metadata.get(key)), "")
        ),
        tags=tuple(tag for tag in tags(row.get("request_tags")) if not tag.startswith("User-Agent:")),
        streamed=is_streamed,
    )
    yield Request(
        entry, tuple(filter(None, (text(row.get(key)) for key in ("trace_id", "litellm_call_id", "session_id"))))
    )


def _payload(row: dict[str, Any]) -> dict[str, Any]:
    """The payload, also where a callback wrote it within what it was called with."""
    inner = row.get("standard_logging_object") or row_of(row.get("kwargs")).get("standard_logging_object")
    return inner if isinstance(inner, dict) else row
