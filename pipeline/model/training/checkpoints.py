"""Checkpoints that are whole or do not count: a manifest of sizes and digests, written last, says which.

A trainer saves file by file, so what a kill leaves behind looks like a checkpoint and is none. Folders are named by a
fingerprint of everything that shapes the run, so nothing else is ever resumed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.data.disk import keep_names
from pipeline.data.records import digest
from pipeline.model.base import sha256

MANIFEST = "MANIFEST.json"
STATE = "trainer_state.json"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "datasets", "bitsandbytes")
KEPT_RUNS = 2  # folders of other runs that stay, so that a change that is taken back goes on where it was


def fingerprint(settings: Mapping[str, Any], files: Iterable[Path]) -> str:
    """16 hexadecimal digits of what shapes a run: settings, inputs, our own code, and the versions of the libraries."""
    home = Path(__file__).parents[1]
    contents = {str(path.relative_to(home)): sha256(path) for path in sorted(home.rglob("*.py"))}
    contents |= {str(path): sha256(path) for path in files}
    return digest([dict(settings), contents, {name: version(name) for name in LIBRARIES}])


def seal(folder: Path) -> None:
    """Write the manifest of a folder that is complete, and put all of it on the disk."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files.pop(MANIFEST, None)
    content = {name: {"bytes": path.stat().st_size, "sha256": _synced(path)} for name, path in files.items()}
    part = folder / f"{MANIFEST}.part"
    part.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    _synced(part)
    part.replace(folder / MANIFEST)
    keep_names(folder)


def _synced(path: Path) -> str:
    """The SHA-256 of a file that is on the disk."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return found


def complaint(folder: Path) -> str | None:
    """Why a folder is not what was sealed, or None."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {name: (entry["bytes"], entry["sha256"]) for name, entry in content.items()}
    except FileNotFoundError:
        return "was not finished"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "has a manifest that cannot be read"
    for name, (size, sha) in known.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or sha256(path) != sha:
            return f"is damaged ({name})"
    return None


def newest_whole(folder: Path) -> Path | None:
    """The newest checkpoint of a trainer that is whole; those after it are told, and deleted."""
    found = [(int(path.name.rpartition("-")[2]), path) for path in folder.glob("checkpoint-*") if _is_numbered(path)]
    for _, path in sorted(found, reverse=True):
        fault = complaint(path) or _complaint_of_best(path)
        if fault is None:
            return path
        print(f"train: checkpoint {path.name} {fault}, and is passed over", flush=True)
        shutil.rmtree(path)
    return None


def _complaint_of_best(path: Path) -> str | None:
    """Why the checkpoint that a trainer's state calls the best one is none, or None."""
    if not (path / STATE).is_file():
        return None
    best = json.loads((path / STATE).read_text(encoding="utf-8"))["best_model_checkpoint"]
    if not best or Path(best).name == path.name:
        return None
    fault = complaint(path.parent / Path(best).name)
    return fault and f"needs {Path(best).name}, which {fault}"


def _is_numbered(path: Path) -> bool:
    return path.is_dir() and path.name.rpartition("-")[2].isdecimal()


def tidy(runs: Path, current: str) -> None:
    """Delete the folders of older runs but for the newest few; the current one is left alone."""
    others = [path for path in runs.iterdir() if path.is_dir() and path.name != current] if runs.is_dir() else []
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_RUNS:]:
        shutil.rmtree(path)
