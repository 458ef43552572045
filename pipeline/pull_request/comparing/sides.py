"""The two sides: a commit out of git and DVC's cache, below a folder of its own, and the work tree as it stands."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.desk.inputs import CASES, PROBES, PROMPTS, SCHEMA, TEST_SET
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.comparing.lock import Lock, take
from pipeline.pull_request.comparing.side import (
    LOCK,
    PREDICTIONS,
    REPORTS,
    SCORING,
    SPLIT,
    TEXTS,
    Side,
    plan_of,
    read_answers,
)
from pipeline.pull_request.comparing.yardstick import JUDGES, LIBRARIES
from pipeline.pull_request.kept import cache_of
from pipeline.pull_request.revision import Revision, lay_out_commit
from pipeline.pull_request.snapshot import WORK_TREE
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import PARAMS_FILE

HELD = (SCHEMA, TEST_SET, PROMPTS, PROBES, CASES, TEXTS, PARAMS_FILE, LOCK, REPORTS, SCORING, *JUDGES, LIBRARIES)
OF_SPLIT, OF_ARM = ("test.jsonl", "new.jsonl"), ("arm.json", "answers.jsonl", "texts.jsonl")


def side_then(base: Revision, repository: Path, root: Path) -> Side:
    """A commit, laid out below `root`; its answers and its test set as far as DVC's cache has them, by its own `dvc.lock`."""
    assert base.commit
    root.mkdir(parents=True, exist_ok=True)
    lost = lay_out_commit(base.commit, repository, root, [*dict.fromkeys(map(str, HELD))])
    side = Side(base.name, root, base.commit)
    side.missing += [
        f"{code(name, LONGEST)} of {side.called}: git does not hand it out (.gitattributes)" for name in lost
    ]
    side.plan = side.or_note(lambda: plan_of(root), {})
    side.lock = side.or_note(lambda: Lock(root / LOCK), side.lock)
    if side.lock.stages:
        _fetch(side, cache_of(repository))
    else:
        side.missing.append(f"{side.called} has no `{LOCK}`: nobody has run it, so it has no answers to compare with")
    read_answers(side)
    return side


def _fetch(side: Side, cache: Path) -> None:
    """Point at what the cache has of the test set and of the arms, where it would stand in a work tree."""
    outputs, hashes = side.lock.outputs(), Hashes(lambda _: None)
    for path in (SPLIT, *(path for path in outputs if path.startswith(f"{PREDICTIONS}/") and ".." not in path)):
        names = OF_SPLIT if path == SPLIT else OF_ARM
        if path not in outputs:
            side.missing.append(_lost(side, path, "is not named in `dvc.lock`"))
        elif why := take(outputs[path], names, cache, side.root / path, hashes):
            side.missing.append(_lost(side, path, why))


def _lost(side: Side, path: str, why: str) -> str:
    """What is not in the cache, and both ways to get it: from a remote, or by running that commit here."""
    assert side.commit
    fetch, run = f"dvc fetch --all-commits {path}", f"git checkout {side.commit[:12]} && make run && git checkout -"
    return f"{code(path)} of {side.called} {why}: run {code(fetch, LONGEST)}, or where no remote has it {code(run, LONGEST)}"


def side_now(repository: Path) -> Side:
    """The work tree."""
    side = Side(WORK_TREE, repository, lock=Lock(repository / LOCK), plan=plan_of(repository))
    read_answers(side)
    if side.tests is None:
        side.missing.append(_absent(f"{SPLIT}/test.jsonl"))
    side.missing += [_absent(f"{PREDICTIONS}/{name}") for name in side.plan if name not in side.predictions]
    stages = ["split", "train", *(f"predict@{name}" for name in {**side.plan, **side.predictions})]
    if changed := side.lock.changed_since(stages, repository, Hashes(lambda _: None)):
        side.notes.append(f"{_few(changed)} changed since `make run`: run it before you believe this page")
    return side


def _absent(path: str) -> str:
    return f"{code(path)} of {WORK_TREE} is not there: run `dvc pull` or `make run`"


def _few(names: Iterable[str], most: int = 6) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(code(name, LONGEST) for name in listed[:most]) + more


def code_that_answers(old: Side, new: Side, arm: str) -> str:
    """Files of the code, and requirements, that an arm's answers were made with, where they differ; nothing where they are not known."""
    before, after = (side.lock.code_of(f"predict@{arm}") for side in (old, new))
    if not before or not after:
        return ""
    differ = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _few(differ) if differ else ""
