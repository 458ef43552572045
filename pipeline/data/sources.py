"""The list of sources, `sources.yaml`: what each file is, where it comes from, and how its columns are to be read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.stage import Fault, checked, read_yaml

LIST = "sources.yaml"
Origin = Literal["human", "synthetic", "production"]
Author = Literal["human", "model", "corrected"]


class Columns(BaseModel):
    """How a table or a JSON object becomes an example: names of columns.

    `answer` is the column of the answer's text, or a mapping of the answer's fields to columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    input: str
    answer: str | dict[str, str]
    group: str | None = None
    tags: str | None = None


class Source(BaseModel):
    """One file of examples. `chat` has `messages`, `prompt_completion` has `prompt` and `completion`, `csv` needs `columns`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    file: str
    format: Literal["chat", "prompt_completion", "csv"]
    origin: Origin
    answered_by: Author
    licence: str
    rights: str
    columns: Columns | None = None

    @model_validator(mode="after")
    def _columns_fit(self) -> "Source":
        if (self.columns is not None) != (self.format == "csv"):
            raise ValueError("columns are needed for csv, and for csv only")
        return self


class Sources(BaseModel):
    """The whole list."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    sources: list[Source]


def load_sources(listing: Path) -> list[Source]:
    """Read `sources.yaml`. Raises Fault at a wrong key or a file that is listed twice."""
    sources = checked(Sources, read_yaml(listing), str(listing)).sources
    names = [source.file for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise Fault(listing, f"lists {name} twice", "take one of them out")
        if Path(name).name != name:
            raise Fault(listing, f"lists {name}, which is a path", f"put the file beside {LIST} and give its name")
    if not sources:
        raise Fault(listing, "lists no source", "add your data with make add-source FILE=...")
    return sources


def check_files(listing: Path, sources: Iterable[Source]) -> None:
    """Every listed file is there, and every file that is there is listed. Raises Fault at the first that is not."""
    folder = listing.parent
    listed = {source.file for source in sources}
    for name in sorted(listed):
        if not (folder / name).is_file():
            raise Fault(
                folder / name, f"is listed in {LIST} and is not there", f"restore the file, or take it out of {listing}"
            )
    for path in sorted(folder.iterdir()):
        ignorable = path.name.startswith(".") or path.suffix in (".dvc", ".md") or path.name == LIST
        if path.is_file() and not ignorable and path.name not in listed:
            raise Fault(path, f"is not listed in {LIST}", f"run make add-source FILE={path}, or move the file away")
