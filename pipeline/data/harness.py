"""Tasks of lm-evaluation-harness that stand in a folder of the repository: which there are, and whether they can run offline.

A task is a YAML file in the harness's own words, with its documents in files of the same folder. Such a YAML is code: `!function`
names Python that is run, and its templates are evaluated. So it is reviewed as code is; what is checked here is that nothing
stands elsewhere, where DVC would not see it change.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stage import Fault, UniqueKeys

KNOBS = "params.yaml: predict.harness"
LOCAL = ("json", "csv", "parquet", "text")
Config = dict[str, Any]


class HarnessParams(BaseModel):
    """Knobs of `predict.harness`: tasks, groups or tags by name, at most `limit` documents of each task, `chat`: as a user's turn."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    tasks: list[str]
    limit: Annotated[int, Field(ge=1)] | None
    chat: bool


class Yaml(UniqueKeys):
    """Reads `!function a.b` as the text a.b."""


Yaml.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def check_tasks(names: list[str], folder: Path) -> None:
    """Raises Fault where the harness is not installed, a name is not known, or a task needs what is not in the folder."""
    if not names:
        return
    if find_spec("lm_eval") is None:
        raise Fault(f"{KNOBS}.tasks", "needs lm-evaluation-harness", "install it with make setup-harness")
    configs = dict(_configs(folder))
    known = {name for config in configs.values() for name in _names(config)}
    for at, name in enumerate(names):
        if name not in known:
            there = ", ".join(sorted(known)) or "none yet"
            raise Fault(f"{KNOBS}.tasks", f"{folder} has no task {name}", f"take one that is there: {there}")
        if name in names[:at]:
            raise Fault(f"{KNOBS}.tasks", f"{name} stands twice", "take one out")
    for path, config in configs.items():
        if next(_names(config), None):
            for one in (config, *_inline(config)):
                _check_offline(one, path, folder)


def _configs(folder: Path) -> Iterator[tuple[Path, Config]]:
    for path in sorted(folder.rglob("*.yaml")):
        yield path, _read(path, folder, ())


def _read(path: Path, folder: Path, seen: tuple[Path, ...]) -> Config:
    """A YAML with what it includes; its own keys win."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml)  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else path
        raise Fault(place, f"is not YAML ({getattr(error, 'problem', error)})", "mend the line") from None
    if not isinstance(found, dict):
        raise Fault(path, "is no task", "write a mapping, as lm-evaluation-harness reads it")
    included: Config = {}
    for name in _listed(found.get("include")):
        other = path.parent / str(name)
        if other in (path, *seen):
            raise Fault(path, f"includes {name}, which includes it", "take one of them out")
        if not _is_inside(other, folder) or not other.is_file():
            raise Fault(path, f"includes {name}, which is not in {folder}", "copy it there")
        included |= _read(other, folder, (path, *seen))
    return included | found


def _names(config: Config) -> Iterator[str]:
    """What a YAML can be called by: its group, or its task and the tags of it."""
    if "group" in config:
        yield str(config["group"])
    elif isinstance(config.get("task"), str):
        yield config["task"]
        yield from map(str, _listed(config.get("tag")))


def _inline(config: Config) -> Iterator[Config]:
    """Tasks that a group defines within itself."""
    for one in _listed(config.get("task")):
        if isinstance(one, dict) and "dataset_path" in one:
            yield one


def _check_offline(config: Config, path: Path, folder: Path) -> None:
    if config.get("unsafe_code"):
        raise Fault(path, "runs what the model writes as code", "take the task out")
    source = config.get("dataset_path")
    if source is None:  # a group, or a task whose own code makes its documents
        return
    remedy = "save it beside the YAML, with dataset_path: json and dataset_kwargs: {data_files: {test: <name>.jsonl}}"
    if source not in LOCAL:
        raise Fault(path, f"takes the data set {source} from the network", remedy)
    given = (config.get("dataset_kwargs") or {}).get("data_files")
    files = [one for value in (given.values() if isinstance(given, dict) else [given]) for one in _listed(value)]
    if not files:
        raise Fault(path, "names no file of documents", remedy)
    for name in map(str, files):
        if "://" in name:
            raise Fault(path, f"takes {name} from the network", remedy)
        if not _is_inside(folder / name, folder):
            raise Fault(path, f"reads {name}, which is not in {folder}", "copy it there, and write the path from there")
        if not (folder / name).is_file():
            raise Fault(path, f"{folder / name}: no such file", f"data_files are paths from {folder}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether it is below the folder, links followed."""
    return path.resolve().is_relative_to(folder.resolve())
