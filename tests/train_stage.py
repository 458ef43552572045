"""The stage `train` alone, as `dvc.yaml` has it, in a project of seconds: the real DVC runs it, and may be killed while it does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from pipeline.data.records import Record, write_records
from pipeline.model.base import sha256
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import ENVIRONMENT
from tests.lessons import SCHEMA, files_of, write_replay
from tests.project import ROOT, git

OUT, RUNS = Path("models/adapter"), Path(".cache/training")
LONGEST_S = 300
COPIED = ("pipeline", "requirements", "launch", ".dvc/config", ".dvcignore", ".gitignore")


def stage_project(folder: Path, base: Path, recipe: TrainParams, records: Sequence[Record]) -> Path:
    """A DVC project with one stage: that of the repository, with its own code, data of a few rows and a random model."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name, **({"ignore": _compiled} if copy is shutil.copytree else {}))
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["train"]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    values = {"train": recipe.model_dump(), "arms": {"tuned": {"model": str(OUT), "prompt": "plain"}}}
    values["train"]["start"] = "models/base.json"
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    for place in ("data/split/few_shot", "task/prompts", "models"):
        (folder / place).mkdir(parents=True)
    write_records(folder / "data/split/train.jsonl", records)
    write_records(folder / "data/split/validation.jsonl", records[:4])
    write_records(folder / "data/split/few_shot/plain.jsonl", [])
    (folder / "task/prompts/plain.yaml").write_text("system: Answer.\nfew_shot: []\n")
    (folder / "task/answer.schema.json").write_text(json.dumps(SCHEMA))
    write_replay(folder / "task/replay")
    shutil.copytree(base, folder / "models/random")
    files = {path.name: sha256(path) for path in sorted(base.iterdir())}
    pinned = {"model": "models/random", "revision": "", "licence": "x", "files": files}
    (folder / "models/base.json").write_text(json.dumps(pinned))
    git(folder, "init", "-q")
    return folder


def _compiled(_place: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}


def begin(folder: Path) -> "subprocess.Popen[str]":
    """`dvc repro train`, in a process group of its own."""
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "DVC_NO_ANALYTICS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "train"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def repro(folder: Path) -> str:
    """What a whole `dvc repro train` prints."""
    return whole(begin(folder))


def whole(running: "subprocess.Popen[str]") -> str:
    """What one that is under way prints to its end."""
    said, _ = running.communicate(timeout=LONGEST_S)
    assert running.returncode == 0, said[-3000:]
    return said


def killed(folder: Path, is_time: Callable[[], bool]) -> bool:
    """`dvc repro train`, of which DVC, the shell and the stage are killed together when it is time; whether it came to that."""
    running, end = begin(folder), time.monotonic() + LONGEST_S
    while running.poll() is None and not is_time():
        assert time.monotonic() < end
        time.sleep(0.001)
    if running.poll() is not None:
        assert running.returncode == 0, running.communicate()[0][-3000:]
        return False
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()  # ends when the last of them has let go of it
    return True


def after(seconds: float) -> Callable[[], bool]:
    """When so many seconds have gone by, from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def in_a_save(folder: Path) -> Callable[[], bool]:
    """When a checkpoint is there and its manifest is not, but for the first one."""
    runs = folder / RUNS

    def is_time() -> bool:
        found = list(runs.glob("*/run/checkpoint-*"))
        return len(found) > 1 and not all((place / "MANIFEST.json").exists() for place in found)

    return is_time


def made(folder: Path) -> dict[str, bytes]:
    """The bytes of what the stage made."""
    return files_of(folder / OUT)
