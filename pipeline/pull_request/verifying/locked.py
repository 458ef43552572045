"""What dvc.yaml, dvc.lock and the .dvc files say, read by DVC's own reader: each step, what it reads and writes, by digest."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline.pull_request.verifying.differences import differences
from pipeline.pull_request.verifying.findings import Finding, stale
from pipeline.pull_request.verifying.hashes import Hashes, folder_digest
from pipeline.pull_request.verifying.recipes import Recipe, recipe_of
from pipeline.stage import Fault, read_yaml

DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")
FOLDER = ".dir"
LOCK = "dvc.lock"
NOTES = "DVC_SITE_CACHE_DIR"


@dataclass(frozen=True)
class Entry:
    """A file or folder that DVC names: `path` from the root, `digest` as DVC writes it ('' where it has none).

    `kind` is DVC's name of the digest: md5, or md5-dos2unix of DVC 2. `cache` is the folder of its objects, None where the file
    stands in git. `size` is bytes, `files` their number in a folder, None where they are not said. `remote` is the name of the
    remote that has its objects, '' for the default one, None where none has them.
    """

    path: str
    digest: str
    kind: str
    size: int | None
    files: int | None
    cache: Path | None
    remote: str | None = None

    def object(self, digest: str) -> Path:
        """Where the cache has the object of that digest."""
        assert self.cache is not None
        return self.cache / digest[:2] / digest[2:]


@dataclass(frozen=True)
class Step:
    """A stage of dvc.yaml, or a .dvc file, which has no command and no recipe. `settings` are its files of parameters."""

    name: str
    folder: str
    commands: tuple[str, ...]
    deps: tuple[Entry, ...]
    outs: tuple[Entry, ...]
    settings: tuple[str, ...]
    stale: tuple[Finding, ...]
    recipe: Recipe | None = None

    @property
    def is_cheap(self) -> bool:
        """Whether it can be run again: what costs a GPU or money has cached outputs only (docs/design.md)."""
        return bool(self.commands) and any(out.cache is None for out in self.outs)


@dataclass(frozen=True)
class Project:
    """All steps, each after those that it reads from.

    `strangers` are stages that dvc.lock alone knows. `walk` gives the files below a folder of the project that DVC does not ignore,
    `is_ignored` says of a path from the root whether DVC ignores it.
    """

    root: Path
    steps: tuple[Step, ...]
    strangers: tuple[str, ...]
    remotes: tuple[str, ...]
    walk: Callable[[Path], Iterator[Path]]
    is_ignored: Callable[[Path], bool]

    def digest(self, entry: Entry, hashes: Hashes) -> str:
        """The digest of what stands there now, '' where there is nothing."""
        place = self.root / entry.path
        if not place.is_dir():
            return hashes.file(place, entry.kind)
        files = self.walk(place)
        return folder_digest({file.relative_to(place).as_posix(): hashes.file(file, entry.kind) for file in files})


@contextmanager
def opened(root: Path, scratch: Path) -> Iterator[Project]:
    """The project below `root`; what DVC notes for itself goes below `scratch`. Raises Fault where DVC cannot read it."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with noting_in(scratch / "dvc"):
        try:
            repo = Repo(str(root))
            try:
                project = _project(root, repo)
            finally:
                repo.close()
        except (DvcException, OSError) as error:
            words = " ".join(str(error).split())[:300]
            raise Fault("dvc.yaml, dvc.lock", f"cannot be read ({words})", "mend it, or restore it from git") from None
        yield project


@contextmanager
def noting_in(folder: Path) -> Iterator[None]:
    """Let DVC keep its notes of this repository in a folder of ours, and not in those of the machine."""
    before = os.environ.get(NOTES)
    os.environ[NOTES] = str(folder)
    try:
        yield
    finally:
        del os.environ[NOTES]
        if before is not None:
            os.environ[NOTES] = before


def _project(root: Path, repo: Any) -> Project:
    lock = root / LOCK
    held = (read_yaml(lock) or {}).get("stages") or {} if lock.exists() else {}
    stages = {_name(stage, root): stage for stage in repo.index.stages}

    def walk(folder: Path) -> Iterator[Path]:
        return (Path(name) for name in repo.dvcignore.find(repo.fs, str(folder)))

    def is_ignored(path: Path) -> bool:
        folders = (root / one for one in path.parents)
        return repo.dvcignore.is_ignored_file(str(root / path)) or any(
            repo.dvcignore.is_ignored_dir(str(one)) for one in folders
        )

    return Project(
        root=root,
        steps=_ordered([_step(name, stages[name], root) for name in sorted(stages)]),
        strangers=tuple(sorted(held.keys() - stages.keys())),
        remotes=tuple(sorted(repo.config["remote"])),
        walk=walk,
        is_ignored=is_ignored,
    )


