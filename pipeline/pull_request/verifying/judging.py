"""From what is there, what dvc.lock names and what was recomputed to lines for a person: which file, which number."""

import shlex
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.desk import seeds
from pipeline.desk.run import RUN_REPORT
from pipeline.pull_request.verifying.contents import Contents, Held, Listing
from pipeline.pull_request.verifying.differences import Difference, differences_of
from pipeline.pull_request.verifying.findings import Finding, absent, stale, wrong
from pipeline.pull_request.verifying.locked import LOCK, Entry, Project
from pipeline.pull_request.verifying.spread import spread_findings

SHOWN = 20  # lines about one report or one folder
AGAIN = "make run, and commit what it writes"


def findings_of(contents: Contents) -> Iterator[Finding]:
    """Everything that is not as it should be."""
    project = contents.project
    yield from _stale(contents)
    for held in contents.held.values():
        yield from _in_workspace(held, project)
        yield from _in_cache(held)
    for path in _foreign(project):
        yield wrong(path, "is written by no stage, so that its numbers cannot be recomputed", "take it out of reports")
    yield from spread_findings(project.root)


def _stale(contents: Contents) -> Iterator[Finding]:
    """Inputs that are not those with which a step ran, each once with all the steps that read it."""
    readers: dict[str, list[str]] = defaultdict(list)
    for step in contents.project.steps:
        yield from step.stale
        if not step.commands or any(found.place == LOCK for found in step.stale):
            continue  # a .dvc file reads nothing, and a step that never ran has read nothing
        for one in (one for one in (*step.deps, *step.outs) if not one.digest):
            yield stale(one.path, f"has no digest in {LOCK}: it was added to {step.name} since")
        for dep in step.deps:
            if dep.digest and contents.bytes_of(dep) is None and not _is_told(dep, contents):
                readers[dep.path].append(step.name)
    for path, names in sorted(readers.items()):
        is_there = (contents.project.root / path).exists()
        fault = f"is not what {LOCK} names: changed since it was read by" if is_there else "is gone, and was read by"
        yield stale(path, f"{fault} {', '.join(names)}")


def _is_told(dep: Entry, contents: Contents) -> bool:
    """Whether the output that it is part of is told of already, as changed or not here."""
    return any(held.good is None for held in contents.parts(dep))


def _in_workspace(held: Held, project: Project) -> Iterator[Finding]:
    """What is wrong with an output as it stands, against dvc.lock and against what is recomputed."""
    if held.there is None:
        yield from _not_here(held, project)
    elif not held.is_same:
        yield from _changed(held)
    elif held.has_run and not held.is_recomputed and not fractions_of(held):
        yield from _otherwise(held, f"is not what {held.step.name} writes")
    if held.is_same:
        yield from _counts(held)


def fractions_of(held: Held) -> list[Difference]:
    """Where a report and what is recomputed differ, if they do so by the last digit of fractions alone; else nothing."""
    found = _differences(held) or []
    return found if all(one.is_in_band for one in found) else []


def _differences(held: Held) -> list[Difference] | None:
    """Where a report and what is recomputed differ; None where it is no report that can be taken apart."""
    if held.entry.cache is not None or "" not in held.again or not held.files or "" not in held.files:
        return None
    return differences_of(held.files[""], held.again[""])


def _not_here(held: Held, project: Project) -> Iterator[Finding]:
    place = held.entry.path
    if held.entry.cache is None:
        yield wrong(place, "is not there", "restore it from git, or make run")
    elif held.has_run and not held.is_recomputed:
        fault = (
            f"has the digest {held.again_digest or 'of nothing'} when {held.step.name} runs, and {LOCK} names another"
        )
        yield wrong(place, fault, "make run, and commit what changes")
    elif held.good is None:
        remedy = "dvc pull" if project.remotes else "make run, or dvc pull once a remote is configured"
        yield absent(place, "is neither in the workspace nor whole in the cache", remedy)


def _changed(held: Held) -> Iterator[Finding]:
    """The workspace has other bytes than dvc.lock names; says which of the two was edited, where that can be told."""
    entry = held.entry
    if held.has_run and held.again_digest == held.digest:
        fault = f"says that {entry.path} has the digest {entry.digest}; what stands and what is recomputed have {held.digest}"
        yield wrong(LOCK, fault, "it was edited: restore it from git, or make run")
    elif held.has_run and entry.cache is None:
        yield from _otherwise(held, f"is not what {LOCK} names")
    else:
        how = "dvc checkout" if entry.cache is not None else "git"
        yield from _files(held, held.wanted, f"is not what {LOCK} names", f"restore it with {how}, or make run")


