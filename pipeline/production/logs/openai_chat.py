"""Chat logs of the OpenAI protocol: request and response in a row, output of a batch, stored completions, or plain turns with an answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pipeline.production.logs.entry import Entry, Feedback
from pipeline.production.logs.told import Request, Score, Told, told_of
from pipeline.production.logs.values import (
    answer,
    between,
    count,
    identity,
    moment,
    number,
    row_of,
    seconds,
    tags,
    text,
    turns,
    user,
)

BEGAN = ("time", "timestamp", "created_at", "request_time", "start_time", "started_at", "created")
ENDED = ("end_time", "ended_at", "completed_at", "response_time")
TOTAL = (("total_s", 1.0), ("latency_s", 1.0), ("duration_s", 1.0), ("latency_ms", 0.001), ("duration_ms", 0.001))
FIRST = (("first_token_s", 1.0), ("ttft_s", 1.0), ("ttft_ms", 0.001), ("time_to_first_token_ms", 0.001))
IDS = ("id", "request_id", "custom_id")


def is_mine(row: dict[str, Any]) -> bool:
    """Whether a row is of this shape."""
    response = row.get("response")
    has_pair = isinstance(row.get("request"), dict) and response is not None
    has_choices = any(
        isinstance(one, dict) and "choices" in one for one in (row, response, row_of(response).get("body"))
    )
    return has_pair or has_choices or isinstance(row.get("messages"), list)


def told(row: dict[str, Any]) -> Iterator[Told]:
    """The request of a row, and what was said of its answer."""
    request, response = _body(row_of(row.get("request")) or row), _body(_response(row))
    metadata = row_of(row.get("metadata")) | row_of(request.get("metadata"))
    asked, (said, finish) = turns(request.get("messages", request.get("input"))), answer(_answered(row, response))
    if said is None and asked and asked[-1]["role"] == "assistant" and not response:
        said, _ = answer(request.get("messages", request.get("input")))
        asked = asked[:-1]
    has_failed = bool(row.get("error") or response.get("error"))
    if said is None and not has_failed and not response:
        yield "unmapped"
        return
    time = next((found for key in BEGAN if (found := moment(row.get(key)))), None) or moment(response.get("created"))
    if time is None:
        yield "bad_time"
        return
    usage = row_of(response.get("usage")) or row_of(row.get("usage"))
    status = count(row.get("status_code") or row_of(row.get("response")).get("status_code"))
    entry = Entry(
        id=_first(row, IDS) or text(response.get("id")) or identity(time, asked, said),
        time=time,
        revision=text(row.get("revision") or metadata.get("revision")),
        model=text(response.get("model") or request.get("model")),
        messages=asked,
        answer=said,
        finish="engine_failed" if has_failed else finish,
        status=status or (500 if has_failed else 200),
        tokens_in=count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        tokens_out=count(usage.get("completion_tokens", usage.get("output_tokens"))),
        first_token_s=_measured(row, FIRST),
        total_s=_total(row, time),
        cost=number(row.get("cost", row.get("cost_usd"))),
        user=user(
            row.get("user") or request.get("user") or request.get("safety_identifier") or metadata.get("user_id")
        ),
        tags=tags(row.get("tags")),
        streamed=request.get("stream") is True,
    )
    yield Request(entry, tuple(filter(None, (text(response.get("id")), *(text(row.get(key)) for key in IDS)))))
    yield from _feedback(row, entry)


def _response(row: dict[str, Any]) -> dict[str, Any]:
    return row_of(row.get("response")) or (row if "choices" in row else {})


def _body(value: dict[str, Any]) -> dict[str, Any]:
    """What a wrapper with status and headers holds."""
    inner = row_of(value.get("body"))
    return inner or value


def _answered(row: dict[str, Any], response: dict[str, Any]) -> Any:
    """What holds the answer; an answer that is nothing but a text stands where the response does."""
    plain = row.get("response")
    return plain if isinstance(plain, str) and not response else response or None


def _first(row: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := text(row.get(key)))), "")


def _measured(row: dict[str, Any], keys: tuple[tuple[str, float], ...]) -> float | None:
    """A duration whose name has its unit."""
    return next((found for key, scale in keys if (found := seconds(row.get(key), scale)) is not None), None)


def _total(row: dict[str, Any], time: datetime) -> float | None:
    ended = next((found for key in ENDED if (found := moment(row.get(key)))), None)
    return between(time, ended) if ended else _measured(row, TOTAL)


def _feedback(row: dict[str, Any], entry: Entry) -> Iterator[Told]:
    """What a row says of its own answer under `feedback`; without a time of its own it came just after the answer."""
    given = row.get("feedback")
    if given is None:
        return
    said = given if isinstance(given, dict) else {"thumb": given}
    ended = entry.time + timedelta(seconds=min(entry.total_s or 0.0, 86400.0))
    time = next((found for key in BEGAN if (found := moment(said.get(key)))), ended)
    correction, comment = text(said.get("correction")), text(said.get("comment"))
    value = next((said[key] for key in ("thumb", "rating", "score", "value") if said.get(key) is not None), None)
    if correction:
        yield Feedback(id=entry.id, time=time, correction=correction, comment=comment)
    if value is not None:
        yield from told_of(Score(entry.id, time, "feedback", value, comment=comment, is_person=True))
