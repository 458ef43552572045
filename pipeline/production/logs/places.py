"""Where logs lie: a folder, a file, or an address of fsspec (s3://, gs://, az://, ...), listed by day and streamed.

Accounts come from the environment, as the client of each store reads it.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pipeline.desk.remotes.setting import secret_in, without_secrets
from pipeline.production.logs.lines import BLOCK, HEAD
from pipeline.stage import Fault

DEEPEST = 8  # levels of folders
SLACK = timedelta(days=1)  # a request that began before midnight is written after it
# A folder a day: 2026-11-20/, 2026/11/20/, day=2026-11-20/, year=2026/month=11/day=20/
DAY = re.compile(r"(?:^|/)(?:[a-z_]+=)?(\d{4})[-/](?:[a-z_]+=)?(\d\d)[-/](?:[a-z_]+=)?(\d\d)/")
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "azure", "abfs": "azure", "adl": "azure"}


@dataclass(frozen=True)
class Window:
    """From the one time up to the other, which is not in it; both with their zone."""

    since: datetime
    until: datetime

    def may_hold(self, folder: str) -> bool:
        """Whether a folder, whose name ends with a slash, can hold lines of the window; one without a day always can."""
        day = day_of(folder)
        if day is None:
            return True
        return (self.since.astimezone(UTC) - SLACK).date() <= day <= (self.until.astimezone(UTC) + SLACK).date()


ALWAYS = Window(datetime.min.replace(tzinfo=UTC) + 2 * SLACK, datetime.max.replace(tzinfo=UTC) - 2 * SLACK)


def day_of(folder: str) -> date | None:
    """The day that a folder is named after."""
    named = DAY.search(folder)
    try:
        return date(*(int(part) for part in named.groups())) if named else None
    except ValueError:
        return None


class Place:
    """A place of logs. `files` names what lies in it, `open` opens one of these names; `root` is the name of the place itself."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._fs: Any = None
        self.root = address
        if fault := secret_in(address):
            remedy = "leave it out, and set it in the environment"
            raise Fault(f"logs in {without_secrets(address)}", fault, remedy)
        if "://" in address:
            self._fs, self.root = _store(address)

    def files(self, window: Window = ALWAYS) -> Iterator[str]:
        """Names of the files that may hold lines of the window, by day. Raises Fault where the place is not there."""
        with _named(self.address):
            if self._is_file():
                yield self.root
            else:
                yield from self._below(self.root, "", window, 0)

    def open(self, name: str) -> io.BufferedReader:
        """A file, to be read from its beginning. Raises OSError."""
        if self._fs is None:
            return io.BufferedReader(io.FileIO(name), HEAD)
        return io.BufferedReader(_Streamed(self._fs, name), BLOCK)

    def shown(self, name: str) -> str:
        """A file as a person would name it."""
        return name if self._fs is None else f"{self.address.split('://')[0]}://{name}"

    def _is_file(self) -> bool:
        if self._fs is not None:
            return bool(self._fs.isfile(self.root))
        if not os.path.exists(self.root):  # noqa: PTH110  # names are texts here, as fsspec has them
            raise Fault(self.address, "no such folder or file", "check the path")
        return os.path.isfile(self.root)  # noqa: PTH113

    def _below(self, folder: str, inner: str, window: Window, depth: int) -> Iterator[str]:
        """Files of a folder and of those in it; `inner` is its name within the place."""
        for name, is_folder in self._listed(folder):
            short = name.rstrip("/").rsplit("/", 1)[-1]
            if short.startswith("."):
                continue
            if not is_folder:
                yield name
            elif depth < DEEPEST and window.may_hold(f"{inner}{short}/"):
                yield from self._below(name, f"{inner}{short}/", window, depth + 1)

    def _listed(self, folder: str) -> list[tuple[str, bool]]:
        """Name of each part of a folder, and whether it is a folder, sorted."""
        try:
            if self._fs is None:
                with os.scandir(folder) as parts:
                    return sorted((part.path, part.is_dir()) for part in parts)
            listed = self._fs.ls(folder, detail=True, refresh=True)
        except FileNotFoundError:
            if folder == self.root:
                raise
            return []  # it went away since it was listed
        return sorted((one["name"], one["type"] == "directory") for one in listed if one["name"] != folder)


class _Streamed(io.RawIOBase):
    """An object of a store. Each client has errors of its own; all of them are OSError here."""

    def __init__(self, fs: Any, name: str) -> None:
        with _as_os_error():
            self._file = fs.open(name, "rb", block_size=8 * BLOCK)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something; 0 at the end."""
        with _as_os_error():
            read: bytes = self._file.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        """Let go of the object."""
        if not self.closed:
            self._file.close()
        super().close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise OSError(str(error)) from error


def _store(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises Fault where it, or its package, is not known."""
    import fsspec

    scheme = address.split("://")[0]
    try:
        fs, root = fsspec.core.url_to_fs(address, skip_instance_cache=True)  # what lies there may have changed since
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        remedy = f"pip install -r requirements/remote-{extra}.txt" if extra else "install the package that it names"
        raise Fault(address, f"needs a package that is not installed ({error})", remedy) from None
    except ValueError as error:
        raise Fault(address, f"is no address ({error})", "give a folder, a file, or an address such as s3://") from None
    return fs, root.rstrip("/")


@contextmanager
def _named(address: str) -> Iterator[None]:
    """Say which place is at fault where the client of a store fails."""
    try:
        yield
    except Fault:
        raise
    except FileNotFoundError:
        raise Fault(address, "no such folder or file", "check the address") from None
    # Each client has errors of its own, with nothing in common; all of them mean the same here
    except Exception as error:
        words = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        remedy = "check the address, the network, and the account in the environment"
        raise Fault(address, f"cannot be read ({words})", remedy) from None
