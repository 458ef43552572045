"""What there is of each output that dvc.lock names: in the workspace, in DVC's cache, and what came out when it was recomputed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.pull_request.verifying.hashes import Hashes, folder_digest, read_listing
from pipeline.pull_request.verifying.locked import FOLDER, Entry, Project, Step, overlap

Files = dict[str, Path]  # by name within a folder; the name of a file that is an output itself is ''
Listing = dict[str, str]  # the same, with the digest
DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass
class Held:
    """An output. `wanted` is the list of files that dvc.lock stands for, None where it cannot be had.

    `rotten` and `missing` are names of objects in the cache, that of the folder's own list is ''. `good` is where the whole
    content can be read. `has_run` says that the step ran again, `again` and `again_there` are what it wrote then.
    """

    step: Step
    entry: Entry
    files: Files | None
    there: Listing | None
    wanted: Listing | None = None
    rotten: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    good: Files | None = None
    has_run: bool = False
    again: Files = field(default_factory=dict)
    again_there: Listing | None = None

    @property
    def is_same(self) -> bool:
        """Whether the workspace has what dvc.lock names."""
        return self.digest == self.entry.digest

    @property
    def is_recomputed(self) -> bool:
        """Whether the step, run again, wrote what dvc.lock names."""
        return self.again_digest == self.entry.digest

    @property
    def digest(self) -> str:
        """The digest of what is in the workspace, '' where there is nothing."""
        return digest_of(self.there)

    @property
    def again_digest(self) -> str:
        """The digest of what the step wrote when it ran again, '' where it wrote nothing."""
        return digest_of(self.again_there)


def digest_of(listing: Mapping[str, str] | None) -> str:
    """The digest of a content, as that of a file or a folder, whichever it is."""
    if listing is None:
        return ""
    return listing[""] if "" in listing else folder_digest(listing)


class Contents:
    """Looks at every output once, and finds the bytes that a dependency stands for."""

    def __init__(self, project: Project, hashes: Hashes) -> None:
        self.project, self.hashes = project, hashes
        self.held: dict[str, Held] = {}
        for step in project.steps:
            for entry in step.outs:
                if entry.digest:
                    self.held[entry.path] = self._look(step, entry)

    def _look(self, step: Step, entry: Entry) -> Held:
        files = self.files(entry.path)
        held = Held(step, entry, files, None if files is None else self.listing(files, entry.kind))
        if held.is_same:
            held.good, held.wanted = files, held.there
        if entry.cache is not None:
            self._look_into_cache(held)
        return held

    def files(self, path: str, root: Path | None = None) -> Files | None:
        """The files of an output or a dependency, but for those that DVC ignores; None where there is nothing.

        `root` is another folder that the path is below, laid out like the project.
        """
        place = (root or self.project.root) / path
        if not place.is_dir():
            return {"": place} if place.exists() else None
        found = self.project.walk(place) if root is None else self._walk(root, place)
        return {file.relative_to(place).as_posix(): file for file in sorted(found)}

    def _walk(self, root: Path, place: Path) -> Iterator[Path]:
        is_ignored = self.project.is_ignored
        return (file for file in place.rglob("*") if not file.is_dir() and not is_ignored(file.relative_to(root)))

    def listing(self, files: Files, kind: str) -> Listing:
        """The digest of each file."""
        return {name: self.hashes.file(files[name], kind) for name in files}

    def _look_into_cache(self, held: Held) -> None:
        entry = held.entry
        place = entry.object(entry.digest)
        if not place.is_file():
            held.missing.append("")
            if not entry.digest.endswith(FOLDER) or held.wanted is None:
                return
        elif self.hashes.file(place, entry.kind) != entry.digest.removesuffix(FOLDER):
            held.rotten.append("")
        elif not entry.digest.endswith(FOLDER):
            held.good = held.good or {"": place}
            return
        else:
            held.wanted = held.wanted or read_listing(place)
        self._look_into_folder(held)

    def _look_into_folder(self, held: Held) -> None:
        """Each object of a folder; of one whose list is rotten those that the workspace has, where that is whole."""
        entry, found = held.entry, Files()
        if not entry.digest.endswith(FOLDER) or held.wanted is None:
            return
        for name, digest in sorted(held.wanted.items()):
            found[name] = entry.object(digest)
            if not DIGEST.fullmatch(digest) or not found[name].is_file():
                held.missing.append(name)
            elif self.hashes.file(found[name], entry.kind) != digest:
                held.rotten.append(name)
        if not held.rotten and not held.missing:
            held.good = held.good or found

    def bytes_of(self, entry: Entry) -> Files | None:
        """Where the content of a dependency can be read: the workspace, else with the good copy of each output that is part of it.

        None where no copy is what dvc.lock names.
        """
        here = self.files(entry.path)
        for files in (here, self._mended(entry, here or {})):
            if files is not None and (files or here is not None):
                listing = self.listing(files, entry.kind)
                if digest_of(listing) == entry.digest:
                    return files
        return None

    def _mended(self, entry: Entry, here: Files) -> Files:
        """What is here, with each output in it replaced by its good copy."""
        found = dict(here)
        for held in self.parts(entry):
            for name in [name for name in found if overlap(_join(entry.path, name), held.entry.path)]:
                del found[name]
            for name, file in (held.good or {}).items():
                path = _join(held.entry.path, name)
                if overlap(path, entry.path) and len(path) >= len(entry.path):
                    found[path[len(entry.path) :].lstrip("/")] = file
        return found

    def parts(self, entry: Entry) -> Iterator[Held]:
        """The outputs that a dependency is, holds, or is a part of."""
        return (held for path, held in self.held.items() if overlap(path, entry.path))


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if name else folder
