"""Reviews: what the people's ledger says of a record, and the records as people left them.

Decisions go by record id, so an edited example is another one, which its editor approved. Each reviewer's last word counts. Two
who disagree make a record disputed: it stays out until one of them changes the word. What people say of an edited version, by
its own id, counts before the approval that it came with.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

import msgspec

from pipeline.data.ledgers import Review, person
from pipeline.data.records import ROLES, Record, Turn, record_id
from pipeline.stage import Fault, Params

Origin = Literal["human", "synthetic", "production"]
Verdict = Literal["accepted", "edited", "rejected", "disputed", "waiting"]


class ReviewParams(Params):
    """Section `review`. `origins`: whose records stay out of training until a person has approved them."""

    section: ClassVar[str] = "review"
    origins: list[Origin]


@dataclass(frozen=True)
class Judged:
    """Records by what people decided, each list in the order of the input; `accepted` as people left them.

    An edit may make an accepted record equal to another one: ids in `accepted` can come twice.
    """

    accepted: list[Record] = field(default_factory=list)
    waiting: list[Record] = field(default_factory=list)
    rejected: list[Record] = field(default_factory=list)
    disputed: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class _Word:
    """The last word of a reviewer on a record: `made` is the id that an edit makes, `said` is the same for words that agree."""

    place: str
    review: Review
    made: str | None

    @property
    def said(self) -> str:
        if self.made is None:
            return self.review.decision
        return "approve" if self.made == self.review.record else f"edit {self.made}"


class Decisions:
    """The ledger, asked record by record. Raises Fault that names the place of an edit whose turns are none."""

    def __init__(self, reviews: Iterable[tuple[str, Review]], origins: Collection[str]) -> None:
        self._origins = frozenset(origins)
        self._words: dict[str, dict[str, _Word]] = {}
        for place, review in reviews:
            words, who = self._words.setdefault(review.record, {}), person(review.reviewer)
            words.pop(who, None)  # so that the words stand in the order in which they were said
            words[who] = _Word(place, review, _made_by(review, place))
        self._edits = {record: edit for record, words in self._words.items() if (edit := _agreed_edit(words.values()))}
        self._made = frozenset(made for made, _ in self._edits.values())

    def verdict(self, record: str, origin: str) -> Verdict:
        """What holds for the record of that id and origin; `edited` where it counts with other turns."""
        if record not in self._words and record not in self._made:
            return "waiting" if origin in self._origins else "accepted"
        path, is_circle = self._path(record)
        said = {word.said for word in self._words.get(path[-1], {}).values()}
        if is_circle or len(said) > 1:
            return "disputed"
        if said == {"reject"}:
            return "rejected"
        if len(path) > 1:
            return "edited"
        is_approved = said or record in self._made or origin not in self._origins
        return "accepted" if is_approved else "waiting"

    def edited(self, record: Record) -> Record:
        """The record after every edit that stands; the same one where there is none."""
        for step in self._path(record.id)[0][:-1]:
            record = _changed(record, *self._edits[step])
        return record

    def is_reviewed(self, record: str) -> bool:
        """Whether anybody said something of a record by this id."""
        return record in self._words

    def said(self, record: str) -> list[Review]:
        """Each reviewer's last word on a record, and on what edits made of it."""
        path, _ = self._path(record)
        return [word.review for step in path for word in self._words.get(step, {}).values()]

    def disputed(self) -> list[str]:
        """Ids that reviewers disagree on, whether or not such a record is there any longer; versions that edits made left out."""
        return [name for name in self._words if name not in self._made and self.verdict(name, "") == "disputed"]

    def _path(self, record: str) -> tuple[list[str], bool]:
        """The ids from a record to its last version, and whether its edits go round in a circle."""
        path = [record]
        while path[-1] in self._edits:
            made, _ = self._edits[path[-1]]
            if made in path:
                return path, True
            path.append(made)
        return path, False


