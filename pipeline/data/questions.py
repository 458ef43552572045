"""Questions with a check: the general probes and the must-pass cases.

A file is JSON Lines; a probe has `id`, `skill`, `messages`, `check`, and `twin` where it is half of a pair; a case has `id`,
`why`, `messages`, `check`.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.data.records import Turn, read_jsonl
from pipeline.stage import Fault, checked


class Check(BaseModel):
    """How an answer is judged; `pipeline.scoring.checks` says what each kind means."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kind: Literal["exact", "choice", "regex", "json", "fields"]
    value: Any
    options: list[str] = []


class Question(BaseModel):
    """A question that any model can be asked, with the check of its answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    id: str
    messages: list[Turn]
    check: Check
    skill: str = ""
    why: str = ""
    twin: str = ""


def read_questions(folder: Path) -> list[Question]:
    """Every question of the folder's files, by name of file and line. Raises Fault at an id that comes twice."""
    questions: dict[str, Question] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_jsonl(path):
            question = checked(Question, value, f"{path}:{number}")
            if question.id in questions:
                raise Fault(f"{path}:{number}", f"id {question.id} comes twice", "give it another id")
            questions[question.id] = question
    return list(questions.values())
