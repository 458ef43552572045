"""What speaks against a promotion, a line each: place, fault, remedy."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pipeline.desk.accepted import ARM
from pipeline.desk.inputs import CASES, PROBES, TEST_SET
from pipeline.desk.run import ADAPTER, REPORTS, RUN_REPORT
from pipeline.evaluate import EvaluateParams
from pipeline.pull_request.gate import gate
from pipeline.pull_request.locking.check import Looked
from pipeline.pull_request.promoting.lifecycle import LifecycleParams, named, remarks
from pipeline.pull_request.results import Results, read_results
from pipeline.pull_request.revision import git
from pipeline.pull_request.rules import GateParams, Outcome
from pipeline.pull_request.verifying.contents import Contents
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.judging import findings_of
from pipeline.pull_request.verifying.locked import opened
from pipeline.stage import PARAMS_FILE, load_params, read_yaml

MATTERS = (  # what a tuned model is made of, and what says how good it is
    "data",
    "task",
    "models",
    "pipeline",
    "requirements",
    "launch",
    "reports",
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    f":(exclude){RUN_REPORT}",
)
SHOWN = 5  # lines of one kind
NEEDED = (str(ADAPTER), "data/split", "data/predictions", "data/classified")  # here, whole


def not_committed(root: Path) -> Iterator[str]:
    """What git does not have yet: the record names a commit, and that must be all of it."""
    listed = git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *MATTERS) or ""
    changed = [entry[3:] for entry in listed.split("\0") if entry[2:3] == " "]
    yield from _few([f"{path}: is not committed; commit it, or take it back" for path in changed])


def not_of_this_tree(looked: Looked) -> Iterator[str]:
    """Where dvc.lock is not of this code, these parameters and this data."""
    yield from _few([str(one) for one in looked.findings if one.kind == "stale"])


def not_pushed(looked: Looked) -> Iterator[str]:
    """Each object that the remote lacks, single files of folders too; and that it cannot be asked, where it cannot."""
    yield from _few([str(one) for one in looked.findings if one.kind == "missing"])


def is_waiting(looked: Looked) -> bool:
    """Whether the arm accepted has not been asked since its model changed: after a rollback, until the next run."""
    return any(one.kind == "pending" for one in looked.findings)


def not_whole(root: Path) -> Iterator[str]:
    """What dvc.lock names and is otherwise here, or not here though it is needed: predictions and reports are taken from the tree."""
    hashes = Hashes(_hashed)
    with tempfile.TemporaryDirectory(prefix="promote-") as folder, opened(root, Path(folder)) as project:
        found = [
            one for one in findings_of(Contents(project, hashes)) if one.kind != "stale"
        ]  # of that the lock check tells
    yield from _few([str(one) for one in found if one.kind != "absent" or one.place.startswith(NEEDED)])


def _hashed(read: int) -> None:
    print(f"promote: {read / 2**20:,.0f} MiB hashed", flush=True)


def not_passed(params: GateParams, results: Results, is_waiting: bool) -> tuple[list[Outcome], list[str]]:
    """The outcome of each rule, and the lines of those that stop. `is_waiting`: what the reports say of accepted is of another model."""
    outcomes = gate(params, results)
    lines = [f"gate: {one.said}; mend the model, or the rule" for one in outcomes if one.status in ("fail", "error")]
    if is_waiting and any(getattr(rule, "against", None) == ARM for rule in params.rules):
        lines.append(f"gate: a rule is against {ARM}, whose answers are of the model before a rollback; make run")
    return outcomes, lines


def read_reports(root: Path) -> tuple[GateParams, Results]:
    """What the gate reads. Raises Fault."""
    params = load_params(GateParams, root / PARAMS_FILE)
    targets = load_params(EvaluateParams, root / PARAMS_FILE).targets
    return params, read_results(root / REPORTS, targets, root / TEST_SET, root / PROBES, root / CASES)


def not_for_long(root: Path, today: date) -> tuple[list[str], list[str]]:
    """Warnings, and what is over, of the models that the tree names."""
    said = remarks(named(root), load_params(LifecycleParams, root / PARAMS_FILE), today)
    return [one.said for one in said if not one.is_over], [one.said for one in said if one.is_over]


def not_the_trained(root: Path) -> Iterator[str]:
    """Where the arm tuned is no model that production could be."""
    arms = (read_yaml(root / PARAMS_FILE) or {}).get("arms") or {}
    if arms.get("tuned", {}).get("model") != str(ADAPTER):
        yield f"{PARAMS_FILE}: arms.tuned.model: is not {ADAPTER}, which is what is promoted; restore it from git"


def _few(lines: list[str]) -> Iterator[str]:
    """The first lines, and how many more there are."""
    yield from (in_terminal(line) for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"... and {len(lines) - SHOWN} more of this kind"
