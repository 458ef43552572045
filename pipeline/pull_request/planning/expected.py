"""What each path will hold when a stage reads it: by digest where that can be known, else how sure it is that it changes."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.pull_request.kept import cached_file
from pipeline.pull_request.verifying.contents import Files, Listing, digest_of
from pipeline.pull_request.verifying.hashes import Hashes, read_listing
from pipeline.pull_request.verifying.locked import FOLDER, Entry, Project, overlap


@dataclass(frozen=True)
class Expected:
    """The content of a path. `digest` is None where it is not known before something runs, '' where there is nothing.

    `is_sure`: that it differs from what dvc.lock names. `through` are the outputs of earlier steps from which it comes. `is_trusted`:
    dvc.lock is taken at its word, since the list of the folder's files is not on this machine.
    """

    digest: str | None
    is_sure: bool = False
    through: tuple[str, ...] = ()
    is_trusted: bool = False


@dataclass(frozen=True)
class Outcome:
    """An output after the plan. `is_same`: it is what dvc.lock names."""

    path: str
    digest: str | None
    is_same: bool
    is_sure: bool


class Tree:
    """The work tree, and what is expected of it as the walk goes on."""

    def __init__(self, project: Project, hashes: Hashes, cache: Path) -> None:
        self.project, self.cache = project, cache
        self.outcomes: dict[str, Outcome] = {}
        self.sources: set[str] = set()  # of the outcomes those of .dvc files: a person's, and no stage's
        self._hashes = hashes
        self._known: dict[tuple[str, str], Listing | None] = {}
        self._sizes: dict[str, int] = {}

    def files(self, path: str) -> Files | None:
        """The files of a path, but for those that DVC ignores; None where there is nothing."""
        place = self.project.root / path
        if not place.is_dir():
            return {"": place} if place.exists() else None
        return {file.relative_to(place).as_posix(): file for file in sorted(self.project.walk(place))}

    def listing(self, path: str, kind: str = "md5") -> Listing | None:
        """The digest of each file that is there; None where there is nothing."""
        if (path, kind) not in self._known:
            files = self.files(path)
            self._known[path, kind] = (
                None if files is None else {name: self._hashes.file(file, kind) for name, file in files.items()}
            )
            self._sizes[path] = sum(_size(file) for file in (files or {}).values())
        return self._known[path, kind]

    def digest(self, path: str, kind: str = "md5") -> str:
        """The digest of what is there, '' where there is nothing."""
        return digest_of(self.listing(path, kind))

    def size(self, path: str) -> int:
        """Bytes of what is there."""
        self.listing(path)
        return self._sizes[path]

    def is_executable(self, path: str) -> bool:
        """Whether it is a file that may be run: DVC notes that."""
        place = self.project.root / path
        return place.is_file() and bool(place.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))

    def has_objects(self, digest: str) -> bool:
        """Whether DVC's cache has a file or a whole folder."""
        place = cached_file(digest, self.cache)
        if place is None or not digest.endswith(FOLDER):
            return place is not None
        listing = read_listing(place)
        return listing is not None and all(cached_file(one, self.cache) for one in listing.values())

    def expected(self, dep: Entry) -> Expected:
        """What a stage will read at a dependency."""
        outcomes = [one for path, one in sorted(self.outcomes.items()) if overlap(path, dep.path)]
        if not outcomes:
            return Expected(self.digest(dep.path, dep.kind))
        through = tuple(one.path for one in outcomes if one.path not in self.sources)
        if outcomes[0].path == dep.path:
            return Expected(outcomes[0].digest, outcomes[0].is_sure, through)
        if dep.path.startswith(f"{outcomes[0].path}/"):
            return self._inside(dep, outcomes[0], through)
        return self._around(dep, outcomes, through)

    def _inside(self, dep: Entry, outcome: Outcome, through: tuple[str, ...]) -> Expected:
        """A file of an output that is a folder: it may come out the same where the folder does not."""
        listing = self._listed(outcome)
        if listing is not None:
            name = os.path.relpath(dep.path, outcome.path)
            below = {key[len(name) + 1 :]: value for key, value in listing.items() if key.startswith(f"{name}/")}
            return Expected(listing.get(name) or (digest_of(below) if below else ""), through=through)
        if outcome.is_same and dep.digest:
            return Expected(dep.digest, through=through, is_trusted=True)
        return Expected(None, through=through)

    def _around(self, dep: Entry, outcomes: list[Outcome], through: tuple[str, ...]) -> Expected:
        """A folder that holds outputs."""
        if any(one.digest is None for one in outcomes):
            return Expected(None, any(one.is_sure for one in outcomes), through)
        listings = {one.path: self._listed(one) for one in outcomes}
        if any(listing is None for listing in listings.values()):
            if all(one.is_same for one in outcomes) and dep.digest:
                return Expected(dep.digest, through=through, is_trusted=True)
            return Expected(None, is_sure=True, through=through)
        here = {f"{dep.path}/{name}": value for name, value in (self.listing(dep.path, dep.kind) or {}).items()}
        found = {name: value for name, value in here.items() if not any(overlap(name, path) for path in listings)}
        for path, listing in listings.items():
            found |= {f"{path}/{name}" if name else path: value for name, value in (listing or {}).items()}
        return Expected(digest_of({name[len(dep.path) + 1 :]: value for name, value in found.items()}), through=through)

    def _listed(self, outcome: Outcome) -> Mapping[str, str] | None:
        """The files of an output whose digest is known; None where their list is not on this machine."""
        digest = outcome.digest
        if not digest:
            return {} if digest == "" else None
        here = self.listing(outcome.path)
        if here is not None and digest_of(here) == digest:
            return here
        if not digest.endswith(FOLDER):
            return {"": digest}
        place = cached_file(digest, self.cache)
        return None if place is None else read_listing(place)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
