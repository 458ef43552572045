"""The objects of an accepted model: each of them there and what its name says, in DVC's cache, fetched from the remote where it is not."""

from pathlib import Path

from pipeline.desk.accepted import POINTER, Pointer
from pipeline.pull_request.kept import cache_of, cached_file
from pipeline.pull_request.verifying.hashes import Hashes, read_listing
from pipeline.stage import Fault

FOLDER = ".dir"


def complaint(pointer: Pointer, cache: Path, hashes: Hashes) -> str:
    """What is wrong with the objects in the cache: the first that is missing or rotten; '' where all are what they say."""
    listed = cached_file(pointer.digest, cache)
    if listed is None:
        return f"the object {pointer.digest} is not in the cache"
    if hashes.file(listed) != pointer.digest.removesuffix(FOLDER):
        return f"the object {pointer.digest} in the cache is not what its name says: delete {listed}"
    files = read_listing(listed)
    if files is None:
        return f"the object {pointer.digest} lists no files"
    for name, digest in sorted(files.items()):
        found = cached_file(digest, cache)
        if found is None:
            return f"the object {digest} of {name} is not in the cache"
        if hashes.file(found) != digest:
            return f"the object {digest} of {name} in the cache is not what its name says: delete {found}"
    return ""


def have(pointer: Pointer, commit: str | None, root: Path, hashes: Hashes) -> None:
    """See to it that the whole model is in the cache. `commit` has the pointer; None where the work tree has it.

    Raises Fault where neither the cache nor the remote has all of it.
    """
    cache = cache_of(root)
    lacking = complaint(pointer, cache, hashes)
    if lacking and "delete" not in lacking:
        failed = _fetch(commit, root)
        lacking = complaint(pointer, cache, hashes)
        if lacking and failed:
            lacking = f"{lacking}, and {failed}"
    if lacking:
        place = f"{commit[:12]}: {POINTER}" if commit else POINTER
        raise Fault(place, lacking, "run make push where it was trained, or name another model")


def _fetch(commit: str | None, root: Path) -> str:
    """Fetch the model from the remote into the cache; says what was in the way."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        if not repo.config["remote"]:
            return "no remote is configured"
        how = {"revs": [commit], "workspace": False} if commit else {}
        try:
            repo.fetch(targets=[POINTER.as_posix()], **how)
        except (DvcException, OSError) as error:
            return f"the remote did not give it ({' '.join(str(error).split())[:200]})"
    return ""
