"""Candidates: failures of production that wait for a reviewer, a line of a ledger each.

`make feedback` writes them, `make review` shows them, and the reviewers' ledger says what becomes of them: a candidate is named there by
the record that its question and its proposed answer make. No stage reads this ledger.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, model_validator

from pipeline.data.ledgers import Digest, Entry, read_ledger
from pipeline.data.records import Record, Turn, record_id
from pipeline.data.reviews import complaint_of_turns

ORIGIN, LICENCE = "production", "own"
MOST_MEMBERS = 100  # requests that a candidate names of those that were folded into it; `count` counts all
Placed = tuple[str, "Candidate"]


class Candidate(Entry):
    """A failure of production. Personal data is masked in every text.

    `record` is the id of the record that `messages` and `proposal` make, `request` that of the request, `time` when that came in, with
    its zone. `kinds` say why it is here, the worst first. `answer` is what the model said, `said` what the user said of it, `proposal`
    the answer to learn, "" where the reviewer is to write it, `others` what others proposed. `user` is person-<digest> of whoever it
    comes from, "" where nobody knows; `source` names the logs. `count` requests ask the like, this one among them; `members` are others.
    `people` are, as `user` is, all others whose words are in it, so that `make forget` finds it for each of them. `asked` names what a
    teacher was asked for an answer.
    """

    record: Digest
    request: Annotated[str, Field(pattern=r"\S")]
    time: str
    kinds: Annotated[list[str], Field(min_length=1)]
    messages: list[dict[str, Any]]
    answer: str | None = None
    proposal: str
    said: str
    others: list[str]
    user: str
    source: str
    revision: str
    tags: list[str]
    incident: str
    count: Annotated[int, Field(ge=1)]
    members: list[str]
    people: list[str] = Field(default_factory=list)
    asked: list[Digest] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_one(self) -> "Candidate":
        if self.moment.tzinfo is None:
            raise ValueError("time has no zone")
        if complaint := complaint_of_turns([*self.messages, {"role": "assistant", "content": self.proposal or "-"}]):
            raise ValueError(f"messages with the proposal: the conversation {complaint}")
        if self.record != identity(self.messages, self.proposal):
            raise ValueError("record is not the id of what messages and proposal make")
        return self

    @property
    def moment(self) -> datetime:
        """When the request came in."""
        return datetime.fromisoformat(self.time)

    @property
    def asked_in(self) -> tuple[str, datetime]:
        """The request and its time: ids of foreign logs, such as those of the lines of a batch, come again on other days."""
        return self.request, self.moment

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The question and the proposed answer, which may be empty."""
        return turns_of(self.messages, self.proposal)


def turns_of(messages: Iterable[Any], proposal: str) -> tuple[Turn, ...]:
    """The turns of a question with an answer."""
    return (*(cast("Turn", turn) for turn in messages), {"role": "assistant", "content": proposal})


def identity(messages: Iterable[Any], proposal: str) -> str:
    """Id of the record that a question and a proposed answer make."""
    return record_id(turns_of(messages, proposal))


def group_of(candidate: Candidate) -> str:
    """What must stay on one side of the split: the user, else the candidate itself."""
    return candidate.user or candidate.record


def record_of(candidate: Candidate, place: str) -> Record:
    """The candidate as a record that waits; `place` is that of its line. Its answer is empty where none is proposed."""
    return Record(
        answered_by="corrected",
        group=group_of(candidate),
        id=candidate.record,
        licence=LICENCE,
        messages=candidate.turns,
        origin=ORIGIN,
        source=place,
        tags=tuple(sorted(set(candidate.tags))),
    )


def read_candidates(folder: Path) -> dict[str, Placed]:
    """Place and candidate by record, the earliest line of each; of an incident the latest name counts, members add up.

    One that had no answer is left out where a later line of the same request has one.
    """
    found: dict[str, Placed] = {}
    for place, entry in read_ledger(folder, Candidate):
        first = found.get(entry.record)
        found[entry.record] = (place, entry) if first is None else (first[0], merged(first[1], entry))
    answered = {entry.asked_in for _, entry in found.values() if entry.proposal}
    return {name: one for name, one in found.items() if one[1].proposal or one[1].asked_in not in answered}


def merged(first: Candidate, later: Candidate) -> Candidate:
    """Two lines of one record as one."""
    known = dict.fromkeys([first.request, *first.members])
    members = [name for name in dict.fromkeys([later.request, *later.members]) if name not in known]
    return first.model_copy(
        update={
            "incident": later.incident or first.incident,
            "members": [*first.members, *members][:MOST_MEMBERS],
            "count": max(first.count, later.count),
            "people": list(dict.fromkeys([*first.people, *later.people])),
            "asked": list(dict.fromkeys([*first.asked, *later.asked])),
            "others": list(dict.fromkeys([*first.others, *later.others])),
        }
    )
