"""What `make feedback` goes by: section `feedback` of `params.yaml`."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.stage import Params

Kind = Literal[
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
]
Count = Annotated[int, Field(ge=1)]


class Caps(BaseModel):
    """Rows, whatever share of the traffic they are: of a user, of a place of logs, of an incident, and that wait at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    days: Count
    user: Count
    source: Count
    incident: Count
    waiting: Count


class Unlike(BaseModel):
    """When a request is unlike all that the model learnt from. `below` is a cosine of words; 0: no request is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    below: Annotated[float, Field(ge=0, lt=1)]
    examples: Count
    requests: Count


class FeedbackParams(Params):
    """Section `feedback`. `kinds` are those that are taken, the worst first; `similarity` is a share of word pairs."""

    section: ClassVar[str] = "feedback"
    kinds: Annotated[list[Kind], Field(min_length=1)]
    wait_days: Annotated[int, Field(ge=0)]
    similarity: Annotated[float, Field(ge=0.5, le=1)]
    caps: Caps
    unlike: Unlike
    asks_teacher: bool
    repeats: Annotated[int, Field(ge=2)]
    injections: dict[str, str]

    @field_validator("kinds")
    @classmethod
    def _each_once(cls, kinds: list[Kind]) -> list[Kind]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("a kind stands twice")
        return kinds