def _name(stage: Any, root: Path) -> str:
    """How DVC's commands call it at the root: a stage by its name, a .dvc file by its path."""
    file = _relative(stage.path, root)
    name = str(getattr(stage, "name", None) or "")
    if not name:
        return file
    return name if file == "dvc.yaml" else f"{file}:{name}"


def _ordered(steps: list[Step]) -> tuple[Step, ...]:
    """Each step after those whose outputs it reads."""
    by_name = {step.name: step for step in steps}
    before = {
        step.name: [
            other.name
            for other in steps
            if other is not step and any(overlap(dep.path, out.path) for dep in step.deps for out in other.outs)
        ]
        for step in steps
    }
    return tuple(by_name[name] for name in TopologicalSorter(before).static_order())


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one holds the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _step(name: str, stage: Any, root: Path) -> Step:
    from dvc.dependency import ParamsDependency

    settings = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    commands = [stage.cmd] if isinstance(stage.cmd, str) else list(stage.cmd or [])
    deps = [dep for dep in stage.deps if commands and dep not in settings and dep.is_in_repo]
    outs = [out for out in stage.outs if out.is_in_repo]
    by_path = [{_relative(item.fs_path, root): item for item in items} for items in (deps, outs)]
    return Step(
        name=name,
        folder=_relative(stage.wdir, root),
        commands=tuple(commands),
        deps=tuple(_entry(dep, root, is_out=False) for dep in deps),
        outs=tuple(_entry(out, root, is_out=True) for out in outs),
        settings=tuple(sorted({_relative(dep.fs_path, root) for dep in settings})),
        stale=tuple(_stale(name, stage, settings, root)) if commands else (),
        recipe=recipe_of(stage, settings, *by_path) if commands else None,
    )


def _relative(path: Any, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _entry(item: Any, root: Path, is_out: bool) -> Entry:
    path, digest = _relative(item.fs_path, root), str(item.hash_info.value or "")
    if digest and not DIGEST.fullmatch(digest):
        raise Fault(LOCK, f"names {digest[:60]!r} as the digest of {path}", "restore it from git, or run make run")
    return Entry(
        path=path,
        digest=digest,
        kind=str(item.hash_name),
        size=item.meta.size,
        files=item.meta.nfiles,
        cache=Path(item.cache.path) if is_out and item.use_cache else None,
        remote=_remote(item) if is_out else None,
    )


def _remote(item: Any) -> str | None:
    is_pushed = item.use_cache and item.can_push and not item.stage.is_repo_import
    return str(item.remote or "") if is_pushed else None


def _stale(name: str, stage: Any, settings: list[Any], root: Path) -> Iterator[Finding]:
    """Why what stands was made by another recipe than today's."""
    if not any(item.hash_info for item in (*stage.deps, *stage.outs)):
        yield stale(LOCK, f"has no entry for {name}")
        return
    if stage.cmd_changed:
        yield stale(_relative(stage.path, root), f"the command of {name} has changed since it ran")
    for dep in settings:
        now, then = dep.read_params(), dep.hash_info.value or {}
        changed = [key for key in dep.params or then if key not in now or key not in then or now[key] != then[key]]
        was, is_ = ({key: values[key] for key in changed if key in values} for values in (then, now))
        for found in differences(was, is_):
            place = f"{_relative(dep.fs_path, root)}: {found.path}"
            yield stale(place, f"is {found.recomputed_text} and was {found.stands_text} when {name} ran")


def stages_at(commit: str, root: Path) -> dict[str, dict[str, Any]] | None:
    """The stages of the dvc.lock at the root of a commit, by name; None where it has none that can be read."""
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    done = subprocess.run(["git", "show", f"{commit}:./{LOCK}"], cwd=root, capture_output=True, check=False)
    try:  # DVC's own reader: 2e-05 is a number to it
        content = parse_yaml(done.stdout.decode("utf-8", "replace"), LOCK) if done.returncode == 0 else None
    except (YAMLFileCorruptedError, ValueError, RecursionError):
        return None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict):
        return None
    return {str(name): stage for name, stage in stages.items() if isinstance(stage, dict)}
