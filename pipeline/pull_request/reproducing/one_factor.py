"""The base with one kind of change alone: what this tree would be, had nothing else changed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.reproducing.bands import differing
from pipeline.pull_request.reproducing.causes import PLACES, Kind
from pipeline.pull_request.reproducing.past import PIPELINE, Past, check_run, metrics_of, read_object
from pipeline.pull_request.reproducing.running import Runner
from pipeline.pull_request.reproducing.storage import configure
from pipeline.pull_request.reproducing.worktree import worktree
from pipeline.pull_request.revision import Revision
from pipeline.pull_request.verifying.differences import Difference
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import opened
from pipeline.stage import PARAMS_FILE, Fault

CALLED: dict[str, Kind] = {
    "data": "data",
    "test-set": "test set",
    "task": "task",
    "base": "base model",
    "parameters": "parameters",
    "code": "code",
}


def one_factor(base: Revision, name: str, root: Path) -> str:
    """Run the base with this tree's files of one kind, and set its metrics beside both. Raises Fault where that cannot be."""
    if name not in CALLED:
        raise Fault(f"RUN={name}", "is no kind of change", f"take one of {', '.join(CALLED)}")
    if base.commit is None:
        raise Fault("BASE", "is nothing: there is no commit before this one", "name one with BASE=<revision>")
    with worktree(base.commit, root) as tree:
        check_run(tree, base.name)
        then = {report: read_object(tree / report) for report in metrics_of(tree)}
        taken = overlay(tree, root, CALLED[name])
        if not taken:
            raise Fault(
                f"RUN={name}", f"changes nothing: no file of that kind differs from {base.name}", "run make why"
            )
        _tell(
            f"{base.commit[:12]} with {', '.join(taken[:6])}{f' and {len(taken) - 6} more' if len(taken) > 6 else ''}"
        )
        _run(tree, root, list(then))
        alone = {report: read_object(tree / report) for report in then}
    now = {report: read_object(root / report) for report in then}
    return (
        "\n".join([f"# {code(base.name)} with the {CALLED[name]} of this tree alone", "", *_table(then, alone, now)])
        + "\n"
    )


def overlay(tree: Path, root: Path, kind: Kind) -> list[str]:
    """Put the files of a kind as they stand in the project into the tree, and take out those that are gone. Returns which."""
    changed = []
    for name in sorted({*_files(tree), *_files(root)}):
        if _kind(name) != kind:
            continue
        source, place = root / name, tree / name
        if not source.is_file():
            place.unlink()
        elif place.is_file() and place.read_bytes() == source.read_bytes():
            continue
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
        changed.append(name)
    return changed


def _kind(name: str) -> Kind | None:
    """Of which kind a file of the repository is; None where no stage reads it."""
    special: dict[str, Kind] = {str(PARAMS_FILE): "parameters", str(PIPELINE): "code"}
    return special.get(name) or next((kind for start, kind in PLACES if name.startswith(start)), None)


def _files(folder: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout
    names = (name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name)
    return [name for name in names if (folder / name).is_file()]


def _run(tree: Path, root: Path, reports: list[str]) -> None:
    """Bring the metrics up to date, with the project's cache. Raises Fault where a stage fails or would have to be paid."""
    has_remote = configure(tree, root, None)
    with opened(tree, tree.parent) as project:
        past = Past(project, Hashes(lambda _: None))
        if paid := past.paid():
            raise Fault(
                next(iter(paid)),
                f"would be paid for ({next(iter(paid.values()))})",
                "change it in a branch, and make run",
            )
        _ask_no_judge(tree)
        runner = Runner(tree, Path(sys.executable), past.secrets(), sys.stderr)  # the page alone goes out
        sources = [step.name for step in project.steps if not step.commands]
        for way in ("checkout", *(["pull"] if has_remote else [])):
            runner.dvc(way, "--quiet", "--force", *([] if way == "checkout" else sources))
        makers = [step.name for step in project.steps if any(out.path in reports for out in step.outs)]
        if runner.dvc("repro", *makers, tell=lambda stage: _tell(f"running {stage}")):
            raise Fault("dvc repro", "a stage failed, its reason stands above", "these parts may not go together alone")


def _ask_no_judge(tree: Path) -> None:
    from pipeline.desk.seeds import ask_no_judge

    if "\njudge:" in (tree / PARAMS_FILE).read_text(encoding="utf-8"):
        ask_no_judge(tree / PARAMS_FILE)


def _table(
    then: dict[str, dict[str, object]], alone: dict[str, dict[str, object]], now: dict[str, dict[str, object]]
) -> Iterator[str]:
    yield "| metric | then | with it alone | now |"
    yield "|---|---|---|---|"
    rows = 0
    for report in then:
        to_now = {one.found.path: one.found for one in differing(report, then[report], now[report], {})}
        to_alone = {one.found.path: one.found for one in differing(report, then[report], alone[report], {})}
        for path in dict.fromkeys([*to_now, *to_alone]):
            rows += 1
            either = to_now.get(path) or to_alone[path]
            stands = either.stands_text
            yield f"| {code(path)} | {code(stands)} | {_then(to_alone.get(path), stands)} | {_then(to_now.get(path), stands)} |"
    if not rows:
        yield "| no metric moved | | | |"


def _then(found: Difference | None, stands: str) -> str:
    return code(found.recomputed_text if found else stands)


def _tell(line: str) -> None:
    print(f"why: {in_terminal(line)}", file=sys.stderr, flush=True)
