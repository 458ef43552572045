"""What changed between two runs, as their `dvc.lock` name it by digest, and how a change reached a metric."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pipeline.pull_request.comparing.lock import Lock
from pipeline.pull_request.reproducing.past import LOCKED, RUN_REPORT, read_object, recipe_of
from pipeline.pull_request.verifying.differences import NOTHING, Difference, differences
from pipeline.pull_request.verifying.locked import overlap
from pipeline.stage import PARAMS_FILE, read_yaml

Kind = Literal["data", "test set", "task", "base model", "parameters", "code", "environment", "chance"]
KINDS: tuple[Kind, ...] = ("data", "test set", "task", "base model", "parameters", "code", "environment", "chance")
PREDICT = "predict@"
PLACES: tuple[tuple[str, Kind], ...] = (
    ("requirements/", "environment"),
    ("pipeline/", "code"),
    ("launch/", "parameters"),
    ("task/test_set.txt", "test set"),
    ("task/replay", "data"),
    ("task/", "task"),
    ("models/", "base model"),
    ("data/", "data"),
)
CODE = re.compile(r"\.(py|sh)$")


@dataclass(frozen=True)
class Change:
    """An input that is not the same. `was` and `is_` are values of parameters; of a file only that it changed, came or went."""

    kind: Kind
    name: str
    was: str
    is_: str

    @property
    def effect(self) -> str:
        """Both values, '' where it is a file."""
        return f"{self.was} -> {self.is_}" if self.was or self.is_ else ""

    def __str__(self) -> str:
        return f"{self.name} {self.effect}".strip()


@dataclass(frozen=True)
class Cause:
    """A change with the stages that it went through, the last one first."""

    change: Change
    stages: tuple[str, ...]


class Ran:
    """A run as git keeps it below `root`: lock, pipeline, parameters, machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = Lock(root / LOCKED)
        self.params: dict[str, Any] = (read_yaml(root / PARAMS_FILE) or {}) if (root / PARAMS_FILE).is_file() else {}
        machine = read_object(root / RUN_REPORT).get("machine")
        self.machine: dict[str, Any] = machine if isinstance(machine, dict) else {}

    @cached_property
    def makers(self) -> dict[str, str]:
        """The stage of each output."""
        return {path: stage for stage in self.lock.stages for path in self.lock.outs(stage)}


