"""Run the cheap stages again, each in an empty folder outside the tree that holds copies of what dvc.yaml says it reads.

The command is that of dvc.yaml. Its inputs are those that dvc.lock names, from the workspace, the cache, or an earlier stage that
has just been recomputed; so where nothing was pulled, what follows from the sources in git is recomputed from them. Everything
is copied: a stage that writes where it should only read spoils a copy.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.desk.inputs import BASE
from pipeline.model.base import load_base
from pipeline.pull_request.verifying.contents import Contents, Files
from pipeline.pull_request.verifying.findings import Finding, wrong
from pipeline.pull_request.verifying.locked import Entry, Step
from pipeline.stage import ENVIRONMENT

WEIGHTS = ".safetensors"


@dataclass
class Rerun:
    """What became of the cheap stages: run again, left out with the reason, or failed."""

    done: list[Step] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def recompute(contents: Contents, scratch: Path) -> Rerun:
    """Run every cheap stage again, in the order in which they depend on each other; notes in `contents` what came out."""
    rerun = Rerun()
    for step in contents.project.steps:
        if not step.is_cheap:
            continue
        sources = {dep: contents.bytes_of(dep) for dep in step.deps}
        lacking = [dep.path for dep in step.deps if sources[dep] is None]
        if step.stale or lacking:
            rerun.left[step.name] = f"needs {', '.join(lacking)}" if lacking else "has changed since it ran"
            continue
        print(f"verify: running {step.name} again", flush=True)
        folder = scratch / f"stage-{len(rerun.done)}"
        lay_out(step, {dep: files for dep, files in sources.items() if files is not None}, contents, folder)
        fault = run_in(step, folder, scratch)
        if fault:
            rerun.left[step.name] = "failed"
            rerun.findings.append(wrong(step.name, f"could not be run again ({fault})", "mend it, then make run"))
            continue
        _note(step, contents, folder)
        rerun.done.append(step)
    return rerun


def lay_out(step: Step, sources: dict[Entry, Files], contents: Contents, folder: Path) -> None:
    """Copy what a stage reads: its dependencies, its parameters, and what code and base.json take for granted beside them."""
    root = contents.project.root
    for dep, files in sources.items():
        (folder / dep.path).parent.mkdir(parents=True, exist_ok=True)
        if "" not in files:
            (folder / dep.path).mkdir(exist_ok=True)
        for name, file in files.items():
            _copy(file, folder / dep.path / name if name else folder / dep.path)
    for name in step.settings:
        _copy(root / name, folder / name)
    for module in sorted(folder.rglob("*.py")):
        marker = module.relative_to(folder).parent / "__init__.py"
        if (root / marker).is_file():
            _copy(root / marker, folder / marker)
    if (folder / BASE).is_file():
        _lay_out_base(root, folder)
    (folder / step.folder).mkdir(parents=True, exist_ok=True)
    for out in step.outs:
        (folder / out.path).parent.mkdir(parents=True, exist_ok=True)


def _copy(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


def _lay_out_base(root: Path, folder: Path) -> None:
    """The files of a base that is a folder of the tree. Its weights are empty here: a stage that reads them is not cheap."""
    base = load_base(folder / BASE)
    if not base.is_folder or Path(base.model).is_absolute() or ".." in Path(base.model).parts:
        return
    for name in base.files:
        place = Path(base.model) / name
        if ".." in place.parts or not (root / place).is_file():
            continue
        _copy(Path(os.devnull) if name.endswith(WEIGHTS) else root / place, folder / place)


def run_in(step: Step, folder: Path, scratch: Path) -> str:
    """Run the commands of a stage as DVC does; returns the last line of what it said where it failed, else ''."""
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        **ENVIRONMENT,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    log = scratch / "log"
    for command in step.commands:
        with log.open("wb") as said:
            done = subprocess.run(  # noqa: S602  # the command of dvc.yaml, as make run runs it
                command,
                shell=True,
                cwd=folder / step.folder,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1] if lines else f"exit {done.returncode}"
    return ""


def _note(step: Step, contents: Contents, folder: Path) -> None:
    """What came out, beside what dvc.lock names; where it is the same, later stages may read it."""
    for out in step.outs:
        held = contents.held.get(out.path)
        if held is None:
            continue
        held.has_run = True
        files = contents.files(out.path, folder)
        if files is not None:
            held.again, held.again_there = files, contents.listing(files, out.kind)
            if held.is_recomputed:
                held.wanted, held.good = held.wanted or held.again_there, held.good or held.again
