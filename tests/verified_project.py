"""A small pipeline under the real DVC, for the tests of make verify: two cheap stages with reports, two that pass for dear ones."""

import contextlib
import json
import os
import shutil
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

import yaml
from dvc.repo import Repo

from pipeline.desk.seeds import spread
from pipeline.pull_request.verify import verify
from tests.project import git

ROWS = "data/raw/rows ä 1.txt"
KEPT = "data/raw/kept.bin"
ODD = "two words\nand ü.txt"
STEP = '''"""One stage of the tests, by its name."""
import json, sys
from pathlib import Path

name, *paths = sys.argv[1:]
if name == "count":
    params = dict(line.split(": ") for line in Path("params.yaml").read_text().splitlines() if line.startswith("  "))
    rows, kept, out, report = map(Path, paths)
    words = rows.read_text(encoding="utf-8").split()
    out.mkdir()
    (out / "words.txt").write_text("".join(word + "\\n" for word in words), encoding="utf-8")
    (out / "two words\\nand ü.txt").write_text("odd\\n")
    (out / "rest").mkdir()
    for name in ("ignored.part", "rest/ignored.txt"):
        (out / name).write_text("ignored by DVC")
    numbers = {"words": len(words), "mean": round(sum(map(len, words)) / len(words), 4), "kept": kept.stat().st_size,
               "first": words[0], "least": float(params["  least"])}
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps(numbers, indent=2, ensure_ascii=False) + "\\n", encoding="utf-8")
elif name == "train":
    source, out = map(Path, paths)
    out.mkdir(parents=True)
    (out / "weights.bin").write_bytes(source.read_bytes() * 100)
    (out / "metrics.json").write_text('{"loss": 0.5}\\n')
elif name == "predict":
    model, arm, out = Path(paths[0]), paths[1], Path(paths[2])
    out.mkdir(parents=True)
    (out / "answers.txt").write_text(f"{arm} {(model / 'weights.bin').stat().st_size}\\n")
elif name == "score":
    folder, report = map(Path, paths)
    scores = {one.name: {"length": len((one / "answers.txt").read_text())} for one in sorted(folder.iterdir()) if one.is_dir()}
    report.write_text(json.dumps(scores, indent=2) + "\\n")
'''
DVC = f"""stages:
  count:
    cmd: python code/step.py count "{ROWS}" {KEPT} data/counted reports/count.json
    deps: ["{ROWS}", {KEPT}, code/step.py]
    params: [count]
    outs: [data/counted]
    plots: [reports/count.json: {{cache: false}}]
  train:
    cmd: python code/step.py train data/counted/words.txt models/adapter
    deps: [data/counted/words.txt, code/step.py]
    outs: [models/adapter]
  predict:
    foreach: ${{arms}}
    do:
      cmd: python code/step.py predict ${{item.model}} ${{key}} data/predictions/${{key}}
      deps: ["${{item.model}}", code/step.py]
      outs: ["data/predictions/${{key}}"]
  score:
    cmd: python code/step.py score data/predictions reports/score.json
    deps: [data/predictions, code/step.py]
    metrics: [reports/score.json: {{cache: false}}]
metrics: [models/adapter/metrics.json]
"""
PARAMS = "count:\n  least: 0.1\narms: {tuned: {model: models/adapter}, other: {model: models/adapter}}\n"


@contextlib.contextmanager
def dvc(folder: Path) -> Iterator[Repo]:
    """DVC in a project, without the second that its command takes to start; a library of its own uses what is deprecated."""
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with Repo() as repo:
            yield repo


def build(folder: Path, pipeline: str = DVC, params: str = PARAMS) -> Path:
    """The project, run and committed."""
    files = {"dvc.yaml": pipeline, "params.yaml": params, "code/step.py": STEP, ROWS: "some words ünd more\n"}
    for name, text in {**files, ".dvcignore": ".gitignore\n*.part\nrest/\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / KEPT).write_bytes(b"\r\n\x00" * 1000)
    git(folder, "init", "-q")
    with contextlib.chdir(folder):
        Repo.init().close()
    with dvc(folder) as repo:
        repo.add(KEPT)
    with dvc(folder) as repo:
        repo.reproduce()
    (folder / "reports/run.json").write_text('{"seconds": 1}\n')
    (folder / "reports/seeds.json").write_text(json.dumps(spread({1: {"exact": 0.5}, 2: {"exact": 0.75}})) + "\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first run")
    return folder


def commit(folder: Path, *targets: str) -> None:
    """`dvc commit --force`, of everything where nothing is named."""
    with dvc(folder) as repo:
        for target in targets or (None,):
            repo.commit(target, force=True)


def relink(folder: Path) -> None:
    """`dvc checkout --relink`: each output becomes a link of the type that the configuration asks for."""
    with dvc(folder) as repo:
        repo.checkout(force=True, relink=True)


def copied(folder: Path, place: Path) -> Path:
    """A copy with times and rights as they are."""
    shutil.copytree(folder, place, symlinks=True)
    return place


def lines(folder: Path) -> list[str]:
    """What verify finds, each with its kind."""
    return [f"{found.kind}: {found}" for found in verify(folder)]


def lock(folder: Path) -> dict:
    return yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))


def edit_lock(folder: Path, stage: str, path: str, **values: object) -> None:
    """Change what dvc.lock says of an output or a dependency."""
    content = lock(folder)
    entries = [*content["stages"][stage].get("outs", []), *content["stages"][stage].get("deps", [])]
    next(entry for entry in entries if entry["path"] == path).update(values)
    (folder / "dvc.lock").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def object_of(folder: Path, stage: str, path: str, name: str = "") -> Path:
    """The cache's object of an output, or of a file in it."""
    cache = folder / ".dvc/cache/files/md5"
    digest = next(out["md5"] for out in lock(folder)["stages"][stage]["outs"] if out["path"] == path)
    if name:
        rows = json.loads((cache / digest[:2] / digest[2:]).read_text())
        digest = next(row["md5"] for row in rows if row["relpath"] == name)
    return cache / digest[:2] / digest[2:]


def rewrite(path: Path, content: bytes) -> None:
    """Other bytes under the same name, rights and time: what a disk does that goes bad."""
    state = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(stat.S_IMODE(state.st_mode))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def state_of(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Rights, time, links and bytes of every file, and of folders rights and time; git's and DVC's own among them."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_relative_to(folder / ".dvc/tmp"):
            state = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (state.st_mode, state.st_mtime_ns, state.st_nlink, content)
    return found
