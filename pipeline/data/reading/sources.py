"""The list of sources, `sources.yaml`: what each file is, where it comes from, and how its columns are to be read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.stage import Fault, checked, read_yaml

LIST = "sources.yaml"
Origin = Literal["human", "synthetic", "production"]
Author = Literal["human", "model", "corrected"]
Format = Literal[
    "chat",
    "prompt_completion",
    "pair",
    "alpaca",
    "dolly",
    "sharegpt",
    "openai_preference",
    "preference",
    "unpaired",
    "fields",
]


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
    """One file of examples. `format` is the one shape that its rows may have; without it each row's keys tell its shape.

    `columns` names the keys of question and answer where no shape does, in a file of any kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    file: str
    format: Format | None = None
    origin: Origin
    answered_by: Author
    licence: str
    rights: str
    columns: Columns | None = None

    @model_validator(mode="after")
    def _columns_say_it_all(self) -> "Source":
        if self.columns is not None and self.format is not None:
            raise ValueError("columns and format exclude each other")
        return self


class Sources(BaseModel):
    """The whole list."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    sources: list[Source]


def load_sources(listing: Path) -> list[Source]:
    """Read `sources.yaml`. Raises Fault at a wrong key, an entry without file or rights, or a file that is listed twice."""
    content = read_yaml(listing)
    _check_formats(listing, content)
    sources = checked(Sources, content, str(listing)).sources
    names = [source.file for source in sources]
    for source in sources:
        name = source.file
        if not name.strip():
            raise Fault(listing, "lists a source without a file", "give its file's name")
        if not source.rights.strip():
            raise Fault(listing, f"says no rights of {name}", "write where its rows come from and why you may use them")
        if names.count(name) > 1:
            raise Fault(listing, f"lists {name} twice", "take one of them out")
        if Path(name).name != name:
            raise Fault(listing, f"lists {name}, which is a path", f"put the file beside {LIST} and give its name")
    if not sources:
        raise Fault(listing, "lists no source", "add your data with make add-source FILE=...")
    return sources


def _check_formats(listing: Path, content: Any) -> None:
    """What earlier lists said of tables is no shape of their rows."""
    sources = content.get("sources") if isinstance(content, dict) else None
    for number, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict) and source.get("format") == "csv":
            key = f"{listing}: sources.{number}.format"
            raise Fault(key, "is csv, which the file says itself", "take the line out")


def check_files(listing: Path, sources: Iterable[Source]) -> None:
    """Every listed file is there, and every file that is there is listed. Raises Fault at the first that is not."""
    folder = listing.parent
    listed = {source.file for source in sources}
    for name in sorted(listed):
        path = folder / name
        if path.is_file():
            continue
        if (folder / f"{name}.dvc").is_file():
            raise Fault(path, "is tracked by DVC and is not here", f"run dvc pull {path}.dvc")
        raise Fault(path, f"is listed in {LIST} and is not there", f"restore the file, or take it out of {listing}")
    for path in sorted(folder.iterdir()):
        ignorable = path.name.startswith(".") or path.suffix in (".dvc", ".md") or path.name == LIST
        if path.is_file() and not ignorable and path.name not in listed:
            raise Fault(path, f"is not listed in {LIST}", f"run make add-source FILE={path}, or move the file away")
