"""What a client may say of an answer, by the id of its request: checked for its form, and for nothing else.

An id that nobody knows is taken: the request may have been left out by sampling, or answered before a restart. The monitor counts it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.data.records import parse_json
from pipeline.production.serving.door import Refused

MOST_CHARS = 100_000


class Said(BaseModel):
    """Body of POST /v1/feedback. At least one thing besides the id is said; `user` is who said it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    id: Annotated[str, Field(min_length=1, max_length=200)]
    thumb: Literal["up", "down"] | None = None
    correction: Annotated[str, Field(min_length=1, max_length=MOST_CHARS)] | None = None
    escalated: bool | None = None
    done: bool | None = None
    comment: Annotated[str, Field(max_length=MOST_CHARS)] = ""
    # more digits may be a telephone or a card
    incident: Annotated[str, Field(max_length=100, pattern=r"^([A-Z][A-Z0-9]*-[0-9]{1,9})?$")] = ""
    user: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _says_something(self) -> "Said":
        if not self.model_fields_set - {"id", "user"}:
            raise ValueError("says nothing of the answer")
        return self


def checked_feedback(body: bytes) -> None:
    """Raises Refused, with the key that is wrong and why, where a body is no feedback. No value is part of the words."""
    try:
        value: Any = parse_json(body)
    except ValueError:
        raise Refused(400, "the body is no JSON object") from None
    try:
        Said.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        raise Refused(400, f"{where or 'the body'}: {words[0].lower()}{words[1:]}") from None
