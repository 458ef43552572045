"""Questions with a check: the general probes and the must-pass cases.

A file is JSON Lines; a probe has `id`, `skill`, `messages`, `check`, and `twin` where it is half of a pair; a case has `id`,
`why`, `messages`, `check`, and `incident` where it came from one in production.
"""

from pathlib import Path
from typing import Any, Literal

import regex
from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.data.folders import by_id, rows
from pipeline.data.records import Turn, parse_json
from pipeline.stage import Fault


class Check(BaseModel):
    """How an answer is judged; `pipeline.scoring.checks` says what each kind means."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kind: Literal["exact", "choice", "regex", "json", "fields"]
    value: Any
    options: list[str] = []

    @model_validator(mode="after")
    def _can_judge(self) -> "Check":
        """Refuse a pattern that is none, a JSON text that is none, and fields that are no object."""
        if self.kind == "regex":
            try:
                regex.compile(self.value)
            except (regex.error, TypeError) as error:
                raise ValueError(f"value is no pattern ({error})") from None
        if self.kind == "json" and isinstance(self.value, str):
            try:
                parse_json(self.value)
            except ValueError as error:
                raise ValueError(f"value is no JSON ({error})") from None
        if self.options and self.value not in self.options:
            raise ValueError("value is not among the options")
        if self.kind == "fields" and not isinstance(self.value, dict):
            raise ValueError("value is no object of fields")
        return self


class Question(BaseModel):
    """A question that any model can be asked, with the check of its answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    id: str
    messages: list[Turn]
    check: Check
    skill: str = ""
    why: str = ""
    twin: str = ""
    incident: str = ""


def read_questions(folder: Path) -> list[Question]:
    """Every question of the folder's files, by name of file and line. Raises Fault at an id that comes twice."""
    questions = by_id(rows(folder, Question))
    for question in questions.values():
        twin = questions.get(question.twin)
        if question.twin and (twin is None or twin.twin != question.id):
            raise Fault(
                folder,
                f"{question.id} names {question.twin} as its twin, and not the other way round",
                "name it on both",
            )
    return list(questions.values())
