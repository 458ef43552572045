"""OpenTelemetry's JSON (OTLP): spans and log records of the GenAI semantic conventions, those of today and those before 1.37.

A row is what a file exporter writes in a line: `resourceSpans` or `resourceLogs`, with all that these hold.
"""

from collections.abc import Iterator
from typing import Any

from pipeline.production.logs.entry import Entry
from pipeline.production.logs.otlp_turns import dialogue
from pipeline.production.logs.told import Request, Score, Told, told_of
from pipeline.production.logs.values import (
    FINISHES,
    between,
    count,
    identity,
    moment,
    number,
    parsed,
    seconds,
    tags,
    text,
    user,
)

OPERATIONS = {"chat", "text_completion", "generate_content"}
DETAILS, EVALUATION = "gen_ai.client.inference.operation.details", "gen_ai.evaluation"
PARTS = ("resourceSpans", "resourceLogs", "scopeSpans", "scopeLogs")
USERS = ("user.id", "enduser.id", "gen_ai.user.id", "user")
FIRST = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
FAILED = (2, "STATUS_CODE_ERROR")
Row = dict[str, Any]


def is_mine(row: Row) -> bool:
    """Whether a row is of this shape."""
    return any(isinstance(row.get(name), list) for name in PARTS)


def told(row: Row) -> Iterator[Told]:
    """The requests of all spans and records of a row, and what evaluations say of them."""
    for resource in [*_objects(row, "resourceSpans"), *_objects(row, "resourceLogs")] or [row]:
        about = attributes(resource.get("resource"))
        for scope in _objects(resource, "scopeSpans"):
            for span in _objects(scope, "spans"):
                yield from _span(span, about)
        for scope in _objects(resource, "scopeLogs"):
            for record in _objects(scope, "logRecords"):
                yield from _record(record, about)


def attributes(value: Any) -> Row:
    """The attributes of a resource, a span, an event or a record, by name."""
    listed = value.get("attributes") if isinstance(value, dict) else None
    pairs = listed if isinstance(listed, list) else []
    return {text(pair.get("key")): _any(pair.get("value")) for pair in pairs if isinstance(pair, dict)}


def _any(value: Any) -> Any:
    """A value of OTLP, which says its type, as what it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    if kind == "intValue":
        return count(inner) if isinstance(inner, str) else inner
    if kind == "arrayValue":
        return [_any(one) for one in _objects(inner, "values")]
    if kind == "kvlistValue":
        return {text(pair.get("key")): _any(pair.get("value")) for pair in _objects(inner, "values")}
    return inner


def _objects(value: Any, name: str) -> list[Row]:
    listed = value.get(name) if isinstance(value, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _span(span: Row, about: Row) -> Iterator[Told]:
    known = attributes(span)
    events = [(text(one.get("name")), attributes(one), one.get("timeUnixNano")) for one in _objects(span, "events")]
    operation = text(known.get("gen_ai.operation.name"))
    if operation not in OPERATIONS if operation else "gen_ai.request.model" not in known:
        yield "other_span"
        return
    for name, details, _ in events:
        if name == DETAILS:
            known = details | known
    start = moment(span.get("startTimeUnixNano"))
    if start is None:
        yield "bad_time"
        return
    turns, answer, finish = dialogue(known, [(name, details) for name, details, _ in events])
    status = span.get("status")
    has_failed = isinstance(status, dict) and status.get("code") in FAILED
    entry = Entry(
        id=_id(span) or identity(start, turns, answer),
        time=start,
        messages=turns,
        answer=answer,
        finish="engine_failed" if has_failed else finish or _finish(known),
        status=(count(known.get("http.response.status_code")) or 500) if has_failed else 200,
        total_s=between(start, moment(span.get("endTimeUnixNano"))),
        **_measured(known, about),
    )
    yield Request(entry, tuple(filter(None, (text(known.get("gen_ai.response.id")),))))
    for name, details, time in events:
        if name.startswith(EVALUATION):
            yield from _evaluation(name, details, time, entry.id)


def _record(record: Row, about: Row) -> Iterator[Told]:
    """A record of a log: the details of a request, or what an evaluation says of one."""
    known, body = attributes(record), _any(record.get("body"))
    known = (body if isinstance(body, dict) else {}) | known
    name = text(record.get("eventName") or known.get("event.name"))
    if name.startswith(EVALUATION):
        yield from _evaluation(
            name, known, record.get("timeUnixNano") or record.get("observedTimeUnixNano"), _id(record)
        )
    elif name != DETAILS:
        yield "unmapped"
    elif (time := moment(record.get("timeUnixNano"))) is None:
        yield "bad_time"
    else:
        turns, answer, finish = dialogue(known, [])
        identified = _id(record) or identity(time, turns, answer)
        entry = Entry(
            id=identified,
            time=time,
            messages=turns,
            answer=answer,
            finish=finish or _finish(known),
            **_measured(known, about),
        )
        yield Request(entry, tuple(filter(None, (text(known.get("gen_ai.response.id")),))))


def _measured(known: Row, about: Row) -> dict[str, Any]:
    """What both spans and records say of a request: model, tokens, cost, user."""
    first = next((found for name in FIRST if (found := seconds(known.get(name))) is not None), None)
    return {
        "revision": text(known.get("vcs.ref.head.revision") or about.get("vcs.ref.head.revision")),
        "model": text(known.get("gen_ai.response.model") or known.get("gen_ai.request.model")),
        "tokens_in": count(known.get("gen_ai.usage.input_tokens", known.get("gen_ai.usage.prompt_tokens"))),
        "tokens_out": count(known.get("gen_ai.usage.output_tokens", known.get("gen_ai.usage.completion_tokens"))),
        "first_token_s": first,
        "cost": number(known.get("gen_ai.usage.cost")),
        "user": user(next((known[name] for name in USERS if known.get(name)), "")),
        "tags": tags(known.get("tags")),
        "streamed": first is not None,
    }


def _finish(known: Row) -> str:
    reasons = parsed(known.get("gen_ai.response.finish_reasons"))
    reason = text(reasons[0]) if isinstance(reasons, list) and reasons else text(reasons)
    return FINISHES.get(reason, reason)


def _id(value: Row) -> str:
    """A span by its trace and its own id, which records name, too."""
    trace, span = text(value.get("traceId")), text(value.get("spanId"))
    return f"{trace}-{span}" if trace and span else ""


def _evaluation(name: str, known: Row, time: Any, request: str) -> Iterator[Told]:
    at = moment(time)
    if at is None:
        yield "bad_time"
        return
    score = Score(
        id=request or text(known.get("gen_ai.response.id")),
        time=at,
        name=text(known.get("gen_ai.evaluation.name")) or name,
        value=known.get("gen_ai.evaluation.score.value", known.get("gen_ai.evaluation.score")),
        label=text(known.get("gen_ai.evaluation.score.label")),
        comment=text(known.get("gen_ai.evaluation.explanation")),
        user=user(next((known[key] for key in USERS if known.get(key)), "")),
    )
    yield from told_of(score)
