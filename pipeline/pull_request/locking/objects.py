"""The objects that dvc.lock and the .dvc files name: the lists of folders, and which of all of them the remote has not got."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.desk.remotes.lookup import Lookup
from pipeline.pull_request.locking.digests import Listing
from pipeline.pull_request.locking.findings import Finding
from pipeline.pull_request.verifying.hashes import Hashes, read_listing
from pipeline.pull_request.verifying.locked import FOLDER, Entry, Project, Step

SHOWN = 20  # lines about one output
DIGEST = re.compile(r"[0-9a-f]{32}")
ROTTEN = "is rotten: its bytes have another digest"
PUSH = "make push where it was made, or make run and make push"


@dataclass(frozen=True)
class Object:
    """An object with whose it is: `path` is an output, or a file in it."""

    digest: str
    path: str
    step: Step
    out: Entry


class Objects:
    """Asks the remotes that could be opened, by name, with '' for the default one."""

    def __init__(self, project: Project, remotes: Mapping[str, Lookup], hashes: Hashes) -> None:
        self.project, self.remotes, self.hashes = project, remotes, hashes
        self.asked = 0
        self._rotten = set[str]()
        self._listings: dict[str, Listing | None] = {}

    def listing(self, out: Entry) -> Listing | None:
        """The files of an output that is a folder: by the cache's list, else by the remote's; None where neither has a good one."""
        if out.digest not in self._listings:
            self._listings[out.digest] = self._of_cache(out) or self._of_remote(out)
        return self._listings[out.digest]

    def _of_cache(self, out: Entry) -> Listing | None:
        if out.cache is None:
            return None
        place = out.object(out.digest)
        is_good = place.is_file() and self.hashes.file(place, out.kind) == out.digest.removesuffix(FOLDER)
        return read_listing(place) if is_good else None

    def _of_remote(self, out: Entry) -> Listing | None:
        lookup = self.remotes.get(out.remote) if out.remote is not None else None
        content = lookup.content(out.digest, out.kind) if lookup else None
        if lookup is None or content is None:
            return None
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != out.digest.removesuffix(FOLDER):
            self._rotten.add(out.digest)
            return None
        return _parsed(content)

    def named(self) -> Iterator[Object]:
        """Each object that an open remote is to have, as often as something is made of it."""
        for step, _, out in self._outs():
            yield from self._objects(step, out)

    def missing(self) -> Iterator[Finding]:
        """A line for each object that its remote has not got, with output and stage. Raises Unreached."""
        wanted: dict[tuple[str, str], list[Object]] = defaultdict(list)
        for step, remote, out in self._outs():
            wanted[remote, out.kind] += self._objects(step, out)
            if out.digest in self._rotten:
                yield _spoilt(step, out, self.remotes[remote])
        for (name, kind), objects in wanted.items():
            lookup = self.remotes[name]
            digests = {one.digest for one in objects}
            self.asked += len(digests)
            lacking = lookup.lacking(digests, kind)
            yield from _told([one for one in objects if one.digest in lacking], lookup)

    def _outs(self) -> Iterator[tuple[Step, str, Entry]]:
        """Each output that an open remote is to have, with its stage and the remote's name."""
        for step in self.project.steps:
            for out in step.outs:
                if out.digest and out.remote is not None and out.remote in self.remotes:
                    yield step, out.remote, out

    def _objects(self, step: Step, out: Entry) -> Iterator[Object]:
        yield Object(out.digest, out.path, step, out)
        if out.digest.endswith(FOLDER):
            for name, digest in sorted((self.listing(out) or {}).items()):
                yield Object(digest, f"{out.path}/{name}", step, out)


def _parsed(content: bytes) -> Listing | None:
    """A list of files of the remote; None where it is none."""
    try:
        rows = {str(row["relpath"]): str(row["md5"]) for row in json.loads(content)}
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return rows if all(DIGEST.fullmatch(digest) for digest in rows.values()) else None


def _spoilt(step: Step, out: Entry, lookup: Lookup) -> Finding:
    """A list of files on the remote whose bytes are others than its name says."""
    fault = f"the list of its files on {lookup.setting.shown} {ROTTEN}"
    return Finding("missing", out.path, step.name, fault, f"delete {name_of(out.digest)} there; {PUSH}")


def _told(lacking: list[Object], lookup: Lookup) -> Iterator[Finding]:
    """A line an object, and one for those beyond the first of an output."""
    of_output: dict[str, list[Object]] = defaultdict(list)
    for one in lacking:
        of_output[one.out.path].append(one)
    for path, objects in of_output.items():
        for one in objects[:SHOWN]:
            fault = f"its object {name_of(one.digest)} is not on {lookup.setting.shown}"
            yield Finding("missing", one.path, one.step.name, fault, PUSH)
        if len(objects) > SHOWN:
            fault = f"{len(objects) - SHOWN:,} more of its objects are not on {lookup.setting.shown}"
            yield Finding("missing", path, objects[0].step.name, fault, PUSH)


def name_of(digest: str) -> str:
    """How an object is called below `files/md5`."""
    return f"{digest[:2]}/{digest[2:]}"
