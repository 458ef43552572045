"""Which stages have no result for what stands in the work tree: since an input changed, a report is gone, or an earlier stage has none."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.locking.comparing import ACCEPTED
from pipeline.pull_request.reporting.scene import stage_code
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import Project, Step, opened, overlap

SHOWN = 3  # reasons of a stage


@dataclass(frozen=True)
class Pending:
    """A stage without a result, and why in Markdown. `is_waiting`: it is only that the accepted model has not answered anew."""

    stage: str
    why: str
    is_waiting: bool = False


def pending(root: Path) -> list[Pending]:
    """In the order of the pipeline. Files that DVC keeps and that are not here are no reason. Raises Fault where DVC reads nothing."""
    with tempfile.TemporaryDirectory(prefix="report-") as folder, opened(root, Path(folder)) as project:
        hashes, found = Hashes(lambda _: None), dict[str, Pending]()
        for step in project.steps:
            if not step.commands:
                continue
            reasons = [*_changed(step, project, hashes), *_gone(step, root)]
            after = [name for name in found if _reads(step, name, project)]
            if reasons:
                more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
                found[step.name] = Pending(step.name, "; ".join(reasons[:SHOWN]) + more, step.name == ACCEPTED)
            elif after:
                why = f"reads from {', '.join(map(stage_code, after))}"
                found[step.name] = Pending(step.name, why, all(found[name].is_waiting for name in after))
        return list(found.values())


def _reads(step: Step, name: str, project: Project) -> bool:
    other = next(one for one in project.steps if one.name == name)
    return any(overlap(dep.path, out.path) for dep in step.deps for out in other.outs)


def _changed(step: Step, project: Project, hashes: Hashes) -> Iterator[str]:
    yield from (code(f"{found.place}: {found.fault}", LONGEST) for found in step.stale)
    if step.stale and not any(dep.digest for dep in step.deps):
        return  # it never ran
    made = {out.path: out for one in project.steps for out in one.outs}
    for dep in step.deps:
        if not dep.digest:
            yield f"{code(dep.path, LONGEST)} was added to what it reads"
        elif dep.path in made:
            if made[dep.path].digest not in ("", dep.digest):
                yield f"{code(dep.path, LONGEST)} was made anew since it ran"
        elif not any(overlap(dep.path, path) for path in made):
            now = project.digest(dep, hashes)
            if now != dep.digest:
                yield f"{code(dep.path, LONGEST)} {'changed' if now else 'is gone'} since it ran"


def _gone(step: Step, root: Path) -> Iterator[str]:
    """Outputs that git should hold."""
    for out in step.outs:
        if out.cache is None and not (root / out.path).exists():
            yield f"{code(out.path, LONGEST)} is missing"
