"""Logs, a task and parameters for the tests of the monitor: a folder of our own lines, and requests of any kind."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pipeline.data.answers import Contract
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Canary, Counts, Entry, Feedback
from pipeline.production.monitoring.said import Said
from pipeline.production.monitoring.sampling import Sample
from pipeline.production.monitoring.settings import Drift, MonitorParams
from pipeline.production.monitoring.taking import Asking
from pipeline.production.monitoring.tally import Tally
from pipeline.production.monitoring.windows import Window

UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = Window(UNTIL - timedelta(days=1), UNTIL)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["red", "green"]}, "person": {"type": "boolean"}},
    "required": ["label"],
    "additionalProperties": False,
}
RED, GREEN = '{"label": "red"}', '{"label": "green"}'
KINDS = {Entry: "requests", Feedback: "feedback", Canary: "canaries", Counts: "counts"}
BOUNDS = {"labels": 0.1, "length": 0.2, "language": 0.1, "vocabulary": 0.1, "words": 0.05, "distance": 0.1}


def entry(number: int, **more: Any) -> Entry:
    """A request of the window that went well, unless something else is said."""
    given: dict[str, Any] = {
        "id": f"r{number}",
        "time": WINDOW.since + timedelta(seconds=number % 86_000),
        "revision": "abc",
        "messages": ({"role": "user", "content": f"what colour is number {number}"},),
        "answer": RED,
        "finish": "stop",
        "valid": True,
    }
    return Entry(**{**given, **more})


def said(number: int, **more: Any) -> Feedback:
    """A word on a request, a minute after it."""
    return Feedback(id=f"r{number}", time=WINDOW.since + timedelta(seconds=number % 86_000 + 60), **more)


def params(**more: Any) -> MonitorParams:
    """Parameters of the monitor; drift takes what the tests have."""
    given: dict[str, Any] = {
        "logs": "logs",
        "shape": "own",
        "since": "1d",
        "rules": {"shouts": "!"},
        "escalation_field": "",
        "margin": 0.02,
        "relative_margin": 0.1,
        "language_sample": 50,
        "slices": 10,
        "least": 20,
        "bounds": [],
        "drift": drift(),
        "canaries": {"timeout_s": 5.0, "token_env": ""},
    }
    return MonitorParams.model_validate({**given, **more})


def drift(**more: Any) -> Drift:
    given = {"sample": 200, "reference": 1000, "least": 20, "alpha": 0.05, "looks": 1, "unlike": 0.02, "bounds": BOUNDS}
    return Drift.model_validate({**given, **more})


def judge(rules: dict[str, str] | None = None, schema: dict[str, Any] = SCHEMA) -> Judge:
    from jsonschema import Draft202012Validator

    return Judge(Contract(schema, Draft202012Validator(schema)), rules or {"shouts": "!"})


def tally(entries: list[Entry], feedback: list[Feedback] | None = None, escalation: str = "", most: int = 10) -> Tally:
    """Requests and what was said of them, summed up."""
    found = Tally(WINDOW.since, WINDOW.until, judge(), escalation, most)
    found.take(entries, Said(feedback or []), Sample(50), Sample(50))
    return found


def write(folder: Path, lines: list[Any]) -> Path:
    """Lines of ours into the files where they belong."""
    for line in lines:
        path = folder / f"{line.time:%Y-%m-%d}" / f"{KINDS[type(line)]}-000000-1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
    folder.mkdir(exist_ok=True)
    return folder


def asking(folder: Path, **more: Any) -> Asking:
    """How both windows of a folder's logs are taken."""
    schema = folder / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    return Asking(str(folder / "logs"), "own", schema, params(**more), ["en"])
