"""Whether dvc.lock is of this tree: code, parameters, command and data of each stage, and the reports that git holds."""

from collections.abc import Iterator

from pipeline.pull_request.locking.digests import Digests, Unknown
from pipeline.pull_request.locking.findings import PENDING, RUN_AGAIN, Finding, Kind
from pipeline.pull_request.verifying.hashes import NO_FILE
from pipeline.pull_request.verifying.locked import LOCK, Entry, Project, Step

ACCEPTED = "predict@accepted"  # answers of the model in production: asked again when there is time, and never red


def outs_of(project: Project) -> dict[str, Entry]:
    """Every output by its path, as dvc.lock and the .dvc files name it."""
    return {out.path: out for step in project.steps for out in step.outs}


def compared(project: Project, digests: Digests, unknown: dict[str, str]) -> Iterator[Finding]:
    """Everything in which the tree and dvc.lock differ. `unknown` is given the inputs that hang on a list of files that is not here."""
    late = [out.path for step in project.steps if step.name == ACCEPTED for out in step.outs]
    first: dict[str, tuple[str, str]] = {}
    for step in project.steps:
        if not step.commands:
            yield from _kept(step, digests)
            continue
        kind: Kind = "pending" if step.name == ACCEPTED else "stale"
        yield from (_finding(kind, found.place, step, found.fault) for found in step.stale)
        if any(found.place == LOCK for found in step.stale):
            continue  # it never ran: all of it lacks
        for entry in (one for one in (*step.deps, *step.outs) if not one.digest):
            yield _finding(kind, entry.path, step, f"has no digest in {LOCK}: dvc.yaml lists it since")
        for dep in (dep for dep in step.deps if dep.digest):
            yield from _input(step, dep, kind, digests, late, unknown)
            if dep.path in unknown:
                yield from _as_others(step, dep, kind, first)
        yield from _reports(step, kind, digests)


def matches(step: Step, digests: Digests) -> bool:
    """Whether what dvc.lock says of a stage is what would come out now: command, parameters and inputs are the same."""
    if step.stale or not all(one.digest for one in (*step.deps, *step.outs)):
        return False
    try:
        return all(digests.of(dep) == dep.digest for dep in step.deps)
    except Unknown:
        return False


def _finding(kind: Kind, place: str, step: Step, fault: str) -> Finding:
    return Finding(kind, place, step.name, fault, PENDING if kind == "pending" else RUN_AGAIN)


def _input(
    step: Step, dep: Entry, kind: Kind, digests: Digests, late: list[str], unknown: dict[str, str]
) -> Iterator[Finding]:
    """One input against the digest with which the stage ran."""
    try:
        now = digests.of(dep)
        if now == dep.digest:
            return
        if any(path.startswith(f"{dep.path}/") for path in late) and digests.of(dep, without=late) == dep.digest:
            kind = "pending"  # it was read before the accepted model had answered
    except Unknown as error:
        unknown[dep.path] = error.path
        return
    if now == NO_FILE:
        yield _finding(kind, dep.path, step, "is gone")
    elif dep.path in digests.outs:
        yield _finding(
            kind, dep.path, step, f"is {_short(now)} by {LOCK}, and was {_short(dep.digest)} when it was read"
        )
    else:
        yield _finding(kind, dep.path, step, f"has changed since it was read: {LOCK} names other bytes")


def _short(digest: str) -> str:
    return digest[:8] or "nothing"


def _as_others(step: Step, dep: Entry, kind: Kind, first: dict[str, tuple[str, str]]) -> Iterator[Finding]:
    """Where nothing says what an input is now, all stages that read it must at least have read the same."""
    digest, name = first.setdefault(dep.path, (dep.digest, step.name))
    if digest != dep.digest:
        yield _finding(
            kind, dep.path, step, f"was {_short(dep.digest)} when it was read, and {_short(digest)} when {name} read it"
        )


def _reports(step: Step, kind: Kind, digests: Digests) -> Iterator[Finding]:
    """Outputs that stand in git, against the digest that the stage left."""
    for out in step.outs:
        if out.cache is None and out.digest:
            now = digests.project.digest(out, digests.hashes)
            if now == NO_FILE:
                yield _finding(kind, out.path, step, "is not there")
            elif now != out.digest:
                yield _finding(kind, out.path, step, f"is not what {step.name} wrote: {LOCK} names other bytes")


def _kept(step: Step, digests: Digests) -> Iterator[Finding]:
    """What a .dvc file names, where the workspace has it: edited, and not added again."""
    for out in step.outs:
        if (
            out.digest
            and (digests.project.root / out.path).exists()
            and digests.project.digest(out, digests.hashes) != out.digest
        ):
            fault, remedy = (
                f"is not what {step.name} names",
                f"dvc add {out.path}, then make run; or dvc checkout {step.name}",
            )
            yield Finding("stale", out.path, step.name, fault, remedy)
