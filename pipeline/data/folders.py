"""Folders of a task whose files are JSON Lines of one kind: probes, cases, general texts and talks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from pipeline.data.records import read_jsonl
from pipeline.stage import Fault, checked

M = TypeVar("M", bound=BaseModel)


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


def rows(folder: Path, kind: type[M]) -> Iterator[tuple[Path, int, M]]:
    """File, line and content of each row, by name of file and line. Raises Fault at one that is none of the kind."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, value in read_jsonl(path):
            yield path, number, checked(kind, value, f"{path}:{number}")


def by_id(found: Iterator[tuple[Path, int, N]]) -> dict[str, N]:
    """Rows by their id, in order. Raises Fault at an id that comes twice."""
    named: dict[str, N] = {}
    for path, number, row in found:
        if row.id in named:
            raise Fault(f"{path}:{number}", f"id {row.id} comes twice", "give it another id")
        named[row.id] = row
    return named
