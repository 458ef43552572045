"""Exports of Langfuse: observations, traces and scores, as JSON, JSON Lines or CSV, of its screens, its API or its export to a store."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pipeline.production.logs.entry import Entry
from pipeline.production.logs.told import Request, Score, Told, told_of
from pipeline.production.logs.values import (
    answer,
    between,
    count,
    identity,
    moment,
    number,
    parsed,
    row_of,
    seconds,
    tags,
    text,
    turns,
    user,
)

TYPES = {"SPAN", "GENERATION", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Row = dict[str, Any]


def is_mine(row: Row) -> bool:
    """Whether a row is of this shape."""
    row = _plain(row)
    is_trace = (
        "timestamp" in row and "id" in row and bool({"session_id", "bookmarked", "project_id", "release"} & row.keys())
    )
    return _is_observation(row) or _is_score(row) or (is_trace and ("input" in row or "output" in row))


def chosen(names: list[str]) -> list[str]:
    """The files to read: where a store has the same requests twice, as traces and as observations, the fuller ones."""
    folders = {part for name in names for part in name.split("/")[:-1]}
    spare = {"observations"} if "observations_v2" in folders else set()
    if folders & {"observations", "observations_v2"}:
        spare |= {"traces"}
    return [name for name in names if not spare & set(name.split("/")[:-1])]


def told(row: Row) -> Iterator[Told]:
    """A generation, a trace with what is in it, or a score."""
    row = _plain(row)
    if _is_score(row):
        yield from _score(row, text(row.get("trace_id")))
    elif _is_observation(row):
        yield from _observation(row, {})
    elif "timestamp" in row:
        yield from _trace(row)
    else:
        yield "unmapped"


def _is_observation(row: Row) -> bool:
    return text(row.get("type")) in TYPES and "start_time" in row


def _is_score(row: Row) -> bool:
    return (
        "value" in row
        and "name" in row
        and bool({"trace_id", "observation_id"} & row.keys())
        and "start_time" not in row
    )


def _trace(row: Row) -> Iterator[Told]:
    """The generations within a trace; where it holds none, the trace itself."""
    listed = parsed(row.get("observations"))
    inner = [_plain(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    generations = [one for one in inner if one.get("type") == "GENERATION"]
    for one in generations:
        yield from _observation(one, row)
    if not generations:
        yield from _request(row, row, "timestamp")
    scores, time = parsed(row.get("scores")), row.get("timestamp")
    if isinstance(scores, list):
        for score in scores:
            if isinstance(score, dict):
                yield from _score(_plain(score), text(row.get("id")))
    elif isinstance(scores, dict):
        for name, values in scores.items():
            for value in values if isinstance(values, list) else [values]:
                yield from _score({"name": name, "value": value, "timestamp": time}, text(row.get("id")))


def _observation(row: Row, trace: Row) -> Iterator[Told]:
    if row.get("type") == "GENERATION":
        yield from _request(row, trace, "start_time")
    else:
        yield "other_span"


def _request(row: Row, trace: Row, began: str) -> Iterator[Told]:
    """A request out of an observation or a trace; of `trace` come user, tags and release where the row has none."""
    start, end, first = (moment(row.get(key), is_utc=True) for key in (began, "end_time", "completion_start_time"))
    if start is None:
        yield "bad_time"
        return
    whole = {key: value for key, value in trace.items() if value not in (None, "")} | {
        key: value for key, value in row.items() if value not in (None, "")
    }
    usage, metadata = row_of(row.get("usage_details")) or row_of(row.get("usage")), row_of(row.get("metadata"))
    asked, (said, finish) = turns(row.get("input")), answer(row.get("output") or None)
    has_failed, total = row.get("level") == "ERROR", between(start, end)
    entry = Entry(
        id=text(row.get("id")) or identity(start, asked, said),
        time=start,
        revision=text(metadata.get("revision") or whole.get("release") or whole.get("version")),
        model=text(row.get("provided_model_name") or row.get("model")),
        messages=asked,
        answer=said,
        finish="engine_failed" if has_failed else finish or text(metadata.get("finish_reason")),
        status=500 if has_failed else 200,
        tokens_in=_tokens(row, usage, ("input", "prompt_tokens", "input_tokens", "promptTokens"), "input_usage"),
        tokens_out=_tokens(
            row, usage, ("output", "completion_tokens", "output_tokens", "completionTokens"), "output_usage"
        ),
        first_token_s=between(start, first) if first else seconds(row.get("time_to_first_token")),
        total_s=total if total is not None else seconds(row.get("latency")),
        cost=number(row.get("total_cost", row.get("calculated_total_cost"))),
        user=user(whole.get("user_id")),
        tags=tags(whole.get("tags") or whole.get("trace_tags")),
        streamed=first is not None,
    )
    yield Request(entry, tuple(filter(None, (text(row.get("trace_id")) or text(trace.get("id")),))))


def _tokens(row: Row, usage: Row, names: tuple[str, ...], flat: str) -> int | None:
    """Tokens by any of their names, in the object of usage or in a column."""
    return next((found for name in names if (found := count(usage.get(name))) is not None), None) or count(
        next((row[name] for name in (flat, *names[1:3]) if row.get(name) not in (None, "")), None)
    )


def _score(row: Row, trace: str) -> Iterator[Told]:
    time = moment(row.get("timestamp") or row.get("created_at"), is_utc=True)
    if time is None:
        yield "bad_time"
        return
    source, kind = text(row.get("source")), text(row.get("data_type"))
    label = text(row.get("string_value")) if kind in ("CATEGORICAL", "TEXT", "CORRECTION", "") else ""
    name = text(row.get("name")) if kind != "CORRECTION" else "correction"
    score = Score(
        id=text(row.get("observation_id")) or trace,
        time=time,
        name=name,
        value=row.get("value"),
        label=label,
        comment=text(row.get("comment")),
        user=user(row.get("author_user_id")),
        is_person={"ANNOTATION": True, "EVAL": False}.get(source),
    )
    yield from told_of(score)


def _plain(row: Row) -> Row:
    """A row whose keys are in one form, whichever of the exports wrote them."""
    return {_snake(key): value for key, value in row.items()}


@lru_cache(maxsize=4096)
def _snake(key: str) -> str:
    return HUMP.sub("_", key.strip()).replace(" ", "_").lower()