@dataclass(frozen=True)
class Both:
    """Two runs, the earlier one first."""

    then: Ran
    now: Ran

    @property
    def stages(self) -> list[str]:
        """The stages of both, and of each."""
        return [*dict.fromkeys([*self.then.lock.stages, *self.now.lock.stages])]

    def maker(self, path: str) -> str | None:
        """The stage that writes a report."""
        return self.now.makers.get(path) or self.then.makers.get(path)

    def changes(self) -> list[Change]:
        """Every input of any stage that is not the same, once, by kind and name; the machine last."""
        found = {change: None for stage in self.stages for change in self.of_stage(stage)}
        ordered = sorted(found, key=lambda one: (KINDS.index(one.kind), one.name))
        return [*ordered, *self.machine()]

    def machine(self) -> list[Change]:
        """What is recorded of the machine on both sides and differs, but for the number of cores: threads are set."""
        both = {
            key: (self.then.machine[key], self.now.machine[key]) for key in self.then.machine if key in self.now.machine
        }
        return [
            Change("environment", f"machine: {key}", str(was), str(is_))
            for key, (was, is_) in sorted(both.items())
            if was != is_ and key != "cores"
        ]

    def of_stage(self, stage: str) -> list[Change]:
        """What changed of the inputs of one stage that no other stage writes."""
        locks = (self.then.lock, self.now.lock)
        if any(stage not in lock.stages for lock in locks):
            known = [*_arms(self.then, self.now)]
            word = "is new" if stage in self.now.lock.stages else "is gone"
            return known if stage.startswith(PREDICT) and known else [Change("code", f"stage {stage} {word}", "", "")]
        was, is_ = (lock.deps(stage) for lock in locks)
        paths = [path for path in {**was, **is_} if was.get(path) != is_.get(path) and not self._makers(path)]
        if self._deps_are_the_same(stage):  # what came or went is what a parameter names
            paths = [path for path in paths if path in was and path in is_]
        return [
            *(Change(kind_of(path), path + _fate(path, was, is_), "", "") for path in paths),
            *_settings(self.then.lock.settings(stage), self.now.lock.settings(stage)),
            *self._command(stage),
        ]

    def _deps_are_the_same(self, stage: str) -> bool:
        """Whether dvc.yaml lists the same, before values of parameters are put into it."""
        then, now = (recipe_of(ran.root, stage).get("deps") for ran in (self.then, self.now))
        return bool(then == now)

    def _command(self, stage: str) -> Iterator[Change]:
        if self.then.lock.command(stage) == self.now.lock.command(stage):
            return
        if recipe_of(self.then.root, stage).get("cmd") != recipe_of(self.now.root, stage).get("cmd"):
            yield Change("code", f"dvc.yaml: the command of {stage}", "", "")
        else:
            yield from _arms(self.then, self.now)

    def _makers(self, path: str) -> list[str]:
        """The stages whose outputs a path is, holds, or is a part of."""
        every = {**self.then.makers, **self.now.makers}
        return [*dict.fromkeys(stage for out, stage in every.items() if overlap(out, path))]

    def moved(self, stage: str) -> bool:
        """Whether a stage wrote something else."""
        return self.then.lock.outs(stage) != self.now.lock.outs(stage)

    def causes(self, stage: str, arm: str, through: tuple[str, ...] = ()) -> list[Cause]:
        """What made the outputs of a stage move, as far as they are about an arm; nothing of what moved nothing.

        A stage that wrote something else from the same inputs is named as chance.
        """
        chain = (*through, stage)
        found = [Cause(change, chain) for change in self.of_stage(stage)]
        was, is_ = self.then.lock.deps(stage), self.now.lock.deps(stage)
        paths = [path for path in {**was, **is_} if was.get(path) != is_.get(path)]
        if not found and not paths and self.moved(stage):
            return [Cause(Change("chance", f"{stage} wrote something else from the same inputs", "", ""), chain)]
        before = dict.fromkeys(maker for path in paths for maker in self._makers(path))
        for maker in before:
            if maker not in chain and self.moved(maker) and not _is_of_another(maker, arm):
                found += self.causes(maker, arm, chain)
        return [*dict.fromkeys(found)]

    def below(self, changes: set[Change]) -> list[str]:
        """The stages that these changes reach, whatever they write then."""
        reached = [stage for stage in self.stages if changes & set(self.of_stage(stage))]
        for stage in reached:
            outs = [out for out, maker in self.now.makers.items() if maker == stage]
            reached += [
                other
                for other in self.now.lock.stages
                if other not in reached and any(overlap(dep, out) for dep in self.now.lock.deps(other) for out in outs)
            ]
        return reached


def _is_of_another(stage: str, arm: str) -> bool:
    return stage.startswith(PREDICT) and stage != f"{PREDICT}{arm}"


def _fate(path: str, was: dict[str, str], is_: dict[str, str]) -> str:
    return "" if path in was and path in is_ else " (new)" if path in is_ else " (gone)"


def kind_of(path: str) -> Kind:
    """Of which kind an input is."""
    found = next((kind for start, kind in PLACES if path.startswith(start)), None)
    return found or ("code" if CODE.search(path) else "data")


def _settings(was: dict[str, Any], is_: dict[str, Any]) -> Iterator[Change]:
    for file in {**was, **is_}:
        for found in differences(was.get(file, {}), is_.get(file, {})):
            yield _parameter(found, "" if file == str(PARAMS_FILE) else f"{file}: ")


def _arms(then: Ran, now: Ran) -> Iterator[Change]:
    """How the arms changed, which dvc.yaml writes into commands."""
    for found in differences(then.params.get("arms", {}), now.params.get("arms", {}), "arms"):
        yield _parameter(found, "")


def _parameter(found: Difference, place: str) -> Change:
    texts = ("not there" if value is NOTHING else text for value, text in _sides(found))
    was, is_ = texts
    return Change("parameters", f"{place}{found.path}", was, is_)


def _sides(found: Difference) -> Iterator[tuple[Any, str]]:
    yield found.stands, found.stands_text
    yield found.recomputed, found.recomputed_text