def judged(records: Iterable[Record], reviews: list[tuple[str, Review]], origins: Collection[str]) -> Judged:
    """The records by what people decided; `origins` are those that need a person's approval."""
    decisions, found = Decisions(reviews, origins), Judged()
    for record in records:
        verdict = decisions.verdict(record.id, record.origin)
        if verdict in ("accepted", "edited"):
            found.accepted.append(decisions.edited(record))
        else:
            getattr(found, verdict).append(record)
    return found


def _made_by(review: Review, place: str) -> str | None:
    """The id of the record that an edit makes, None for another word. Raises Fault where its turns are none."""
    if review.messages is None:
        return None
    if complaint := complaint_of_turns(review.messages):
        raise Fault(f"{place}: messages", complaint, "mend the edit, or take its line out and review the record again")
    return review.becomes or record_id(_turns(review))


def _agreed_edit(words: Iterable[_Word]) -> tuple[str, _Word] | None:
    """The id that everybody's edit makes, with the first of these edits; None where the words are others or differ."""
    first, *others = words
    if first.made in (None, first.review.record) or any(word.said != first.said for word in others):
        return None
    return str(first.made), first


def _changed(record: Record, made: str, edit: _Word) -> Record:
    new = edit_of(record, _turns(edit.review))
    if new.id != made:
        raise Fault(f"{edit.place}: becomes", f"is {made}, and the edit makes {new.id}", f"write {new.id}")
    return new


def _turns(review: Review) -> list[Turn]:
    return [cast("Turn", turn) for turn in review.messages or []]


def edit_of(record: Record, turns: list[Turn]) -> Record:
    """The record with other turns: a new one that a person wrote out of it."""
    return msgspec.structs.replace(
        record,
        id=record_id(turns, record.rejected, record.tools),
        messages=tuple(turns),
        parents=(record.id,),
        answered_by="corrected",
    )


def complaint_of_turns(turns: Any) -> str | None:
    """Why a value is no conversation that an example can have, in words and without its text, or None."""
    if not isinstance(turns, list) or not turns:
        return "is no list of turns"
    for number, turn in enumerate(turns, 1):
        if complaint := _complaint_of_turn(turn):
            return f"turn {number} {complaint}"
    if turns[-1]["role"] != "assistant":
        return "does not end with the assistant's turn"
    return None if any(turn["role"] == "user" for turn in turns) else "has no user's turn"


def _complaint_of_turn(turn: Any) -> str | None:
    if not isinstance(turn, dict) or turn.get("role") not in ROLES:
        return f"has no role out of {', '.join(ROLES)}"
    if unknown := set(turn) - set(Turn.__annotations__):
        return f"has a key that no turn has ({len(unknown)} of them)"
    texts = [turn.get("content"), *(turn[key] for key in ("tool_call_id", "name") if key in turn)]
    if not all(isinstance(text, str) for text in texts):
        return "has no text, or a tool_call_id or name that is none"
    if not texts[0].strip() and "tool_calls" not in turn:
        return "is empty"
    if not _is_writable(turn):
        return "holds half of a surrogate pair or a number without end"
    return _complaint_of_calls(turn) if "tool_calls" in turn else None


def _is_writable(turn: dict[str, Any]) -> bool:
    """Whether a turn can be written as JSON in UTF-8."""
    try:
        return bool(json.dumps(turn, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        return False


def _complaint_of_calls(turn: dict[str, Any]) -> str | None:
    calls = turn["tool_calls"]
    if turn["role"] != "assistant" or not isinstance(calls, list) or not calls:
        return "has tool_calls that are no list, or is not the assistant's"
    functions = [call.get("function") if isinstance(call, dict) else None for call in calls]
    is_good = all(
        isinstance(function, dict)
        and isinstance(function.get("name"), str)
        and isinstance(function.get("arguments"), dict)
        for function in functions
    )
    return None if is_good else "has a tool call without a function of name and arguments"
