"""Whether a file that the pipeline reads or writes has changed since all of it was up to date.

Told from the state of each, as DVC tells it. A run with nothing to do need not ask DVC then, which takes seconds to say so.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.stage import PARAMS_FILE, read_yaml

PIPELINE, LOCK = Path("dvc.yaml"), Path("dvc.lock")
STATE = Path(".cache/up-to-date.json")
SETTINGS = (PIPELINE, LOCK, PARAMS_FILE, Path(".dvc/config"), Path(".dvc/config.local"), Path(".dvcignore"))
POINTED = ("data", "models", "task")  # where .dvc files stand
ALWAYS = "always_changed"  # a stage that DVC runs each time


def is_unchanged() -> bool:
    """Whether size, time and identity of every file are as `remember` found them, and none was added."""
    try:
        kept = json.loads(STATE.read_text(encoding="utf-8"))
        return bool(kept["files"] == _state(kept["paths"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remember() -> None:
    """Keep the state of every file that a stage reads or writes, where DVC has brought all of them up to date."""
    if ALWAYS in PIPELINE.read_text(encoding="utf-8"):
        return
    paths = _paths()
    STATE.parent.mkdir(parents=True, exist_ok=True)
    STATE.write_text(json.dumps({"paths": paths, "files": _state(paths)}), encoding="utf-8")


def forget() -> None:
    """Nothing is known of the files while they change."""
    STATE.unlink(missing_ok=True)


def _paths() -> list[str]:
    stages = (read_yaml(LOCK) or {}).get("stages", {})
    entries = (entry for stage in stages.values() for what in ("deps", "outs") for entry in stage.get(what, ()))
    return sorted({*(entry["path"] for entry in entries), *map(str, SETTINGS), *POINTED})


def _state(paths: list[str]) -> dict[str, list[int] | None]:
    """Of each file its size, time and number on the disk; of the folders in POINTED only the .dvc files."""
    found: dict[str, list[int] | None] = {}
    for path in paths:
        names = _pointers(path) if path in POINTED else _files(path)
        for name in names:
            try:
                state = Path(name).stat()
            except FileNotFoundError:
                found[name] = None
            else:
                found[name] = [state.st_size, state.st_mtime_ns, state.st_ino]
    return found


def _files(path: str) -> Iterator[str]:
    """A file, there or not, or every file below a folder, with the folder itself where it is empty."""
    if not os.path.isdir(path):  # noqa: PTH112  # thousands of files: a Path for each takes longer than the rest
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118


def _pointers(path: str) -> Iterator[str]:
    return (str(file) for file in sorted(Path(path).rglob("*.dvc")))
