"""DVC's objects where they lie: in the local cache and on every remote, all by DVC's own way to them."""

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipeline.data.plain_text import plain
from pipeline.stage import Fault, SafeLoader

FOLDER, RUNS = ".dir", "runs"
CACHE = "the local cache"
NO_DELETION = ("http", "https")


@dataclass(frozen=True)
class Store:
    """The local cache or a remote: which objects it has, and where the run cache lies beside them.

    `is_ours`: it lies in this repository, so that all its objects are this project's.
    """

    name: str
    odb: Any
    root: Any
    oids: frozenset[str]
    is_ours: bool

    @contextmanager
    def content(self, oid: str) -> Iterator[Path]:
        """An object as a file on this machine."""
        place = self.odb.oid_to_path(oid)
        if self.odb.fs.protocol == "local":
            yield Path(place)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "object"
            with reached(self.name):
                self.odb.fs.get_file(place, str(copy))
            yield copy

    def runs(self) -> dict[str, set[str]]:
        """Entries of the run cache, by place, and the objects that each of them names."""
        with reached(self.name):
            fs, folder = self.root.fs, self.root.fs.join(self.root.path, RUNS)
            found: dict[str, set[str]] = {}
            for place in sorted(fs.find(folder)) if fs.exists(folder) else ():
                with fs.open(place, "rb") as file:
                    found[place] = {oid for oid, _ in named(file.read().decode("utf-8", "replace"), "")}
        return found

    def delete(self, oids: Collection[str], runs: Collection[str]) -> None:
        """Take out entries of the run cache, then folders, then files: what names something goes before what it names."""
        from dvc_data.hashfile.db import get_index

        folders = {oid for oid in oids if oid.endswith(FOLDER)}
        with reached(self.name):
            for places in (runs, map(self.odb.oid_to_path, folders), map(self.odb.oid_to_path, set(oids) - folders)):
                for place in sorted(places):
                    self.odb.fs.remove(place)
            get_index(self.odb).clear()  # what DVC remembers of the remote


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


@contextmanager
def opened() -> Iterator[tuple[Any, list[Store], list[str]]]:
    """DVC's repository, its stores, the local cache first, and the names of remotes that nothing can be deleted from."""
    from dvc.repo import Repo

    with reached("dvc"):
        repo = Repo()
    try:
        cache = repo.cache.local
        is_ours = Path(cache.path).resolve().is_relative_to(Path.cwd().resolve())
        stores, by_hand = [_store(CACHE, cache, repo.cache.legacy, is_ours)], []
        for name in sorted(repo.config["remote"]):
            with reached(name):
                remote = repo.cloud.get_remote(name=name)
                if remote.fs.protocol in NO_DELETION or remote.fs.version_aware or remote.worktree:
                    by_hand.append(name)
                else:
                    stores.append(_store(name, remote.odb, remote.legacy_odb, is_ours=False))
        yield repo, stores, by_hand
    finally:
        repo.close()


def _store(name: str, odb: Any, root: Any, is_ours: bool) -> Store:
    with reached(name):
        return Store(name, odb, root, frozenset(odb.all()), is_ours)


@contextmanager
def reached(name: str) -> Iterator[None]:
    """Name the store where DVC cannot reach or change it."""
    try:
        yield
    except (Fault, AssertionError):
        raise
    # Each client has errors of its own, with nothing in common; all of them mean the same here
    except Exception as error:
        words = plain(str(error).split("\n")[0])[:200]
        raise Fault(
            f"dvc: {name}",
            f"cannot be reached ({words or type(error).__name__})",
            "mend it with dvc remote, and run again",
        ) from None
