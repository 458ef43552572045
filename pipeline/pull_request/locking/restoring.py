"""Bring a merged lock to life: pull what was taken, restore from the run cache, run again what is cheap, and name what is not."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.desk.run import dvc
from pipeline.pull_request.locking.choosing import Candidates, Choice, Listings, take
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import LOCK, Step, opened, overlap
from pipeline.stage import read_yaml

Tell = Callable[[str], None]


@dataclass
class Restored:
    """Stages that fitted neither side at first: restored from a side or the run cache, run again since cheap, or to be run, with why."""

    restored: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    must: dict[str, str] = field(default_factory=dict)


def write_lock(root: Path, choice: Choice, steps: tuple[Step, ...]) -> None:
    """Write dvc.lock as DVC does, so that its next change is a small one."""
    from dvc.utils.serialize import dump_yaml

    stages = {step.name: choice.entries[step.name] for step in steps if step.name in choice.entries}
    dump_yaml(str(root / LOCK), {"schema": "2.0", "stages": stages})


def restore(
    root: Path, candidates: Candidates, choice: Choice, listing: Listings, has_remote: bool, tell: Tell
) -> Restored:
    """Go through the stages that were left out, in their order. Nothing that costs a GPU or money runs."""
    done, hashes = Restored(), Hashes(lambda _: None)
    for step in candidates[0].project.steps:
        if not step.commands or step.name in choice.taken:
            continue
        late = [name for name in done.must if any(_reads(step, out.path) for out in candidates[0].steps[name].outs)]
        gone = [dep.path for dep in step.deps if not (root / dep.path).exists()]
        if late or gone:
            done.must[step.name] = (
                f"reads what {', '.join(late)} writes" if late else f"reads {', '.join(gone)}, which is not here"
            )
        elif take(step.name, candidates, choice, hashes, listing):
            write_lock(root, choice, candidates[0].project.steps)  # an input came out as one side had it
            dvc("checkout", "--quiet", step.name, quiet=True)
            done.restored.append(step.name)
        elif from_run_cache(root, step.name, has_remote):
            done.restored.append(step.name)
            _note(root, step, choice)
        elif step.is_cheap and not _run(step, tell):
            done.again.append(step.name)
            _note(root, step, choice)
        else:
            done.must[step.name] = (
                "failed" if step.is_cheap else "has inputs that it never ran with, and may cost a GPU or money"
            )
    return done


def _reads(step: Step, path: str) -> bool:
    return any(overlap(dep.path, path) for dep in step.deps)


def _run(step: Step, tell: Tell) -> int:
    tell(f"running {step.name}, which is cheap")
    return dvc("repro", "--single-item", step.name)


def _note(root: Path, step: Step, choice: Choice) -> None:
    """What DVC wrote into dvc.lock for a stage."""
    choice.entries[step.name] = read_yaml(root / LOCK)["stages"][step.name]
    with tempfile.TemporaryDirectory() as folder, opened(root, Path(folder)) as project:
        choice.outs |= {out.path: out for one in project.steps if one.name == step.name for out in one.outs}


def from_run_cache(root: Path, name: str, has_remote: bool) -> bool:
    """Restore a stage that ran with these inputs before, wherever that was; never runs it."""
    from dvc.stage.cache import RunCacheNotFoundError

    with _repo(root) as repo, repo.lock:
        stage = next(one for one in repo.index.stages if one.addressing == name)
        try:
            repo.stage_cache.restore(stage, pull=has_remote)
        except RunCacheNotFoundError:
            return False
        stage.save(run_cache=False)
        stage.dump(update_pipeline=False)
    return True


@contextmanager
def _repo(root: Path) -> Iterator[Any]:
    from dvc.repo import Repo

    repo = Repo(str(root))
    try:
        yield repo
    finally:
        repo.close()
