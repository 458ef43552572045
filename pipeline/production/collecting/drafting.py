"""A failed request as a candidate: turns as a source gives them, personal data masked, and the user's correction where it can be learnt.

A candidate that became a row of `data/feedback` is read by `ingest` like any other, so whatever would make it a reject there, or stop
`validate`, is told here.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from typing import cast

from pipeline.data.answers import NOT_JSON, Contract
from pipeline.data.candidates import Candidate, identity
from pipeline.data.checking.features import alternates
from pipeline.data.personal.finding import Masker, PersonalDataParams, mask_turns
from pipeline.data.reading.rows import Unreadable
from pipeline.data.reading.turns import turns_of
from pipeline.data.records import Turn, digest, text_of
from pipeline.data.reviews import complaint_of_turns
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.desk.reviewing.shown import masked
from pipeline.production.collecting.failures import Failure, Said, incident_name
from pipeline.production.logs.entry import Entry

MOST_SAID, MOST_TAGS, MOST_REVISION = 2000, 20, 100  # characters of what a user said, tags, characters of a revision
USELESS = "a correction that does not meet the schema: "


@dataclass
class Drafting:
    """Makes candidates. `counts` says why requests became none, and which corrections became no proposal."""

    contract: Contract
    limits: ValidateLimits
    policy: PersonalDataParams
    source: str
    today: str
    order: list[str]
    counts: Counter[str] = field(default_factory=Counter)

    def draft(self, failure: Failure) -> Candidate | None:
        """The candidate of a failure, None where it is none that could be learnt from."""
        made = self._made(failure)
        if isinstance(made, str):
            self.counts[made] += 1
            return None
        return made

    def _made(self, failure: Failure) -> Candidate | str:
        entry, said = failure.entry, failure.said
        turns = self._asked(entry)
        if isinstance(turns, str):
            return turns
        masker = Masker(self.policy)
        asked = mask_turns(tuple(turns), masker)
        answer = None if entry.answer is None else masker.mask(entry.answer)
        proposal, note, kinds = self._proposal(masker.mask(said.correction), answer, failure.kinds)
        comment = " / ".join([*map(masker.mask, said.comments), *([note] if note else [])])
        tags = sorted({" ".join(masker.mask(tag).split()) for tag in entry.tags} - {""})[:MOST_TAGS]
        incident = nameless(said.incident)
        if masker.rejected:
            return "holds a secret"
        if not kinds:
            return "corrected to what the model said"
        try:
            return Candidate(
                date=self.today,
                record=identity(asked, proposal),
                request=request_name(entry.id),
                time=entry.time.astimezone(UTC).isoformat(),
                kinds=list(kinds),
                messages=[dict(turn) for turn in asked],
                answer=answer,
                proposal=proposal,
                said=comment[:MOST_SAID],
                others=[],
                user=user_of(entry, said.user),
                people=people_of(entry, said),
                source=self.source,
                revision=" ".join(masker.mask(entry.revision).split())[:MOST_REVISION],
                tags=tags,
                incident=incident,
                count=1,
                members=[],
            )
        except ValueError:
            return "cannot be written"

    def _asked(self, entry: Entry) -> list[Turn] | str:
        """The turns before the answer, or why they are no question."""
        try:
            turns = turns_of(list(entry.messages), "messages")
        except Unreadable:
            return "holds what is no text"
        whole = [*turns, cast("Turn", {"role": "assistant", "content": "-"})]
        if complaint_of_turns(whole) or not alternates(whole):
            return "is no talk of user and assistant in turns"
        if len("\n".join(map(text_of, turns))) > self.limits.max_question_chars:
            return "is longer than validate.max_question_chars"
        return turns

    def _proposal(
        self, correction: str, answer: str | None, kinds: tuple[str, ...]
    ) -> tuple[str, str, tuple[str, ...]]:
        """What is proposed, what is said of a correction that is not, and the kinds that are left."""
        if not correction:
            return "", "", kinds
        if self._is_same(correction, answer):
            self.counts["corrections that say what the model said"] += 1
            return "", "", tuple(kind for kind in kinds if kind != "corrected")
        if self.contract.complaint(correction) or len(correction) > self.limits.max_answer_chars:
            self.counts["corrections off the schema"] += 1
            return "", USELESS + correction, kinds
        return correction, "", kinds

    def _is_same(self, correction: str, answer: str | None) -> bool:
        if answer is None:
            return False
        value = self.contract.parse(correction)
        return correction.strip() == answer.strip() or (value is not NOT_JSON and value == self.contract.parse(answer))


def request_name(name: str) -> str:
    """The id of a request as it may be kept: one that is somebody's address or number is told by its digest."""
    return name if masked(name) == name else f"request-{digest(name)}"


def nameless(incident: str) -> str:
    """The name of an incident as it may be kept; one that holds personal data is told by its digest."""
    return incident_name(incident) if masked(incident) == incident else f"incident-{digest(incident)}"


def user_of(entry: Entry, spoke: str) -> str:
    """Whoever a candidate comes from, as `make forget` finds them: who spoke of the answer, else who asked; "" where nobody knows."""
    return _person(spoke or entry.user)


def people_of(entry: Entry, said: Said) -> list[str]:
    """Who else wrote something of a candidate: who asked, where another one spoke of the answer, and others who spoke."""
    everyone = dict.fromkeys(map(_person, (entry.user, *said.users)))
    return [name for name in everyone if name not in ("", user_of(entry, said.user))]


def _person(name: str) -> str:
    name = " ".join(name.split())
    return f"person-{digest(name)}" if name else ""
