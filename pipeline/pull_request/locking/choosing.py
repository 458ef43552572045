"""For each stage of a merged tree the entry of the side that ran it with the same command, parameters and inputs."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.pull_request.locking.digests import Digests, Listing, Unknown
from pipeline.pull_request.locking.sides import Side, with_digest
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import LOCK, Entry, Project, Step, opened, overlap
from pipeline.stage import read_yaml

Listings = Callable[[Entry], Listing | None]


@dataclass
class Candidate:
    """A side read with the merged tree's dvc.yaml: its steps by name, and its entries as they stand in its lock."""

    side: Side
    project: Project
    steps: dict[str, Step]
    entries: dict[str, Any]


Candidates = tuple[Candidate, Candidate]
Sides = tuple[Side, Side]


@dataclass
class Choice:
    """`taken` is the side of each stage that has one, `entries` the lock that comes of it, `outs` what its outputs are."""

    taken: dict[str, str] = field(default_factory=dict)
    entries: dict[str, Any] = field(default_factory=dict)
    outs: dict[str, Entry] = field(default_factory=dict)


def candidate(root: Path, side: Side, scratch: Path) -> Candidate:
    """Read a side. Its lock is put in the place of the one in conflict, which the caller puts back or replaces."""
    (root / LOCK).write_bytes(side.lock or b"schema: '2.0'\nstages: {}\n")
    entries = (read_yaml(root / LOCK) or {}).get("stages") or {}
    with opened(root, scratch) as project:
        return Candidate(side, project, {step.name: step for step in project.steps}, entries)


def chosen(candidates: Candidates, hashes: Hashes, listing: Listings) -> Choice:
    """Go through the stages in their order; a stage that neither side fits is left out, and what reads its outputs with it."""
    choice = Choice()
    for step in candidates[0].project.steps:
        take(step.name, candidates, choice, hashes, listing)
    return choice


def take(name: str, candidates: Candidates, choice: Choice, hashes: Hashes, listing: Listings) -> bool:
    """Take a stage's entry from the side that fits, with its reports; notes in `choice` what its outputs are. False where none fits."""
    sides = (candidates[0].side, candidates[1].side)
    for one in candidates:
        step = one.steps[name]
        if not step.commands:
            choice.outs |= {out.path: out for out in step.outs}
            return True
        if not _fits(step, one, Digests(one.project, choice.outs, hashes, listing), sides):
            continue
        both = candidates[0].entries.get(name) == candidates[1].entries.get(name)
        choice.taken[name] = "both" if both else one.side.name
        choice.entries[name] = one.entries[name]
        choice.outs |= {out.path: out for out in step.outs}
        return True
    choice.outs |= {out.path: replace(out, digest="") for out in candidates[0].steps[name].outs}
    return False


def _fits(step: Step, one: Candidate, digests: Digests, sides: Sides) -> bool:
    """Whether a side ran a stage with what the merged tree has."""
    if step.name not in one.entries or step.stale or not all(item.digest for item in (*step.deps, *step.outs)):
        return False
    if not all(_is_same(dep, one, digests) for dep in step.deps):
        return False
    reports = [out for out in step.outs if out.cache is None]
    return all(with_digest(one.project.root, out.path, out.digest, sides) is not None for out in reports)


def _is_same(dep: Entry, one: Candidate, digests: Digests) -> bool:
    """An input against what the side read. Where no list of files says what it is, its outputs must be the side's own."""
    try:
        return digests.of(dep) == dep.digest
    except Unknown:
        own = {out.path: out.digest for step in one.steps.values() for out in step.outs}
        return all(own.get(path) == out.digest for path, out in digests.outs.items() if overlap(path, dep.path))


def put_reports(root: Path, choice: Choice, sides: Sides) -> None:
    """Write each report as the entry that was taken says it was."""
    for path, out in choice.outs.items():
        content = with_digest(root, path, out.digest, sides) if out.cache is None and out.digest else None
        if content is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
