"""General texts, on which the chance that a model gives to each next token is measured: cheap, and with little noise.

A file is JSON Lines; a row has `id` and `text`.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.data.folders import by_id, rows


class Text(BaseModel):
    """A text that has nothing to do with the task, and stands in no training data."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    id: str
    text: Annotated[str, Field(min_length=1)]


def read_texts(folder: Path) -> list[Text]:
    """Every text of the folder's files, by name of file and line. Raises Fault at an id that comes twice."""
    return list(by_id(rows(folder, Text)).values())
