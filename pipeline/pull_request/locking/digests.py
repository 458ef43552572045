"""What there is now of a path that a stage reads: from the files that git holds, and from the digests of outputs, never from the cache.

A clone without a cache has neither the outputs nor the files that DVC keeps, and both count here as what dvc.lock and the .dvc
files say of them. Only a path inside an output, or around one that is a folder, needs the list of that folder's files.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pipeline.pull_request.verifying.hashes import NO_FILE, Hashes, folder_digest
from pipeline.pull_request.verifying.locked import FOLDER, Entry, Project, overlap

Listing = dict[str, str]
Outs = Mapping[str, Entry]  # by path: what each step's output is, by dvc.lock or its .dvc file


class Unknown(Exception):
    """The list of an output's files cannot be had."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Digests:
    """Digests of today. `listing` gives the files of an output that is a folder, None where the list cannot be had."""

    def __init__(
        self, project: Project, outs: Outs, hashes: Hashes, listing: Callable[[Entry], Listing | None]
    ) -> None:
        self.project, self.outs, self.hashes = project, outs, hashes
        self._listing = listing
        self._files: dict[tuple[str, str], str] = {}

    def of(self, dep: Entry, without: Collection[str] = ()) -> str:
        """The digest of what a stage would read, '' where there is nothing; outputs at the paths `without` count as not there.

        Raises Unknown where it hangs on a list of files that cannot be had.
        """
        inner = [out for path, out in self.outs.items() if path != dep.path and path.startswith(f"{dep.path}/")]
        for path, out in self.outs.items():
            if overlap(path, dep.path) and len(path) <= len(dep.path):
                return self._part(out, dep.path[len(path) :].lstrip("/"))
        if inner:
            return self._around(dep, [out for out in inner if out.path not in without], inner)
        return self._of_git(dep)

    def _part(self, out: Entry, name: str) -> str:
        """An output, or what has that name in it."""
        if not name or not out.digest:
            return out.digest
        listing = self._listed(out)
        if name in listing:
            return listing[name]
        below = {path[len(name) + 1 :]: digest for path, digest in listing.items() if path.startswith(f"{name}/")}
        return folder_digest(below) if below else NO_FILE

    def _around(self, dep: Entry, taken: list[Entry], inner: list[Entry]) -> str:
        """A folder that holds files of git and outputs."""
        listing = {
            name: self.hashes.file(file, dep.kind)
            for name, file in self._walked(dep.path).items()
            if not any(overlap(f"{dep.path}/{name}", out.path) for out in inner)
        }
        for out in (out for out in taken if out.digest):
            below = out.path[len(dep.path) + 1 :]
            for name, digest in self._listed(out).items():
                listing[f"{below}/{name}" if name else below] = digest
        return folder_digest(listing) if listing or (self.project.root / dep.path).is_dir() else NO_FILE

    def _of_git(self, dep: Entry) -> str:
        key = (dep.path, dep.kind)
        if key not in self._files:
            place = self.project.root / dep.path
            if place.is_dir():
                found = {name: self.hashes.file(file, dep.kind) for name, file in self._walked(dep.path).items()}
                self._files[key] = folder_digest(found)
            else:
                self._files[key] = self.hashes.file(place, dep.kind)
        return self._files[key]

    def _walked(self, path: str) -> dict[str, Path]:
        place = self.project.root / path
        return {file.relative_to(place).as_posix(): file for file in self.project.walk(place)} if place.is_dir() else {}

    def _listed(self, out: Entry) -> Listing:
        if not out.digest.endswith(FOLDER):
            return {"": out.digest}
        listing = self._listing(out)
        if listing is None:
            raise Unknown(out.path)
        return listing
