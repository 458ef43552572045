"""Requests that failed, in a log of a moment; and the candidates that are made of them, by the rules of small parameters."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate, Placed, merged
from pipeline.data.personal.finding import KINDS, PersonalDataParams
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.production.collecting.drafting import Drafting
from pipeline.production.collecting.known import Places, known_of
from pipeline.production.collecting.params import FeedbackParams
from pipeline.production.collecting.proposing import Outcome, Setting, failed_in, propose
from pipeline.production.collecting.window import Window
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry, Feedback
from tests.examples import SCHEMA, answer

NOON = datetime(2021, 1, 2, 12, tzinfo=UTC)
WEEK = Window(NOON - timedelta(days=7), NOON + timedelta(days=1))
RED, BLUE, GREEN = answer("red"), answer("blue", "sorry"), answer("green", "of course")
VALUES: dict[str, Any] = {
    "kinds": [
        "corrected",
        "thumbs_down",
        "escalated",
        "not_done",
        "invalid",
        "flagged",
        "refused",
        "empty",
        "cut",
        "unlike",
    ],
    "wait_days": 7,
    "similarity": 0.65,
    "caps": {"days": 30, "user": 3, "source": 50, "incident": 4, "waiting": 40},
    "unlike": {"below": 0.0, "examples": 100, "requests": 100},
    "repeats": 4,
    "asks_teacher": False,
    "injections": {"ignore": r"(?i)ignore .{0,20}instructions"},
}
TOPICS = [
    "parcel",
    "kettle",
    "lamp",
    "chair",
    "shirt",
    "mixer",
    "phone",
    "carpet",
    "bottle",
    "mirror",
    "jacket",
    "watch",
    "speaker",
    "blanket",
    "stroller",
    "toaster",
    "camera",
    "backpack",
    "ladder",
    "helmet",
    "curtain",
    "drill",
    "guitar",
    "printer",
    "keyboard",
]
WORDS = (
    "never arrived",
    "burnt my hand",
    "came in pieces",
    "was charged twice",
    "does not fit",
    "smells of smoke",
    "lost its colour",
)


def question(number: int) -> str:
    """A question that no other number's is like."""
    topic, trouble = TOPICS[number % len(TOPICS)], WORDS[number // len(TOPICS) % len(WORDS)]
    return f"{topic} number {number * 7919} {trouble} on day {number * 31} of {topic} week {number * 17}"


def request(number: int, **changes: Any) -> Entry:
    """A request that was answered with RED; by its number it has a time, a question and an id of its own."""
    asked = changes.pop("asked", question(number))
    values: dict[str, Any] = {
        "id": f"r{number}",
        "time": NOON - timedelta(hours=number % 100, seconds=number),
        "messages": ({"role": "user", "content": asked},),
        "answer": RED,
        "finish": "stop",
        "valid": True,
        "user": f"u{number}",
        "revision": "a" * 40,
    }
    return Entry(**{**values, **changes})


def word(entry: Entry, **said: Any) -> Feedback:
    """A word on a request, an hour later."""
    return Feedback(**{"id": entry.id, "time": entry.time + timedelta(hours=1), **said})


def down(entry: Entry, **said: Any) -> Feedback:
    return word(entry, thumb="down", **said)


def contract() -> Contract:
    from jsonschema import Draft202012Validator

    return Contract(SCHEMA, Draft202012Validator(SCHEMA))


def params(**changes: Any) -> FeedbackParams:
    """Parameters; `caps`, `unlike` take the keys that differ."""
    nested = {name: {**VALUES[name], **changes.pop(name)} for name in ("caps", "unlike") if name in changes}
    return FeedbackParams.model_validate({**VALUES, **nested, **changes})


def collected(
    folder: Path,
    requests: Iterable[Entry],
    said: Iterable[Feedback] = (),
    ledger: dict[str, Placed] | None = None,
    window: Window = WEEK,
    named: dict[str, str] | None = None,
    decided: Iterable[str] = (),
    cases: Iterable[Any] = (),
    given: FeedbackParams | None = None,
) -> Outcome:
    """What is proposed of these requests; `folder` may hold records.jsonl, train.jsonl, and a folder feedback."""
    asked, meets = given or params(), contract()
    setting = Setting(asked, meets, Judge(meets, {"shouts": "!!!"}), lambda _: "en", folder / "train.jsonl")
    outcome, names = Outcome(window), named or {}
    failed = failed_in(list(requests), list(said), setting, frozenset(names), outcome)
    policy = PersonalDataParams.model_validate(
        {kind: "reject" if kind in ("api_key", "private_key", "jwt") else "redact" for kind in KINDS}
    )
    limits = ValidateLimits(max_question_chars=500, max_answer_chars=200)
    drafting = Drafting(meets, limits, policy, "logs", "2021-01-03", list(asked.kinds))
    there = ledger or {}
    places = Places(*(folder / name for name in ("records.jsonl", "template.json", "sources.yaml", "feedback")))
    known = known_of(places, list(cases), there, meets, policy)
    given_names = {request: name for request, name in names.items() if name}
    return propose(failed, drafting, known, there, set(decided), given_names, setting, outcome)


def added(ledger: dict[str, Placed], outcome: Outcome) -> dict[str, Placed]:
    """The ledger with the lines of a run, as it would be read."""
    found = dict(ledger)
    for line in outcome.lines:
        place, first = found.get(line.record, (f"l.jsonl:{len(found)}", line))
        found[line.record] = (place, merged(first, line))
    answered = {one.asked_in for _, one in found.values() if one.proposal}
    return {name: one for name, one in found.items() if one[1].proposal or one[1].asked_in not in answered}


def requests_of(lines: Iterable[Candidate]) -> list[str]:
    return [one.request for one in lines]


def json_of(value: Any) -> str:
    return json.dumps(value)
