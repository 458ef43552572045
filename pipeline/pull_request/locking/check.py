"""The lock check: is dvc.lock of this tree, and can everything that it names be had from the remote?

DVC's own commands do not say: `dvc repro --dry --allow-missing` exits 0 on a stale pipeline, `dvc status` calls a clean clone without
a cache changed, and `dvc data status --not-in-remote` takes the files of a folder for present where the folder's list is
(docs/decisions/0020-own-lock-check.md).
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.desk.remotes.lookup import Lookup, Unreached, looked_up
from pipeline.desk.remotes.setting import NOT_SET, Setting, check_config, default_remote, remotes_of
from pipeline.pull_request.locking.comparing import compared, outs_of
from pipeline.pull_request.locking.digests import Digests
from pipeline.pull_request.locking.findings import RUN_AGAIN, Finding
from pipeline.pull_request.locking.objects import Objects
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import LOCK, Project, noting_in, opened
from pipeline.stage import Fault

CONFLICT = b"<<<<<<<"
Tell = Callable[[str], None]


@dataclass
class Looked:
    """What was found, what a reader has to know besides, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stages: int = 0
    objects: int = 0


def check(root: Path) -> list[Finding]:
    """Everything that is not in order. Raises Fault where the files of DVC cannot be read."""
    return look(root, lambda _: None).findings


def look(root: Path, tell: Tell, with_remote: bool = True) -> Looked:
    """The same with notes; `tell` is told of what takes long. Without `with_remote` no remote is asked for anything."""
    if (lock := root / LOCK).is_file() and any(line.startswith(CONFLICT) for line in lock.read_bytes().splitlines()):
        raise Fault(LOCK, "holds a merge conflict", "run make merge-lock")
    check_config(root)
    looked = Looked()
    hashes = Hashes(lambda read: tell(f"{read / 2**20:,.0f} MiB hashed"))
    with tempfile.TemporaryDirectory(prefix="lock-") as folder, opened(root, Path(folder)) as project:
        looked.stages = sum(bool(step.commands) for step in project.steps)
        looked.notes += [f"{LOCK} has an entry for {name}, which dvc.yaml does not know" for name in project.strangers]
        if not lock.is_file():
            fault = "is not there: the pipeline has not been run yet"
            looked.findings.append(Finding("stale", LOCK, "", fault, RUN_AGAIN))
        with ExitStack() as stack, noting_in(Path(folder) / "dvc"):
            remotes = opened_remotes(project, looked, stack, tell) if with_remote else {}
            _compare(project, Objects(project, remotes, hashes), hashes, looked, has_lock=lock.is_file())
    looked.findings = list(dict.fromkeys(looked.findings))
    return looked


def of_the_tree(project: Project, hashes: Hashes) -> list[Finding]:
    """The half of it that needs no remote, for who has opened the project: in what the tree and dvc.lock differ."""
    return list(dict.fromkeys(_differing(project, Objects(project, {}, hashes), hashes, {})))


def _differing(project: Project, objects: Objects, hashes: Hashes, unknown: dict[str, str]) -> Iterator[Finding]:
    return compared(project, Digests(project, outs_of(project), hashes, objects.listing), unknown)


def _compare(project: Project, objects: Objects, hashes: Hashes, looked: Looked, has_lock: bool) -> None:
    """Both halves, the tree and the remotes; where a remote fails in between, what was found stays."""
    unknown: dict[str, str] = {}
    try:
        if has_lock:
            looked.findings += _differing(project, objects, hashes, unknown)
        looked.findings += objects.missing()
    except Unreached as error:
        looked.findings.append(unreached(error))
        objects.remotes = {}
        if has_lock:
            looked.findings += _differing(project, objects, hashes, unknown)
    looked.objects = objects.asked
    if unknown:
        lists = ", ".join(sorted(set(unknown.values())))
        looked.notes.append(
            f"{len(unknown)} inputs were compared with each other only: the list of the files of {lists} is not here"
        )


def opened_remotes(project: Project, looked: Looked, stack: ExitStack, tell: Tell) -> dict[str, Lookup]:
    """The remotes that have objects of this project, by the name that the outputs give them."""
    settings = _settings(project, looked)
    found = dict[str, Lookup]()
    for name, setting in settings.items():

        def told(done: int, total: int, shown: str = setting.shown) -> None:
            tell(f"{done:,} of about {total:,} objects looked up on {shown}")

        try:
            found[name] = stack.enter_context(looked_up(project.root, setting, told))
        except Unreached as error:
            looked.findings.append(unreached(error))
    return found


def _settings(project: Project, looked: Looked) -> dict[str, Setting]:
    """The setting of each remote that outputs are on."""
    names = {out.remote for step in project.steps for out in step.outs if out.remote is not None} | {""}
    default, every = default_remote(project.root), remotes_of(project.root)
    found = {name: every[name] for name in sorted(names) if name and name in every}
    if default is None:
        looked.notes.append(f"objects cannot be looked up: {NOT_SET}")
    else:
        found[""] = default
        if not default.is_verified:
            looked.notes.append(
                f"remote {default.shown} does not verify what it hands out: dvc remote modify {default.name} verify true"
            )
    return found


def unreached(error: Unreached) -> Finding:
    """A remote that cannot be asked: none of its objects can be told to be there."""
    return Finding("missing", error.place, "", error.fault, error.remedy)
