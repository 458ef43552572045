"""The main job: check the inputs, draw the test set where there is none yet, bring the pipeline up to date, show the result.

    python -m pipeline.desk.run

Exit 0 where the pipeline is up to date, whatever the result says. Where no file has changed since it was, DVC is not asked. A stage
that fails leaves the earlier outputs where they were: DVC has deleted them, they are put back.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.data.meter import asked
from pipeline.desk import unchanged
from pipeline.desk.machine import machine
from pipeline.desk.unchanged import LOCK, PIPELINE
from pipeline.stage import ENVIRONMENT, PARAMS_FILE, TIMES, Fault, read_yaml

REPORTS, PREDICTIONS = Path("reports"), Path("data/predictions")
ADAPTER = Path("models/adapter")
RUN_REPORT = REPORTS / "run.json"


def dvc(*arguments: str, quiet: bool = False, at: Path | None = None) -> int:
    """Run DVC with our environment, in the work tree or `at` another; returns its exit status."""
    bin_folder = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PATH": bin_folder + os.pathsep + os.environ.get("PATH", ""),
        "DVC_NO_ANALYTICS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env=environment,
        cwd=at,
        check=False,
        stdout=subprocess.DEVNULL if quiet else None,
    ).returncode


def repro(*targets: str) -> None:
    """`dvc repro`, with the earlier outputs put back where a stage fails. Raises Fault then."""
    with tempfile.TemporaryDirectory() as kept:
        earlier = Path(kept) / "reports"
        if REPORTS.is_dir():
            shutil.copytree(REPORTS, earlier)
        try:
            status, fault = dvc("repro", *targets), "a stage failed, its reason stands above"
        except KeyboardInterrupt:
            status, fault = 130, "was interrupted"
        if status == 0:
            return
        if LOCK.exists():
            dvc(
                "checkout", "--quiet", "--force", str(PIPELINE), quiet=True
            )  # what stages write, never what a person did
        for path in earlier.glob("*.json*"):
            if not (REPORTS / path.name).exists():  # a report that is there is of a stage that went well
                shutil.copyfile(path, REPORTS / path.name)
    raise Fault("dvc repro", fault, "mend it and run again; the earlier outputs are back")


def remember_reports() -> None:
    """Take the reports that git brought into DVC's run cache.

    DVC skips a stage whose reports are there already, as in a fresh clone, and then could not restore them later.
    """
    stages = read_yaml(PIPELINE)["stages"]
    dvc("commit", "--quiet", "--force", *(name for name, stage in stages.items() if not {"do", "outs"} & set(stage)))


def write_run_report(seconds: float) -> None:
    """Times and memory of the stages that ran, what asking each arm took, and the machine: never twice the same, so outside DVC."""
    fresh = {path.stem: json.loads(path.read_text()) for path in sorted(TIMES.glob("*.json"))}
    earlier = json.loads(RUN_REPORT.read_text()) if RUN_REPORT.exists() else {"stages": {}}
    report = {
        "machine": machine(),
        "stages": {**earlier["stages"], **fresh},
        "arms": asked(read_yaml(PARAMS_FILE)["arms"], earlier.get("arms", {})),
        "seconds": round(seconds, 1),
    }
    RUN_REPORT.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def forget_arms() -> None:
    """Answers of an arm that `params.yaml` no longer names are not to be compared; DVC leaves them where they are."""
    arms = read_yaml(PARAMS_FILE)["arms"]
    for folder in PREDICTIONS.iterdir() if PREDICTIONS.is_dir() else ():
        if folder.is_dir() and folder.name not in arms:
            print(f"run: {folder}: params.yaml names no such arm; its answers are deleted")
            shutil.rmtree(folder)


def forget_times() -> None:
    """Times of an earlier run are not of this one."""
    shutil.rmtree(TIMES, ignore_errors=True)


def bring_up_to_date() -> bool:
    """Check the inputs, and run what has to run; whether any stage did. Raises Fault."""
    from pipeline.desk import (  # these and the stages that check their parameters take a second to import
        accepted,
        test_set,
    )
    from pipeline.desk.inputs import check_inputs

    began = time.monotonic()
    unchanged.forget()
    check_inputs()
    accepted.bring()
    forget_times()
    forget_arms()
    test_set.draw_if_missing(repro)
    repro()
    if has_run := TIMES.is_dir():
        remember_reports()
        write_run_report(time.monotonic() - began)
    unchanged.remember()
    return has_run


def main() -> None:
    try:
        if unchanged.is_unchanged() or not bring_up_to_date():
            print("Everything is up to date.")
    except Fault as fault:
        sys.exit(f"run: {fault}")
    from pipeline.desk.result import show

    show(REPORTS, ADAPTER)


if __name__ == "__main__":
    main()
