"""Which model is served: the accepted one, what a commit trained, or a folder or file that somebody names.

A model out of DVC is laid out beside the work tree, below `.cache/served`, so that a served model does not change when somebody checks out
another commit.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.data.disk import naming_full_disk
from pipeline.desk.accepted import POINTER, Pointer, accepted
from pipeline.desk.run import ADAPTER
from pipeline.desk.unchanged import LOCK
from pipeline.pull_request.kept import cache_of, cached_file
from pipeline.pull_request.promote import tuned_of
from pipeline.pull_request.promoting.history import head_of
from pipeline.pull_request.promoting.objects import complaint, have
from pipeline.pull_request.revision import git, named
from pipeline.pull_request.verifying.hashes import Hashes, folder_digest, read_listing
from pipeline.stage import Fault

SERVED = Path(".cache/served")
TELL = Callable[[str], None]


@dataclass(frozen=True)
class Chosen:
    """A model: its folder or file, the commit that trained it and the digest of the split that it learnt from ("" where not known)."""

    path: Path
    digest: str
    revision: str
    data: str

    @property
    def place(self) -> Path:
        """The folder for what is made of it."""
        return SERVED / self.digest.removesuffix(".dir")[:16]


def chosen(revision: str, model: str, root: Path, say: TELL) -> Chosen:
    """The model that is named, the accepted one where none is. Raises Fault where it cannot be had."""
    if revision and model:
        raise Fault("REV and MODEL", "are both given", "name one of them")
    hashes = Hashes(lambda read: say(f"{read / 2**20:,.0f} MiB hashed"))
    if model:
        return _given(Path(model), root, hashes)
    return _trained(revision, root, hashes, say) if revision else _accepted(root, hashes)


def _accepted(root: Path, hashes: Hashes) -> Chosen:
    found = accepted(root)
    if found is None:
        remedy = "make promote, or serve what this tree trained with MODEL=models/adapter"
        raise Fault(POINTER, "is not there, so no model is accepted yet", remedy)
    pointer, record = found
    have(pointer, None, root, hashes)
    return _laid_out(pointer, root, record.revision, record.data)


def _trained(revision: str, root: Path, hashes: Hashes, say: TELL) -> Chosen:
    """What a commit trained, by its dvc.lock."""
    commit = str(named(revision, root, "REV").commit)
    text = git(root, "show", f"{commit}:{LOCK}")
    if text is None:
        raise Fault(f"REV={revision}", f"has no {LOCK}", "name a commit that was run")
    stages = yaml.safe_load(text)["stages"]
    pointer = tuned_of(stages)
    if complaint(pointer, cache_of(root), hashes):
        say(f"the model of {commit[:12]} is fetched from the remote")
        _fetch(commit, root)
    if lacking := complaint(pointer, cache_of(root), hashes):
        raise Fault(f"REV={revision}", lacking, "run make push where it was trained, or name another commit")
    return _laid_out(pointer, root, commit, _split(stages))


def _fetch(commit: str, root: Path) -> None:
    """Ask the remote, where there is one; what is lacking then is told by the caller."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        if repo.config["remote"]:
            try:
                repo.fetch(targets=[ADAPTER.as_posix()], revs=[commit], workspace=False)
            except (DvcException, OSError) as error:
                raise Fault(f"REV={commit[:12]}", f"the remote gives no model ({error})", "make push there") from None


def _laid_out(pointer: Pointer, root: Path, revision: str, data: str) -> Chosen:
    """The files of a model out of DVC's cache, whole or not at all. They are copies: DVC may clear its cache."""
    found = Chosen(SERVED / pointer.digest.removesuffix(".dir")[:16] / "trained", pointer.digest, revision, data)
    if found.path.is_dir():
        return found
    cache = cache_of(root)
    listing = read_listing(cached_file(pointer.digest, cache) or Path()) or {}
    part = found.path.with_name(f"trained.{os.getpid()}.part")
    with naming_full_disk(SERVED, "make room; nothing was left behind"):
        try:
            for name, digest in listing.items():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(cached_file(digest, cache) or Path(), part / name)
            if not found.path.is_dir():
                part.rename(found.path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return found


def _given(path: Path, root: Path, hashes: Hashes) -> Chosen:
    """A folder or a file that is named; it is this commit's where it is what its dvc.lock says."""
    if not path.exists():
        raise Fault(f"MODEL={path}", "is not there", "make run, or name the folder of what was trained")
    if path.is_file():
        return Chosen(path, hashes.file(path), "", "")
    listing = {one.relative_to(path).as_posix(): hashes.file(one) for one in path.rglob("*") if one.is_file()}
    digest = folder_digest(listing)
    text = git(root, "show", f"HEAD:{LOCK}")
    stages: dict[str, Any] = (yaml.safe_load(text) or {}).get("stages", {}) if text else {}
    outs = stages.get("train", {}).get("outs", [])
    if not any(out["md5"] == digest for out in outs):
        return Chosen(path, digest, "", "")
    return Chosen(path, digest, head_of(root), _split(stages))


def _split(stages: dict[str, Any]) -> str:
    return next((str(out["md5"]) for out in stages.get("split", {}).get("outs", []) if out["path"] == "data/split"), "")
