"""Make the tuned model of this commit the accepted one, which is the model in production once that is merged.

    WHY=<reason> [WHO=<name>] python -m pipeline.pull_request.promote

Writes `models/accepted.dvc` and `models/accepted.json`, the arm `accepted` in params.yaml where it is not there yet, the predictions
and the entry of `predict@accepted`, and the reports that follow from them. No model is asked, and no object of the model is copied.
Exits 1 with a line for each thing that speaks against it, and has then written nothing.
"""

import os
import shutil
import sys
from datetime import date
from pathlib import Path

from pipeline.desk import accepted
from pipeline.desk.accepted import FOLDER, POINTER, RECORD, Pointer, Record
from pipeline.desk.remotes.setting import default_remote
from pipeline.desk.reviewing.sitter import sitter
from pipeline.desk.run import ADAPTER, PREDICTIONS, REPORTS, dvc
from pipeline.desk.unchanged import LOCK, PIPELINE
from pipeline.model.adapter import BASE as BASE_NAME
from pipeline.model.base import load_base
from pipeline.pull_request.locking.check import look
from pipeline.pull_request.promoting import refusals
from pipeline.pull_request.promoting.arm import enter_arm
from pipeline.pull_request.promoting.history import head_of
from pipeline.pull_request.promoting.putting_back import all_or_nothing
from pipeline.pull_request.promoting.taking_over import check_prompt, take_over
from pipeline.pull_request.results import Results
from pipeline.pull_request.rules import Outcome
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import PARAMS_FILE, Fault, read_yaml

IGNORED = {FOLDER: FOLDER.parent / ".gitignore", PREDICTIONS / accepted.ARM: PREDICTIONS / ".gitignore"}


def main() -> None:
    try:
        reason = reason_of(os.environ.get("WHY", ""))
        person = sitter(os.environ.get("WHO", ""), "WHO", "make promote")
        outcomes, results, against = looked_at(Path(), date.today())
        if not against:
            record = promote(reason, person, outcomes, results)
    except Fault as fault:
        sys.exit(f"promote: {in_terminal(str(fault))}")
    if against:
        for line in against:
            print(f"promote: {line}", file=sys.stderr)
        sys.exit(f"promote: refused, {len(against)} line{'' if len(against) == 1 else 's'} above; nothing was written")
    print(f"promote: {FOLDER} is the model {record.model[:12]} that {record.revision[:12]} trained")
    print(
        f"promote: commit {POINTER}, {RECORD}, {PARAMS_FILE}, {LOCK}, {REPORTS} and the .gitignore files; make push; "
        "then open the pull request"
    )


def reason_of(why: str) -> str:
    """The reason, in one line. Raises Fault where none is given."""
    reason = in_terminal(" ".join(why.split()))
    if not reason:
        raise Fault("WHY", "is missing", 'write make promote WHY="<why this model is to be in production>"')
    return reason


def looked_at(root: Path, today: date) -> tuple[list[Outcome], Results, list[str]]:
    """What the gate says, what it read, and everything that speaks against a promotion. Warnings are said at once."""
    looked = look(root.resolve(), lambda line: print(f"promote: {line}", flush=True))
    params, results = refusals.read_reports(root)
    outcomes, red = refusals.not_passed(params, results, refusals.is_waiting(looked))
    warnings, over = refusals.not_for_long(root, today)
    if default_remote(root.resolve()) is None:
        print(
            "promote: no DVC remote is configured: this machine alone has the model; make remote URL=<where>, make push"
        )
    for line in warnings:
        print(f"promote: warning: {in_terminal(line)}")
    against = [
        *refusals.not_committed(root),
        *refusals.not_the_trained(root),
        *refusals.not_of_this_tree(looked),
        *refusals.not_whole(root.resolve()),
        *red,
        *refusals.not_pushed(looked),
        *over,
    ]
    return outcomes, results, against


def promote(why: str, who: str, outcomes: list[Outcome], results: Results) -> Record:
    """Write everything, or nothing. Raises Fault where the model is accepted already, or DVC fails."""
    stages = read_yaml(LOCK)["stages"]
    pointer = tuned_of(stages)
    now = accepted.accepted()
    if now and now[0].digest == pointer.digest:
        raise Fault(POINTER, f"names {pointer.digest[:12]} already, the tuned model of this commit", "change nothing")
    check_prompt(Path())
    base = load_base(ADAPTER / BASE_NAME)
    record = Record(
        revision=head_of(Path()),
        model=pointer.digest,
        data=next(str(out["md5"]) for out in stages["split"]["outs"] if out["path"] == "data/split"),
        base={"model": base.model, "revision": base.revision, "licence": base.licence},
        metrics={
            name: {"mean": one.mean, "low": one.low, "high": one.high, "n": one.n}
            for name, one in results.tuned.items()
        },
        gate=[{"status": one.status, "said": one.said} for one in outcomes],
        who=who,
        why=why,
        date=date.today().isoformat(),
        rolled_back_from=None,
    )
    files = [PARAMS_FILE, LOCK, POINTER, RECORD, *IGNORED.values(), *REPORTS.glob("*.json*")]
    with all_or_nothing(files, finally_do=put_outputs_back):
        enter_arm(PARAMS_FILE)
        for path, place in IGNORED.items():
            ignore(path, place)
        accepted.write(Path(), pointer, record)
        accepted.bring()
        take_over()
    return record


def put_outputs_back() -> None:
    """What DVC keeps, as dvc.lock names it again."""
    for folder in (PREDICTIONS / accepted.ARM, FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    dvc("checkout", "--quiet", "--force", str(PIPELINE), *([str(POINTER)] if POINTER.is_file() else []), quiet=True)


def tuned_of(stages: dict[str, dict[str, list[dict[str, object]]]]) -> Pointer:
    """What dvc.lock says of the tuned model: the same objects are the accepted one."""
    out = next((one for one in stages.get("train", {}).get("outs", []) if one["path"] == str(ADAPTER)), None)
    if out is None:
        raise Fault(LOCK, f"names no {ADAPTER}", "make run")
    return Pointer(str(out["md5"]), int(str(out["size"])), int(str(out["nfiles"])))


def ignore(path: Path, place: Path) -> None:
    """Let git leave to DVC what is DVC's."""
    lines = place.read_text(encoding="utf-8").splitlines() if place.is_file() else []
    if f"/{path.name}" not in lines:
        place.write_text("\n".join([*lines, f"/{path.name}"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
