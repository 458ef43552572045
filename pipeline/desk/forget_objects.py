"""Objects of DVC, of today and of every commit, in the local cache and on every remote: which hold something of a person."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipeline.desk.forget_files import chunks
from pipeline.desk.forget_history import Version, git, save, versions
from pipeline.desk.forget_lines import Lines
from pipeline.desk.forget_rows import Rows
from pipeline.desk.forget_terms import Needles
from pipeline.desk.inputs import FEEDBACK, SOURCES
from pipeline.stage import Fault, SafeLoader, progress

LOCK, POINTERS = "dvc.lock", "*.dvc"
FOLDER = ".dir"
RUNS = "runs"
NO_DELETION = ("http", "https")


@dataclass(frozen=True)
class Store:
    """The local cache or a remote: its objects, and beside them the run cache."""

    name: str
    odb: Any
    root: Any

    def has(self, oids: Iterable[str]) -> set[str]:
        """Which of the objects are there."""
        return set(self.odb.list_oids_exists(sorted(oids)))

    @contextmanager
    def content(self, oid: str) -> Iterator[Path]:
        """An object as a file on this machine."""
        place = self.odb.oid_to_path(oid)
        if self.odb.fs.protocol == "local":
            yield Path(place)
            return
        with tempfile.TemporaryDirectory() as folder:
            self.odb.fs.get_file(place, str(Path(folder) / "object"))
            yield Path(folder) / "object"

    def runs(self) -> dict[str, set[str]]:
        """Entries of the run cache, by place, and the objects that each of them names."""
        fs, folder = self.root.fs, self.root.fs.join(self.root.path, RUNS)
        found: dict[str, set[str]] = {}
        for place in sorted(fs.find(folder)) if fs.exists(folder) else ():
            with fs.open(place, "rb") as file:
                found[place] = {oid for oid, _ in named(file.read().decode("utf-8", "replace"), "")}
        return found

    def delete(self, oids: Collection[str], runs: Collection[str]) -> None:
        """Take out entries of the run cache, then folders, then files: what names something goes before what it names."""
        from dvc_data.hashfile.db import get_index

        for places in (sorted(runs), *_by_kind(oids, self.odb)):
            if places:
                self.odb.fs.remove(places)
        get_index(self.odb).clear()  # DVC's own memory of what the remote has


def _by_kind(oids: Collection[str], odb: Any) -> tuple[list[str], list[str]]:
    folders = [odb.oid_to_path(oid) for oid in sorted(oids) if oid.endswith(FOLDER)]
    return folders, [odb.oid_to_path(oid) for oid in sorted(oids) if not oid.endswith(FOLDER)]


def named(text: str, folder: str) -> Iterator[tuple[str, str]]:
    """Object and path of every output and dependency in a file of DVC that lies in `folder`. What is no such file names none."""
    try:
        todo = [yaml.load(text, Loader=SafeLoader)]  # noqa: S506  # a safe one
    except yaml.YAMLError:
        return
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if isinstance(value.get("md5"), str) and isinstance(value.get("path"), str):
                yield value["md5"], str(PurePosixPath(folder) / value["path"])
            todo += value.values()
        elif isinstance(value, list):
            todo += value


@dataclass
class Objects:
    """All objects that are known of, by id with the paths that they had. `theirs` hold something of the person."""

    stores: list[Store]
    paths: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    current: set[str] = field(default_factory=set)
    members: dict[str, set[str]] = field(default_factory=dict)
    places: dict[str, Store] = field(default_factory=dict)
    theirs: set[str] = field(default_factory=set)
