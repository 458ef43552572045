"""What a remote has, asked in one batch by DVC's own way to it, and in words where it cannot be reached.

DVC takes every file of a folder for present where the folder's list is, and remembers that. Here each object is asked for.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.data.plain_text import plain
from pipeline.desk.remotes.plugin import is_there
from pipeline.desk.remotes.setting import CONFIG, HOW, Setting
from pipeline.stage import Fault

LEGACY = "md5-dos2unix"
TOLD_EVERY_S = 2.0
LONGEST = 160
# What clients call it when a server is not there, whichever library they are made of.
NO_SERVER = ("connect", "timeout", "endpoint", "gaierror", "disconnect")


class Unreached(Fault):
    """A remote that cannot be used, in three parts: setting or variable, what is wrong with it, how to mend it."""

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(place, fault, remedy)
        self.place, self.fault, self.remedy = place, fault, remedy


class Lookup:
    """A remote that has been opened. `tell` is told the objects looked up so far, and how many there are."""

    def __init__(self, setting: Setting, remote: Any, tell: Callable[[int, int], None]) -> None:
        self.setting = setting
        self._remote, self._tell = remote, tell

    def _store(self, kind: str) -> Any:
        return self._remote.legacy_odb if kind == LEGACY else self._remote.odb

    def lacking(self, digests: Collection[str], kind: str) -> set[str]:
        """Those of these objects that the remote has not got. Raises Unreached where it cannot be asked."""
        if not digests:
            return set()
        last = [time.monotonic()]

        def progress(_phase: str, total: int, done: int) -> None:
            if time.monotonic() - last[0] >= TOLD_EVERY_S:
                last[0] = time.monotonic()
                self._tell(done, total)

        with named(self.setting):
            return set(digests) - set(self._store(kind).oids_exist(list(digests), progress=progress))

    def content(self, digest: str, kind: str) -> bytes | None:
        """The bytes of a small object, None where the remote has not got it. Raises Unreached where it cannot be asked."""
        store = self._store(kind)
        with named(self.setting):
            try:
                with store.fs.open(store.oid_to_path(digest), "rb") as file:
                    return bytes(file.read())
            except FileNotFoundError:
                return None

    def copied(self, digest: str, kind: str, place: Path) -> bool:
        """Copy an object into a file; False where the remote has not got it. Raises Unreached where it cannot be asked."""
        store = self._store(kind)
        with named(self.setting):
            try:
                store.fs.get_file(store.oid_to_path(digest), str(place))
            except FileNotFoundError:
                return False
        return True


@contextmanager
def looked_up(root: Path, setting: Setting, tell: Callable[[int, int], None]) -> Iterator[Lookup]:
    """Open a remote of the project. Raises Unreached where it cannot be reached, or cannot be asked for objects."""
    from dvc.repo import Repo

    place = f"{CONFIG}: remote {plain(setting.name)}"
    if not is_there(setting) and setting.scheme:
        remedy = f"run make pull, or install {setting.scheme.requirements}"
        raise Unreached(place, f"needs {setting.scheme.plugin}, which is not installed", remedy)
    with named(setting):
        repo = Repo(str(root))
    try:
        with named(setting):
            remote = repo.cloud.get_remote(name=setting.name)
            is_versioned = remote.worktree or remote.fs.version_aware
            _ = remote.odb  # a folder that is not there raises here, or below
        if is_versioned:
            raise Unreached(place, "keeps versions of the cloud's own, which cannot be looked up by digest", HOW)
        if setting.is_folder and not Path(remote.path).is_dir():
            remedy = f"mount or create that folder, or {HOW}"
            raise Unreached(f"{place}: url", f"{plain(remote.path)} is not there", remedy)
        yield Lookup(setting, remote, tell)
    finally:
        repo.close()


@contextmanager
def named(setting: Setting) -> Iterator[None]:
    """Say which setting or variable is at fault where DVC or the remote's client fails."""
    try:
        yield
    except (Fault, AssertionError):
        raise
    # Each client has errors of its own, with nothing in common; all of them mean the same here
    except Exception as error:
        raise fault_of(setting, error) from None


def fault_of(setting: Setting, error: BaseException) -> Unreached:
    """What to mend, told from what a client says."""
    place, words = f"{CONFIG}: remote {plain(setting.name)}", _words(error)
    if _is_no_server(error):
        key = "endpointurl" if setting.endpoint else "url"
        where = f" {plain(setting.endpoint)}" if setting.endpoint else f" of {setting.shown}"
        return Unreached(
            f"{place}: {key}", f"the server{where} cannot be reached ({words})", "check the address and the network"
        )
    if isinstance(error, FileNotFoundError) or setting.scheme is None:
        return Unreached(f"{place}: url", f"{setting.shown} cannot be used ({words})", f"create it, or {HOW}")
    scheme = setting.scheme
    if scheme.is_given:
        given = " and ".join(next(group for group in scheme.accounts if _is_set(group)))
        return Unreached(
            given, f"refused by remote {setting.shown} ({words})", "set those of an account with rights there"
        )
    missing = f"not set, and remote {setting.shown} wants an account ({words})"
    return Unreached(scheme.variables, missing, f"set them in the environment or in .env; else {scheme.otherwise}")


def _is_set(group: tuple[str, ...]) -> bool:
    return all(os.environ.get(name) for name in group)


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return plain(lines[0] if lines else type(error).__name__)[:LONGEST]


def _is_no_server(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a server which does not answer."""
    seen = 0
    while error is not None and seen < 10:
        names = " ".join(one.__name__.lower() for one in type(error).__mro__)
        if any(word in names for word in NO_SERVER):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
