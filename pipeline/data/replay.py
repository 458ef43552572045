"""General examples that are mixed into training, so that the model does not forget what it could before.

A file is JSON Lines; a row has `messages`, of which the last is the assistant's, or `text`, which is learnt as it is.
"""

from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.data.folders import rows
from pipeline.data.records import Turn, digest
from pipeline.stage import Fault


class General(BaseModel):
    """A talk or a text that has nothing to do with the task. `source` is its file and line."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    messages: list[Turn] = []
    text: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _has_an_answer(self) -> "General":
        if bool(self.messages) == bool(self.text.strip()):
            raise ValueError("a row has messages, or a text, and not both")
        roles = [turn["role"] for turn in self.messages]
        if roles and (roles[-1] != "assistant" or "user" not in roles):
            raise ValueError("messages is no talk that ends with an answer")
        return self

    @property
    def question(self) -> str:
        """Digest of what is asked, or of the text."""
        return digest([self.text, *([turn["role"], turn["content"]] for turn in self.messages[:-1])])


def read_replay(folder: Path) -> list[General]:
    """Every row of the folder's files, by name of file and line; a question that comes again is left out."""
    found: dict[str, General] = {}
    for path, number, row in rows(folder, General):
        found.setdefault(row.question, row.model_copy(update={"source": f"{path.name}:{number}"}))
    return list(found.values())


def drawn(rows: list[General], share: float, beside: int, seed: int, place: Path) -> list[General]:
    """As many rows as make up `share` of all together with `beside` others, in the order of the files.

    Raises Fault where there are too few.
    """
    wanted = round(beside * share / (1 - share))
    if wanted > len(rows):
        fault = f"asks for {wanted} general examples beside {beside} of the task, and {place} has {len(rows)}"
        raise Fault("params.yaml: train.replay", fault, f"lower it, or add examples to {place}")
    chosen = set(Random(seed).sample(range(len(rows)), wanted))
    return [row for number, row in enumerate(rows) if number in chosen]
