"""Walk the graph of stages from the sources down: what each would do, and why, without running anything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.pull_request.planning.earlier import Found, Remote, in_cache, key_of
from pipeline.pull_request.planning.expected import Expected, Outcome, Tree
from pipeline.pull_request.planning.surely import is_surely_other
from pipeline.pull_request.verifying.locked import Project, Step
from pipeline.stage import PARAMS_FILE, Fault, read_yaml

# runs: its command, a parameter or an input is or will be another. again: nothing changed, but an output is not there. may_run: an
# earlier stage runs, and may write the same as before. cache, remote: an earlier run of just this is kept there. frozen: DVC leaves it.
Fate = Literal["nothing", "runs", "again", "may_run", "cache", "remote", "frozen"]
RUNNING: tuple[Fate, ...] = ("runs", "again", "may_run")
# own causes come first: what a person changed. input: of an earlier stage that is known, or sure, to change; maybe: that may change.
Kind = Literal["new", "always", "command", "setting", "file", "input", "maybe", "output"]
OWN: tuple[Kind, ...] = ("new", "always", "command", "setting", "file")


@dataclass(frozen=True)
class Cause:
    """Why a stage does something. `place` is a path, or a parameter with its file; `was` and `now` are values as text."""

    kind: Kind
    place: str = ""
    was: str = ""
    now: str = ""
    file: str = ""


@dataclass(frozen=True)
class Planned:
    """A stage in the plan. `missing` are inputs that nothing makes and that are not here, `is_looked_up` whether earlier runs could be."""

    step: Step
    fate: Fate
    causes: tuple[Cause, ...] = ()
    missing: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    is_looked_up: bool = False


def walk(tree: Tree, remote: Remote | None) -> list[Planned]:
    """All stages, each after those that it reads from. `remote` is None where the project names none."""
    locks = _Locks(tree.project)
    return [_planned(step, tree, remote, locks) for step in tree.project.steps if not _is_source(step, tree)]


def _is_source(step: Step, tree: Tree) -> bool:
    """A .dvc file is no stage: what is in the work tree counts, else what it names."""
    if step.recipe:
        return False
    tree.sources |= {out.path for out in step.outs}
    for out in step.outs:
        digest = tree.digest(out.path, out.kind) or out.digest
        tree.outcomes[out.path] = Outcome(out.path, digest, digest == out.digest, digest != out.digest)
    return True


def _planned(step: Step, tree: Tree, remote: Remote | None, locks: "_Locks") -> Planned:
    assert step.recipe
    if step.recipe.is_frozen:
        return _frozen(step, tree)
    expected = {dep.path: tree.expected(dep) for dep in step.deps}
    causes = (*_own(step, locks, expected), *_inputs(step, expected), *_outputs(step, tree))
    kinds = {cause.kind for cause in causes}
    digests = {path: one.digest for path, one in expected.items() if one.digest}
    missing = tuple(path for path, one in expected.items() if one.digest == "")
    trusted = tuple(path for path, one in expected.items() if one.is_trusted)
    is_known = len(digests) == len(expected)
    found = _kept(step, causes, digests, tree, remote) if kinds and is_known and step.recipe.is_kept else None
    fate: Fate = found.where if found else _fate(kinds)
    for out in step.outs:
        tree.outcomes[out.path] = _outcome(step, out.path, out.digest, fate, found, causes, locks.phases)
    return Planned(step, fate, causes, missing, trusted, bool(kinds) and is_known and step.recipe.is_kept)


def _frozen(step: Step, tree: Tree) -> Planned:
    """DVC neither looks at its inputs nor runs it; it stops where an output is not there."""
    for out in step.outs:
        here = tree.digest(out.path, out.kind)
        digest = here or out.digest
        tree.outcomes[out.path] = Outcome(out.path, digest, digest == out.digest, digest != out.digest)
    return Planned(step, "frozen", tuple(_outputs(step, tree)))


def _fate(kinds: set[Kind]) -> Fate:
    if kinds & {*OWN, "input"}:
        return "runs"
    if "output" in kinds:
        return "again"
    return "may_run" if kinds else "nothing"


def _outcome(
    step: Step,
    path: str,
    locked: str,
    fate: Fate,
    found: Found | None,
    causes: tuple[Cause, ...],
    phases: list[str],
) -> Outcome:
    """What an output will be: the same bytes from the same inputs, what an earlier run wrote, or what nobody knows yet."""
    if found:
        return Outcome(path, found.outs[path], found.outs[path] == locked, found.outs[path] != locked)
    if fate == "nothing" or (fate == "again" and locked and not any(cause.kind == "maybe" for cause in causes)):
        return Outcome(path, locked, is_same=True, is_sure=False)
    files = [cause.place for cause in causes if cause.kind in ("file", "input")]
    settings = [cause.place for cause in causes if cause.kind == "setting"]
    is_sure = not locked or is_surely_other(step.name, files, settings, phases)
    return Outcome(path, None, is_same=False, is_sure=is_sure)


def _kept(
    step: Step, causes: tuple[Cause, ...], digests: Mapping[str, str], tree: Tree, remote: Remote | None
) -> Found | None:
    """An earlier run with just these inputs: that of dvc.lock where only outputs are not here, else one that DVC remembers."""
    outs = {out.path: out.digest for out in step.outs}
    lost = [cause.place for cause in causes if cause.kind == "output"]
    is_locked = len(lost) == len(causes) and all(outs.values())
    if is_locked and all(map(tree.has_objects, outs.values())):
        return Found("cache", outs)
    key = key_of(step, digests, tree)
    if found := in_cache(step, key, tree):
        return found
    kept = {out.path for out in step.outs if out.cache is not None}
    if remote and is_locked and kept.issuperset(lost) and remote.holds([outs[path] for path in lost]):
        return Found("remote", outs)
    return remote.record(step, key) if remote and len(kept) == len(outs) else None


def _own(step: Step, locks: "_Locks", expected: Mapping[str, Expected]) -> Iterator[Cause]:
    """What a person changed: the command, a parameter, a file that no stage makes."""
    recipe = step.recipe
    assert recipe
    if recipe.always_runs:
        yield Cause("always")
    if not recipe.has_run:
        yield Cause("new")
        return
    if not recipe.is_command_same:
        yield Cause("command", was=locks.command(step.name), now=text_of(recipe.command))
    for file, found in recipe.changes():
        yield Cause("setting", found.path, found.stands_text, found.recomputed_text, file)
    for dep in step.deps:
        digest = expected[dep.path].digest
        if not expected[dep.path].through and digest != dep.digest:
            yield Cause("file", dep.path, was="there" if dep.digest else "", now="there" if digest else "")


def _inputs(step: Step, expected: Mapping[str, Expected]) -> Iterator[Cause]:
    """What earlier stages, or files that DVC keeps, bring."""
    assert step.recipe
    if not step.recipe.has_run:
        return
    for dep in step.deps:
        one = expected[dep.path]
        if one.through and one.digest != dep.digest:
            is_known = one.is_sure or one.digest is not None
            yield Cause("input" if is_known else "maybe", dep.path, was=dep.digest, now=one.digest or "")


def _outputs(step: Step, tree: Tree) -> Iterator[Cause]:
    """Outputs that are not what dvc.lock names, here or in the cache: DVC looks at both."""
    assert step.recipe
    if not step.recipe.has_run:
        return
    for out in step.outs:
        here = tree.digest(out.path, out.kind)
        if not out.digest:
            yield Cause("output", out.path, now="new")
        elif here != out.digest:
            yield Cause("output", out.path, now="edited" if here else "missing")
        elif out.cache is not None and not tree.has_objects(out.digest):
            yield Cause("output", out.path, now="uncached")


class _Locks:
    """What dvc.lock says of commands, which DVC's reader does not keep."""

    def __init__(self, project: Project) -> None:
        self._root, self._read = project.root, dict[Path, dict[str, Any]]()
        self.phases = _phases(project.root)

    def command(self, name: str) -> str:
        """The command with which a stage ran."""
        file, _, stage = name.rpartition(":")
        place = (self._root / (file or "dvc.yaml")).with_suffix(".lock")
        if place not in self._read:
            content = read_yaml(place) if place.is_file() else None
            stages = content.get("stages") if isinstance(content, dict) else None
            self._read[place] = stages if isinstance(stages, dict) else {}
        return text_of(self._read[place].get(stage, {}).get("cmd", ""))


def _phases(root: Path) -> list[str]:
    """`train.phases` of params.yaml, none where there is no such thing."""
    try:
        content = read_yaml(root / PARAMS_FILE)
    except Fault:
        return []
    train = content.get("train") if isinstance(content, dict) else None
    phases = train.get("phases") if isinstance(train, dict) else None
    return [str(phase) for phase in phases] if isinstance(phases, list) else []


def text_of(command: Any) -> str:
    """A command, or several of them, on one line."""
    return " && ".join(map(str, command)) if isinstance(command, list) else str(command)
