"""How much luck there is: train with several seeds, and keep the spread of what the tuned arm reaches.

    python -m pipeline.desk.seeds 5

Each seed runs in a copy of the work tree with the cache of this one, so nothing here changes, a seed that was run before is restored,
and a run that was stopped goes on. Writes `reports/seeds.json`.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.data.meter import set_aside
from pipeline.data.records import digest
from pipeline.desk.inputs import check_inputs
from pipeline.desk.run import REPORTS, dvc
from pipeline.stage import PARAMS_FILE, Fault, read_yaml, write_report

TUNED, OUT, HERE = "tuned", REPORTS / "seeds.json", Path(".cache")
STAGES = ("evaluate", "regress")
ENGINE = Path(".venv-vllm")  # what make vllm makes


def main() -> None:
    try:
        count = _count(sys.argv[1] if len(sys.argv) > 1 else "")
        check_inputs()
        first = read_yaml(PARAMS_FILE)["train"]["seed"]
        found = {}
        for number in range(count):
            print(f"seeds: seed {first + number}, {number + 1} of {count}", flush=True)
            found[first + number] = one(first + number)
    except Fault as fault:
        sys.exit(f"seeds: {fault}")
    write_report(OUT, spread(found) | {"shaped_by": shaped_by()})
    print(told(json.loads(OUT.read_text(encoding="utf-8"))))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise Fault(f"N={text}", "is no number of seeds", "name at least two: make seeds N=5")
    return int(text)


def one(seed: int) -> dict[str, float]:
    """Metrics of the tuned arm with that seed. Raises Fault where the pipeline fails."""
    with set_aside(), tempfile.TemporaryDirectory(dir=HERE if HERE.is_dir() else None, prefix="seed-") as name:
        folder = Path(name).resolve()
        _copy(folder)
        _set_seed(folder / PARAMS_FILE, seed)
        ask_no_judge(folder / PARAMS_FILE)
        dvc("checkout", "--quiet", "--force", quiet=True, at=folder)  # what is in the cache; what is not is built
        if dvc("repro", "--quiet", *STAGES, at=folder):
            raise Fault("dvc repro", f"a stage failed with train.seed {seed}, its reason stands above", "mend it")
        evaluation, regression = (
            json.loads((folder / REPORTS / f"{name}.json").read_text(encoding="utf-8"))[TUNED]
            for name in ("evaluation", "regression")
        )
    return {**evaluation, **({"probes": regression["probes"]} if "probes" in regression else {})}


def _copy(folder: Path) -> None:
    """What git knows or would take, with the cache and what is remembered outside the outputs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
    ).stdout
    for path in filter(lambda one: one.is_file(), map(Path, listed.decode().split("\0")[:-1])):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / path)
    HERE.mkdir(exist_ok=True)
    (folder / HERE).symlink_to(HERE.resolve())
    if ENGINE.is_dir():
        (folder / ENGINE).symlink_to(ENGINE.resolve())
    cache = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    local = f"[core]\n    no_scm = true\n[cache]\n    dir = {Path(cache).resolve()}\n"
    (folder / ".dvc/config.local").write_text(local, encoding="utf-8")


def _set_seed(path: Path, seed: int) -> None:
    """In the text, so that remarks and order stay."""
    line = r"(?ms)^(train:(?:\n  [^\n]*)*?\n  seed:) *\d+"
    text, count = re.subn(line, rf"\g<1> {seed}", path.read_text(encoding="utf-8"), count=1)
    if count != 1:
        raise Fault(path, "has no line of its own for train.seed", "write seed: <number> on one")
    path.write_text(text, encoding="utf-8")


def ask_no_judge(path: Path) -> None:
    """A model of another seed answers otherwise, and nobody has paid a judge for that; what is kept here needs none."""
    text = path.read_text(encoding="utf-8")
    rest, count = re.subn(r"(?ms)^(judge:[^\n]*(?:\n  [^\n]*)*?\n  pairs:) *\[[^\n#]*\]", r"\g<1> []", text, count=1)
    if count != 1:
        raise Fault(path, "has no line of its own for judge.pairs", "write pairs: [...] on one")
    path.write_text(rest, encoding="utf-8")


def shaped_by() -> str:
    """Digest of what the spread holds for: the parameters but for the seed, and everything that DVC has pinned before training."""
    params = read_yaml(PARAMS_FILE)
    del params["train"]["seed"]
    lock = read_yaml(Path("dvc.lock"))["stages"]["train"]
    deps = [
        (dep["path"], dep["md5"]) for dep in lock["deps"] if not dep["path"].startswith(("pipeline/", "requirements/"))
    ]
    return digest([params["train"], params["predict"], deps])


def spread(found: dict[int, dict[str, float]]) -> dict[str, Any]:
    """By metric: the value of each seed, their mean, standard deviation, least and most."""
    names = list(next(iter(found.values())))
    return {"seeds": list(found), "metrics": {name: _of([values[name] for values in found.values()]) for name in names}}


def _of(values: list[float]) -> dict[str, Any]:
    rounded = {"mean": statistics.fmean(values), "deviation": statistics.stdev(values)}
    return {name: round(value, 4) for name, value in rounded.items()} | {
        "values": values,
        "least": min(values),
        "most": max(values),
    }


def told(report: dict[str, Any]) -> str:
    """A line a metric, for people."""
    lines: Iterable[str] = (
        f"  {name}: {one['mean']:.1%}, from {one['least']:.1%} to {one['most']:.1%}, "
        f"standard deviation {one['deviation'] * 100:.1f} points"
        for name, one in report["metrics"].items()
    )
    return "\n".join([f"With {len(report['seeds'])} seeds the tuned arm reaches:", *lines])


if __name__ == "__main__":
    main()
