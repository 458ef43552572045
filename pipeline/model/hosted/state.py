"""What is known of a job so far, on the disk before the next step, and in the hands of one run at a time.

It stays when the job is over: a run that is sent the same again finds what it has paid for.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.disk import keep_names
from pipeline.remote.tuning import Json
from pipeline.stage import Fault


@dataclass(frozen=True)
class State:
    """The ids of files and job at the service, by `training_file`, `validation_file` and `job`."""

    path: Path
    known: Json

    def note(self, name: str, identity: str) -> None:
        """Write an id down, in one step, and on the disk before this returns."""
        self.known[name] = identity
        self._write()

    def forget(self, name: str) -> None:
        """Take an id out."""
        self.known.pop(name, None)
        self._write()

    def _write(self) -> None:
        part = self.path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(self.known, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
        keep_names(self.path.parent)


@contextmanager
def state_of(folder: Path, name: str) -> Iterator[State]:
    """What is known under a name. Raises Fault where another run has it in hand; a run that was killed has not."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault(path, "is in the hands of another run", "wait until that one is over") from None
        yield State(path, json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {})
