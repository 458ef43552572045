"""Out of a teacher's reply an example, or the reason why it is none. No reason holds what the teacher wrote."""

import json
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from pydantic import ConfigDict, Field

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Reply
from pipeline.data.personal.finding import find
from pipeline.data.records import Record, Turn, parse_json, record_id
from pipeline.stage import Params

Reason = str


class ValidateLimits(Params):
    """What is read of section `validate`: the lengths that hold for every example."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "validate"
    max_question_chars: Annotated[int, Field(ge=1)]
    max_answer_chars: Annotated[int, Field(ge=1)]


class PersonalDataPolicy(Params):
    """What is read of section `ingest`: by kind of personal data what is done about it; what is allowed is allowed here too."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "ingest"
    personal_data: dict[str, str]

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset(kind for kind, rule in self.personal_data.items() if rule == "allow")


@dataclass(frozen=True)
class Demands:
    """What an example has to meet, whoever wrote it; `allowed` are kinds of personal data that may stay."""

    contract: Contract
    limits: ValidateLimits
    allowed: frozenset[str]

    def personal_data(self, text: str) -> Reason | None:
        """The kind of personal data that a text holds and must not hold, as a reason."""
        kinds = (hit.kind for hit in find(text) if hit.kind not in self.allowed)
        return next((f"personal data ({kind})" for kind in kinds), None)


class Draft(NamedTuple):
    """Message and answer of a reply, as text."""

    message: str
    answer: str


def draft_of(reply: Reply, contract: Contract) -> Draft | Reason:
    """Message and answer, where the reply is JSON and has both. An answer in JSON may come as text too, plain text as nothing else."""
    try:
        value = parse_json(reply.reply)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(value, dict) or not isinstance(value.get("message"), str) or "answer" not in value:
        return "no message or no answer"
    answer = value["answer"]
    if not isinstance(answer, str):
        if contract.is_text:
            return "answer off the schema"
        answer = json.dumps(answer, ensure_ascii=False)
    return Draft(value["message"], answer) if value["message"].strip() and answer.strip() else "no message or no answer"


def candidate(place: str, draft: Draft, seed: Record, demands: Demands) -> Record | Reason:
    """The seed with the draft in place of its last two turns, where that meets all that an example has to meet.

    The roles are those of the seed, whose last two turns are the user's and the assistant's.
    """
    contract, limits = demands.contract, demands.limits
    if contract.complaint(draft.answer):
        return "answer off the schema"
    if contract.label(draft.answer) != contract.label(seed.answer):
        return "another category than its seed"
    if found := demands.personal_data(draft.message) or demands.personal_data(draft.answer):
        return found
    turns: tuple[Turn, Turn] = (
        {"role": "user", "content": draft.message},
        {"role": "assistant", "content": draft.answer},
    )
    messages = (*seed.messages[:-2], *turns)
    made = Record(
        id=record_id(messages, (), seed.tools),
        messages=messages,
        origin="synthetic",
        answered_by="model",
        source=place,
        group=seed.group,
        parents=(seed.id,),
        licence=seed.licence,
        tools=seed.tools,
    )
    if len(made.question) > limits.max_question_chars:
        return "message too long"
    return made if len(made.answer) <= limits.max_answer_chars else "answer too long"
