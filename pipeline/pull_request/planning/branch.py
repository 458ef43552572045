"""What a branch changed of the inputs, set beside those of the last run that the base's dvc.lock has."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from pipeline.pull_request.planning.expected import Tree
from pipeline.pull_request.planning.walking import text_of
from pipeline.pull_request.revision import Revision
from pipeline.pull_request.verifying.locked import Step, stages_at

Change = tuple[str, str, str, str]  # what it is (setting, file, command, stage), where, what it was, what it is


@dataclass
class Brought:
    """Changes of inputs with the stages that read them, and stages whose outputs dvc.lock has other than the base's."""

    base: Revision
    trouble: str = ""
    changes: dict[Change, list[str]] = field(default_factory=dict)
    reran: list[str] = field(default_factory=list)


def brought(base: Revision, tree: Tree) -> Brought:
    """The work tree beside a revision."""
    held = stages_at(base.commit, tree.project.root) if base.commit else None
    if held is None:
        return Brought(base, "has no dvc.lock that can be read: the pipeline never ran there, and all is new")
    changes: dict[Change, list[str]] = defaultdict(list)
    reran = []
    names = {step.name for step in tree.project.steps if step.recipe}
    for step in tree.project.steps:
        then = held.get(step.name)
        if step.recipe and then is None:
            changes["stage", step.name, "", "new"].append(step.name)
        elif step.recipe and then is not None:
            for change in _changes(step, then, tree):
                changes[change].append(step.name)
            outs = _digests(then.get("outs"))
            if any(out.digest and outs.get(step.recipe.outs[out.path]) != out.digest for out in step.outs):
                reran.append(step.name)
    for gone in sorted(held.keys() - names):
        changes["stage", gone, "there", ""].append(gone)
    return Brought(base, "", dict(changes), reran)


def _changes(step: Step, then: dict[str, Any], tree: Tree) -> list[Change]:
    recipe = step.recipe
    assert recipe
    found: list[Change] = []
    if then.get("cmd") != recipe.command:
        found.append(("command", step.name, text_of(then.get("cmd", "")), text_of(recipe.command)))
    params = then.get("params")
    settings = {
        str(file): values
        for file, values in (params if isinstance(params, dict) else {}).items()
        if isinstance(values, dict)
    }
    for file, one in recipe.changes(settings):
        found.append(("setting", f"{file}: {one.path}", one.stands_text, one.recomputed_text))
    before = _digests(then.get("deps"))
    for dep in step.deps:
        expected = tree.expected(dep)
        was = before.get(recipe.deps[dep.path], "")
        if not expected.through and was != expected.digest:
            found.append(("file", dep.path, "there" if was else "", "there" if expected.digest else ""))
    return found


def _digests(entries: Any) -> dict[str, str]:
    """By path as the lock writes it."""
    rows = entries if isinstance(entries, list) else []
    return {str(row.get("path")): str(row.get("md5", "")) for row in rows if isinstance(row, dict)}
