"""A past run as its commit describes it: which stages can be run again, which are only restored, and which have gone stale."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import LOCK, Entry, Project, Step, overlap
from pipeline.stage import PARAMS_FILE, Fault, read_yaml

PIPELINE, LOCKED, RUN_REPORT = Path("dvc.yaml"), Path(LOCK), Path("reports/run.json")
HOSTED = "hosted.json"  # in the folder of a phase that a service trained


@dataclass
class Past:
    """The run of a commit, laid out below `project.root`, and what became of it.

    `restored` are names of steps whose outputs are there as `dvc.lock` names them, `again` of those that ran again, `left` why a step
    could be neither.
    """

    project: Project
    hashes: Hashes
    restored: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Where the files of the commit are."""
        return self.project.root

    @property
    def stages(self) -> list[Step]:
        """Steps that have a command; the others are files that DVC keeps."""
        return [step for step in self.project.steps if step.commands]

    def digest(self, entry: Entry) -> str:
        """The digest of what stands there now, '' where there is nothing."""
        return self.project.digest(entry, self.hashes)

    def is_there(self, step: Step) -> bool:
        """Whether every output that DVC keeps is there as it is named."""
        return all(self.digest(out) == out.digest for out in step.outs if out.cache is not None)

    def makers(self, path: str) -> list[Step]:
        """The steps that write a path, a folder that holds it, or something in it."""
        return [step for step in self.project.steps if any(overlap(path, out.path) for out in step.outs)]

    def stale(self) -> dict[str, list[str]]:
        """By stage, what of its recipe changed after it ran: the commit itself was not run as it stands."""
        found = {step.name: [*map(str, step.stale), *self._changed(step)] for step in self.stages}
        return {name: words for name, words in found.items() if words}

    def _changed(self, step: Step) -> Iterator[str]:
        outs = [out for other in self.project.steps for out in other.outs]
        for dep in step.deps:
            made = next((out for other in self.project.steps for out in other.outs if out.path == dep.path), None)
            if made is not None and made.digest != dep.digest:
                yield f"{dep.path}: dvc.lock names another content than {step.name} has read"
            elif dep.digest and not any(overlap(dep.path, out.path) for out in outs) and self.digest(dep) != dep.digest:
                yield f"{dep.path}: is not what {step.name} has read"

    def paid(self) -> dict[str, str]:
        """Stages that would ask a service, with what that may cost: they are restored, never run."""
        train, predict = (section(self.root, name) for name in ("train", "predict"))
        found: dict[str, str] = {}
        for step in self.stages:
            stage = step.name.partition("@")[0]
            if stage == "train" and "api" in (train.get("phases") or []):
                cap = (train.get("api") or {}).get("max_cost")
                found[step.name] = f"a service trained it, for up to {cap} US dollars"
            if stage == "predict" and any(self._is_hosted(dep, found) for dep in step.deps):
                found[step.name] = f"a service answers, for up to {predict.get('max_cost')} US dollars"
        return found

    def _is_hosted(self, dep: Entry, paid: dict[str, str]) -> bool:
        place = self.root / dep.path
        if any(maker.name in paid for maker in self.makers(dep.path)):
            return True
        if place.is_dir():
            return any(place.glob(f"*/{HOSTED}"))
        if place.suffix != ".json" or not place.is_file():
            return False
        try:
            value = json.loads(place.read_bytes())
        except ValueError:
            return False
        return isinstance(value, dict) and "base_url" in value

    def secrets(self) -> frozenset[str]:
        """Names of the environment's variables that hold keys of services."""
        return frozenset(_named(read_yaml(self.root / PARAMS_FILE), "api_key_env"))

    def hub_base(self) -> str:
        """The base by its id on the hub, '' where it stands in the commit."""
        try:
            base = json.loads((self.root / "models/base.json").read_bytes())
        except (OSError, ValueError):
            return ""
        has_revision = isinstance(base, dict) and base.get("revision")
        return f"{base.get('model')} at {base['revision']}" if has_revision else ""

    def run_report(self) -> dict[str, Any]:
        """`reports/run.json` as far as it is one."""
        return read_object(self.root / RUN_REPORT)

    def seconds(self, names: list[str]) -> dict[str, float]:
        """What each of these stages took then, as far as it is recorded."""
        took = seconds_in(self.run_report())
        return {name: took[name] for name in names if name in took}


def seconds_in(run_report: dict[str, Any]) -> dict[str, float]:
    """What each stage took, in a `reports/run.json`."""
    stages = run_report.get("stages")
    return {
        str(name): float(one["seconds"])
        for name, one in (stages.items() if isinstance(stages, dict) else ())
        if isinstance(one, dict) and isinstance(one.get("seconds"), int | float)
    }


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def section(root: Path, name: str) -> dict[str, Any]:
    """A section of the parameters as it stands, empty where there is none."""
    content = read_yaml(root / PARAMS_FILE) if (root / PARAMS_FILE).is_file() else None
    found = content.get(name) if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def metrics_of(root: Path) -> list[str]:
    """The files that dvc.yaml declares as metrics of a stage."""
    listed = [one for stage in _stages(root).values() for one in stage.get("metrics") or []]
    return [name for one in listed for name in ([one] if isinstance(one, str) else one)]


def recipe_of(root: Path, name: str) -> dict[str, Any]:
    """A stage as dvc.yaml has it, before values are put into it; empty where it has none of that name."""
    return _stages(root).get(name.partition("@")[0], {})


def _stages(root: Path) -> dict[str, dict[str, Any]]:
    content = read_yaml(root / PIPELINE) if (root / PIPELINE).is_file() else None
    stages = content.get("stages") if isinstance(content, dict) else None
    return {
        name: stage.get("do", stage)
        for name, stage in (stages.items() if isinstance(stages, dict) else ())
        if isinstance(stage, dict)
    }


def check_run(tree: Path, name: str) -> None:
    """Raises Fault where the commit has no pipeline, or nobody has run it."""
    for path in (PIPELINE, LOCKED):
        if not (tree / path).is_file():
            what = "has no pipeline" if path == PIPELINE else "has no dvc.lock: nobody has run it"
            raise Fault(f"REV={name}", what, "name a commit that was run: git log -- dvc.lock")


def _named(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(key), str) and value[key]:
            yield value[key]
        for part in value.values():
            yield from _named(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _named(part, key)
