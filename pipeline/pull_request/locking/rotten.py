"""Objects of the remote whose bytes are not what their names say: each is fetched, hashed, and left where it is.

`make pull` refuses such an object too, but then it is on its way to somebody; and what a clone has already, it never fetches again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from pipeline.desk.remotes.lookup import Lookup, Unreached
from pipeline.desk.remotes.setting import NOT_SET
from pipeline.pull_request.locking.check import Looked, opened_remotes
from pipeline.pull_request.locking.objects import PUSH, ROTTEN, Object, Objects, name_of
from pipeline.pull_request.verifying.findings import Finding, absent, wrong
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import FOLDER, Project

TOLD_EVERY_S = 2.0


def rotten(project: Project, scratch: Path, tell: Callable[[str], None]) -> list[Finding]:
    """A line for each object that dvc.lock names and a remote holds in other bytes; `scratch` takes one object at a time."""
    looked, found, hashes = Looked(), list[Finding](), Hashes(lambda _: None)
    with ExitStack() as stack:
        remotes = opened_remotes(project, looked, stack, tell)
        found += [absent(one.place, one.fault, one.remedy) for one in looked.findings]
        if not remotes and not looked.findings:
            return [absent("the remote", "cannot be looked at", NOT_SET)]
        try:
            found += _of_all(Objects(project, remotes, hashes), hashes, scratch / "object", tell)
        except Unreached as error:
            found.append(absent(error.place, error.fault, error.remedy))
    return found


def _of_all(objects: Objects, hashes: Hashes, place: Path, tell: Callable[[str], None]) -> Iterator[Finding]:
    wanted = {(one.out.remote, one.out.kind, one.digest): one for one in objects.named()}
    last = time.monotonic()
    for number, one in enumerate(wanted.values(), 1):
        lookup = objects.remotes[one.out.remote or ""]
        if not _is_whole(one, lookup, hashes, place):
            fault = f"its object {name_of(one.digest)} on {lookup.setting.shown} {ROTTEN}"
            yield wrong(one.path, fault, f"delete it there; {PUSH}")
        if time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            tell(f"{number:,} of {len(wanted):,} objects of the remote hashed")


def _is_whole(one: Object, lookup: Lookup, hashes: Hashes, place: Path) -> bool:
    """Whether an object is what it is called, or is not there at all, which make verify-lock tells."""
    try:
        if not lookup.copied(one.digest, one.out.kind, place):
            return True
        return hashes.file(place, one.out.kind) == one.digest.removesuffix(FOLDER)
    finally:
        place.unlink(missing_ok=True)
