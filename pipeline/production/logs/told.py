"""What a row of other people's logs tells: requests, what was said of them, and faults by their name in `problems`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pipeline.production.logs.entry import Entry, Feedback
from pipeline.production.logs.values import text, thumb

PEOPLE = re.compile(
    r"feedback|thumb|rating|satisf|helpful|human|user|customer|escalat|resolved|correction|like", re.IGNORECASE
)
ESCALATED = re.compile(r"escalat|hand.?off|hand.?over", re.IGNORECASE)
DONE = re.compile(r"done|resolved|complet|success", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """A request, and the other ids under which feedback may speak of it."""

    entry: Entry
    also: tuple[str, ...] = ()


Told = Request | Feedback | str


@dataclass(frozen=True)
class Score:
    """A score with a name, given to a request; `label` is its value in words. `is_person` where it is known who gave it."""

    id: str
    time: datetime
    name: str
    value: Any
    label: str = ""
    comment: str = ""
    user: str = ""
    is_person: bool | None = None


def told_of(score: Score) -> Iterator[Told]:
    """A score as feedback, or why it is none. One whose giver is not known counts as a person's where its name says so."""
    is_person = bool(PEOPLE.search(score.name)) if score.is_person is None else score.is_person
    if not is_person:
        yield "automatic_score"
        return
    plain = Feedback(id=score.id, time=score.time, comment=score.comment, user=score.user)
    if "correction" in score.name.lower():
        yield replace(plain, correction=score.label or text(score.value))
        return
    way = thumb(score.label or score.value)
    if way is None:
        yield "unclear_score"
    elif ESCALATED.search(score.name):
        yield replace(plain, escalated=way == "up")
    elif DONE.search(score.name):
        yield replace(plain, done=way == "up")
    else:
        yield replace(plain, thumb=way)
