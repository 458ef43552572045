"""Runs that DVC remembers: a record of what came out of a command, its inputs and parameters; in the cache here, and in the remote.

Nothing is restored or fetched but the records and the lists of folders. The key of a record is DVC's own (dvc/stage/cache.py).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from pipeline.pull_request.planning.expected import Tree
from pipeline.pull_request.verifying.hashes import listing_of
from pipeline.pull_request.verifying.locked import DIGEST, FOLDER, Step
from pipeline.stage import SafeLoader

T = TypeVar("T")
LARGEST = 2**20  # bytes of a record
Where = Literal["cache", "remote"]


@dataclass(frozen=True)
class Found:
    """What came out of an earlier run, by path from the root."""

    where: Where
    outs: Mapping[str, str]


def key_of(step: Step, digests: Mapping[str, str], tree: Tree) -> str:
    """By what DVC's run cache knows a run of these inputs."""
    from dvc.cachemgr import LEGACY_HASH_NAMES
    from dvc.utils import dict_sha256

    recipe = step.recipe
    assert recipe
    kinds = {dep.path: dep.kind for dep in step.deps}
    deps = []
    for path, written in sorted(recipe.deps.items(), key=lambda one: one[1]):
        item: dict[str, Any] = {"path": written, "md5": digests[path]}
        if kinds[path] not in LEGACY_HASH_NAMES:
            item["hash"] = "md5"
        if tree.is_executable(path):
            item["isexec"] = True
        deps.append(item)
    settings = {file: dict(values) for file, values in recipe.settings.items()}
    parts = {"cmd": recipe.command, "deps": deps, "params": settings, "outs": sorted(recipe.outs.values())}
    return str(dict_sha256({name: part for name, part in parts.items() if part}))


def outs_of(text: bytes, step: Step) -> dict[str, str] | None:
    """What a record says to have come out; None where it is no record of this stage."""
    assert step.recipe
    try:
        outs = yaml.load(text, Loader=SafeLoader)["outs"]  # noqa: S506  # a safe one
        found = {str(out["path"]): str(out.get("md5", "")) for out in outs}
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    written = {written: path for path, written in step.recipe.outs.items()}
    is_whole = found.keys() == written.keys() and all(DIGEST.fullmatch(digest) for digest in found.values())
    return {written[name]: digest for name, digest in found.items()} if is_whole else None


def in_cache(step: Step, key: str, tree: Tree) -> Found | None:
    """The newest record of the cache, as DVC takes it; None where an object of it is not in the cache any more."""
    folder = tree.cache / "runs" / key[:2] / key
    records = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime) if folder.is_dir() else []
    if not records or records[-1].stat().st_size > LARGEST:
        return None
    outs = outs_of(records[-1].read_bytes(), step)
    return Found("cache", outs) if outs and all(map(tree.has_objects, outs.values())) else None


class Unreachable(Exception):
    """The remote cannot be asked; the words say why."""


class Remote:
    """The default remote, asked only when there is something to ask, for `wait_s` seconds in all."""

    def __init__(self, root: Path, wait_s: float) -> None:
        self.asked, self.trouble, self.name = 0, "", ""
        self._root, self._left_s = root, wait_s
        self._stores: tuple[Any, Any] | None = None

    def record(self, step: Step, key: str) -> Found | None:
        """A run that the remote remembers and whose outputs it has. Of several that differ none is taken for known."""
        assert step.recipe
        outs = [found for text in self._ask(lambda: self._records(key)) or [] if (found := outs_of(text, step))]
        different = [one for at, one in enumerate(outs) if one not in outs[:at]]
        return Found("remote", different[0]) if len(different) == 1 and self.holds(different[0].values()) else None

    def holds(self, digests: Any) -> bool:
        """Whether it has the objects, those of a folder's files too."""
        wanted = list(digests)
        return bool(self._ask(lambda: all(self._has(digest) for digest in wanted)))

    def _ask(self, call: Callable[[], T]) -> T | None:
        """What a call says; None where it fails or takes too long, and from then on."""
        if self.trouble:
            return None
        self.asked += 1
        said: list[T] = []
        failed: list[str] = []

        def ask() -> None:
            try:
                said.append(call())
            except Unreachable as error:
                failed.append(str(error))
            except Exception as error:  # each kind of storage has its own; the words may hold an address with a key
                failed.append(f"it cannot be reached ({type(error).__name__})")

        began = time.monotonic()
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self._left_s)
        self._left_s = max(0.0, self._left_s - (time.monotonic() - began))
        if thread.is_alive():
            failed.append("it has not answered in plan.remote_s seconds")
        self.trouble = failed[0] if failed else ""
        return said[0] if said and not failed else None

    def _opened(self) -> tuple[Any, Any]:
        """DVC's stores of objects and of records."""
        if self._stores is None:
            from dvc.config import NoRemoteError
            from dvc.repo import Repo

            repo = Repo(str(self._root))
            try:
                self.name = str(repo.config["core"].get("remote") or "")
                stores = [repo.cloud.get_remote_odb(None, "plan", hash_name=kind) for kind in ("md5", "md5-dos2unix")]
            except NoRemoteError:
                raise Unreachable("no default one is set (dvc remote default)") from None
            finally:
                repo.close()
            try:  # a look at the whole: to most file systems what cannot be reached does not exist
                stores[0].fs.ls(stores[1].path, detail=False)
            except FileNotFoundError:
                raise Unreachable("there is nothing at its address yet") from None
            self._stores = (stores[0], stores[1])
        return self._stores

    def _records(self, key: str) -> list[bytes]:
        _, store = self._opened()
        folder = store.fs.join(store.path, "runs", key[:2], key)
        if not store.fs.exists(folder):
            return []
        found = []
        for path in sorted(store.fs.find(folder)):
            with store.fs.open(path, "rb") as file:
                found.append(file.read(LARGEST))
        return found

    def _has(self, digest: str) -> bool:
        store, _ = self._opened()
        if not set(store.list_oids_exists([digest])):
            return False
        if not digest.endswith(FOLDER):
            return True
        with store.fs.open(store.oid_to_path(digest), "rb") as file:
            listing = _listed(file.read())
        return listing is not None and len(set(store.list_oids_exists(sorted(set(listing))))) == len(set(listing))


def _listed(text: bytes) -> list[str] | None:
    """The digests of a folder's files."""
    listing = listing_of(text)
    return None if listing is None else [digest for digest in listing.values() if DIGEST.fullmatch(digest)]