def _otherwise(held: Held, fault: str) -> Iterator[Finding]:
    """What stands beside what is recomputed: value by value in a report, file by file in a folder."""
    place, found = held.entry.path, _differences(held)
    if found is None:
        yield from _files(held, held.again_there or {}, fault, AGAIN)
        return
    if not found:
        yield wrong(place, f"{fault}: the same values in other bytes, by spaces or the order of keys", AGAIN)
    for one in found[:SHOWN]:
        values = f"stands {one.stands_text}, recomputed {one.recomputed_text}"
        yield wrong(f"{place}: {one.path or 'as a whole'}", values, AGAIN)
    if len(found) > SHOWN:
        yield wrong(place, f"differs in {len(found) - SHOWN:,} more values", AGAIN)


def _files(held: Held, wanted: Listing | None, fault: str, remedy: str) -> Iterator[Finding]:
    """The files of a folder that are not as they should be, by name; else the output itself with both digests."""
    place, there = held.entry.path, held.there or {}
    if "" in there or wanted is None or "" in wanted:
        other = digest_text(held, wanted)
        yield wrong(place, f"{fault} (its digest is {held.digest or 'none'}, not {other})", remedy)
        return
    lines = list(_names(there, wanted, fault))
    for name, what in lines[:SHOWN]:
        yield wrong(f"{place}/{name}", what, remedy)
    if len(lines) > SHOWN:
        yield wrong(place, f"has {len(lines) - SHOWN:,} more files of that kind", remedy)


def digest_text(held: Held, wanted: Listing | None) -> str:
    """The digest that an output should have."""
    return held.again_digest or "none" if wanted is not None and wanted is held.again_there else held.entry.digest


def _names(there: Listing, wanted: Listing, fault: str) -> Iterator[tuple[str, str]]:
    for name in sorted(there.keys() | wanted.keys()):
        if name not in wanted:
            yield name, f"does not belong there: {LOCK} does not name it"
        elif name not in there:
            yield name, "is missing"
        elif there[name] != wanted[name]:
            yield name, fault


def _counts(held: Held) -> Iterator[Finding]:
    """Size and number of files, which dvc.lock says beside the digest."""
    entry, files = held.entry, held.files or {}
    size = sum(file.stat().st_size for file in files.values())
    said = [("bytes", entry.size, size), ("files", entry.files, len(files) if "" not in files else None)]
    for unit, wanted, found in said:
        if wanted is not None and wanted != found:
            fault = f"says that {entry.path} has {wanted} {unit}, and it has {found or 0}"
            yield wrong(_listed_in(held), fault, "it was edited: restore it from git, or make run")


def _listed_in(held: Held) -> str:
    return LOCK if held.step.commands else held.step.name


def _in_cache(held: Held) -> Iterator[Finding]:
    """Objects that are rotten, and those that lack while the workspace has the output."""
    entry = held.entry
    for names, fault in ((held.rotten, "is rotten: its bytes have another digest"), (held.missing, "is missing")):
        if not names or (names is held.missing and held.there is None):
            continue
        for name in names[:SHOWN]:
            place = f"{entry.path}/{name}" if name else entry.path
            whose = "the list of its files" if not name and entry.digest.endswith(".dir") else "its object"
            yield wrong(place, f"in the cache {whose}, {_object(held, name)}, {fault}", _remedy(held, names))
        if len(names) > SHOWN:
            yield wrong(entry.path, f"{len(names) - SHOWN:,} more of its objects: each {fault}", _remedy(held, names))


def _object(held: Held, name: str) -> str:
    digest = held.wanted[name] if name and held.wanted else held.entry.digest
    return f"{digest[:2]}/{digest[2:]}"


def _remedy(held: Held, names: list[str]) -> str:
    first = "" if names is held.missing else "delete it, then "
    return first + (f"dvc commit --force {shlex.quote(held.step.name)}" if held.is_same else "dvc pull, or make run")


def _foreign(project: Project) -> Iterator[str]:
    """Files beside the reports that no stage writes."""
    outs = [out for step in project.steps for out in step.outs]
    folders = {str(PurePosixPath(out.path).parent) for out in outs if out.cache is None} - {"."}
    known = {out.path for out in outs} | {path.as_posix() for path in (RUN_REPORT, seeds.OUT)}
    for folder in sorted(folders):
        for file in sorted((project.root / folder).glob("[!.]*")):
            path = file.relative_to(project.root).as_posix()
            if file.is_file() and path not in known:
                yield path
