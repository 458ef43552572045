"""What a `dvc.lock` says was made of what, and the files of an output, taken out of DVC's cache by their digests."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.pull_request.kept import MD5, cached_file
from pipeline.pull_request.verifying.hashes import NO_FILE, Hashes, read_listing
from pipeline.stage import read_yaml

FOLDER = ".dir"
CODE = ("pipeline/", "requirements/")
SHORT = re.compile(r"-?\d+(\.\d+)?e[-+]?\d+")


@dataclass(frozen=True)
class Entry:
    """A path with its digest; `kind` is DVC's name of the digest."""

    path: str
    digest: str
    kind: str


class Lock:
    """A `dvc.lock`; an empty one where there is none."""

    def __init__(self, path: Path) -> None:
        content = read_yaml(path) if path.is_file() else None
        self.stages = _mapping(_mapping(content).get("stages"))

    def outputs(self) -> dict[str, Entry]:
        """Every output by its path."""
        return {entry.path: entry for name in self.stages for entry in self._entries(name, "outs")}

    def code_of(self, stage: str) -> dict[str, str]:
        """The digests of the code and the requirements that a stage ran with."""
        return {entry.path: entry.digest for entry in self._entries(stage, "deps") if entry.path.startswith(CODE)}

    def deps(self, stage: str) -> dict[str, str]:
        """The digest of each file and folder that a stage ran with."""
        return {entry.path: entry.digest for entry in self._entries(stage, "deps")}

    def outs(self, stage: str) -> dict[str, str]:
        """The digest of each file and folder that a stage wrote."""
        return {entry.path: entry.digest for entry in self._entries(stage, "outs")}

    def command(self, stage: str) -> str:
        """What a stage ran."""
        return str(_mapping(self.stages.get(stage)).get("cmd"))

    def settings(self, stage: str) -> dict[str, Any]:
        """The parameters that a stage ran with, by file and dotted key."""
        files = _mapping(_mapping(self.stages.get(stage)).get("params"))
        return {file: {key: _as_written(value) for key, value in _mapping(files[file]).items()} for file in files}

    def changed_since(self, stages: Iterable[str], root: Path, hashes: Hashes) -> list[str]:
        """Files and parameters below `root` that are there and not what these stages ran with; folders are not looked at."""
        names = dict[str, None]()
        for stage in stages:
            files = [entry for entry in self._entries(stage, "deps") if not entry.digest.endswith(FOLDER)]
            now = {entry.path: hashes.file(root / entry.path, entry.kind) for entry in files}
            names |= {entry.path: None for entry in files if now[entry.path] not in (NO_FILE, entry.digest)}
            names |= dict.fromkeys(self._params_changed(stage, root))
        return list(names)

    def _entries(self, stage: str, what: str) -> Iterator[Entry]:
        listed = _mapping(self.stages.get(stage)).get(what)
        for entry in listed if isinstance(listed, list) else []:
            digest = str(_mapping(entry).get("md5"))
            if MD5.fullmatch(digest.removesuffix(FOLDER)):
                yield Entry(str(entry.get("path")), digest, str(entry.get("hash", "md5-dos2unix")))

    def _params_changed(self, stage: str, root: Path) -> Iterator[str]:
        for file, values in _mapping(_mapping(self.stages.get(stage)).get("params")).items():
            today = read_yaml(root / file) if (root / file).is_file() else None
            for key, value in _mapping(values).items():
                if _at(today, key) != _as_written(value):
                    yield f"{file}: {key}"


def take(entry: Entry, names: Iterable[str], cache: Path, place: Path, hashes: Hashes) -> str:
    """Point from `place` at the files of a folder in DVC's cache, those of these names that it has. Why not, else nothing."""
    listing = _object(entry.digest, entry.kind, cache, hashes)
    if isinstance(listing, str):
        return listing
    files = read_listing(listing)
    if files is None:
        return "is no list of files in DVC's cache"
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in files:
            found = _object(files[name], entry.kind, cache, hashes)
            if isinstance(found, str):
                return f"lacks {name}, which {found}"
            (place / name).symlink_to(found.resolve())
    return ""


def _object(name: str, kind: str, cache: Path, hashes: Hashes) -> Path | str:
    """An object of the cache, or why it cannot be used."""
    digest = name.removesuffix(FOLDER)
    found = cached_file(name, cache) if MD5.fullmatch(digest) else None
    if found is None:
        return f"is not in DVC's cache (md5 {digest[:32]})"
    if hashes.file(found, kind) != digest:
        return f"is rotten in DVC's cache (delete {name[:2]}/{name[2:]} there)"
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_written(value: Any) -> Any:
    """A value of `dvc.lock` as params.yaml has it: DVC writes 0.000005 as 5e-06, which the YAML that is read here takes for a text."""
    if isinstance(value, dict):
        return {key: _as_written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_written(part) for part in value]
    return float(value) if isinstance(value, str) and SHORT.fullmatch(value) else value


def _at(values: Any, key: str) -> Any:
    """The value of a dotted key."""
    for part in key.split("."):
        values = _mapping(values).get(part)
    return values
