"""How DVC would make a stage's outputs: what its run cache knows a run by, now and when the stage last ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.pull_request.verifying.differences import Difference, differences

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Command, dependencies and parameters of a stage.

    `deps` and `outs` are paths as dvc.yaml writes them, by their path from the root. `settings` are values by file of parameters, and
    `settings_then` those of dvc.lock. `is_kept`: DVC's run cache remembers runs of it. `outside` are inputs that are no file of the
    project.
    """

    command: str | list[str]
    is_command_same: bool
    has_run: bool
    deps: Mapping[str, str]
    outs: Mapping[str, str]
    settings: Mapping[str, Values]
    settings_then: Mapping[str, Values]
    is_frozen: bool
    always_runs: bool
    is_kept: bool
    outside: tuple[str, ...]

    def changes(self, then: Mapping[str, Values] | None = None) -> list[tuple[str, Difference]]:
        """Parameters that differ from those of dvc.lock, or from others, with the file in which they stand."""
        before = self.settings_then if then is None else then
        return [
            (file, found)
            for file, now in self.settings.items()
            for found in differences(dict(before.get(file, {})), dict(now))
        ]


def recipe_of(stage: Any, settings: list[Any], deps: Mapping[str, Any], outs: Mapping[str, Any]) -> Recipe:
    """The recipe of DVC's `stage`. `settings` are its files of parameters, `deps` and `outs` the others by path from the root."""
    others = [dep for dep in stage.deps if dep not in settings]
    return Recipe(
        command=stage.cmd if isinstance(stage.cmd, str) else list(stage.cmd or []),
        is_command_same=not stage.cmd_changed,
        has_run=any(item.hash_info for item in (*stage.deps, *stage.outs)),
        deps={path: str(dep.def_path) for path, dep in deps.items()},
        outs={path: str(out.def_path) for path, out in outs.items()},
        settings={str(dep.def_path): dep.read_params() for dep in settings},
        settings_then={str(dep.def_path): dep.hash_info.value or {} for dep in settings},
        is_frozen=bool(stage.frozen),
        always_runs=bool(stage.is_callback or stage.always_changed),
        is_kept=_is_kept(stage, others),
        outside=tuple(sorted(str(dep.def_path) for dep in others if not dep.is_in_repo)),
    )


def _is_kept(stage: Any, others: list[Any]) -> bool:
    """As dvc/stage/cache.py has it."""
    if stage.is_callback or stage.always_changed or not stage.deps or not stage.outs:
        return False
    return all(dep.protocol == "local" and dep.def_path for dep in others) and all(
        out.protocol == "local" and out.def_path and not out.persist and out.is_in_repo for out in stage.outs
    )
