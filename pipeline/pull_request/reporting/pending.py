"""Which stages have no result for what stands in the work tree: since an input changed, a report is gone, or an earlier stage has none.

The lock check decides (`locking/check.py`); here it is told stage by stage, with those that read from them.
"""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.locking.check import of_the_tree
from pipeline.pull_request.locking.findings import Finding
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
        reasons: dict[str, list[Finding]] = defaultdict(list)
        for one in of_the_tree(project, Hashes(lambda _: None)):
            reasons[one.stage].append(one)
        found = dict[str, Pending]()
        for step in project.steps:
            after = [name for name in found if _reads(step, name, project)]
            if step.name in reasons:
                found[step.name] = _told(step.name, reasons[step.name])
            elif after:
                why = f"reads from {', '.join(map(stage_code, after))}"
                found[step.name] = Pending(step.name, why, all(found[name].is_waiting for name in after))
        return list(found.values())


def _told(stage: str, reasons: list[Finding]) -> Pending:
    said = [code(f"{one.place}: {one.fault}", LONGEST) for one in reasons[:SHOWN]]
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return Pending(stage, "; ".join(said) + more, all(one.kind == "pending" for one in reasons))


def _reads(step: Step, name: str, project: Project) -> bool:
    other = next(one for one in project.steps if one.name == name)
    return any(overlap(dep.path, out.path) for dep in step.deps for out in other.outs)
