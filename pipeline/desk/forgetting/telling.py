"""What make forget says: the plan before anything is touched, and what is left for people to do. No line holds a value."""

import shlex
from collections.abc import Iterator

from pipeline.data.plain_text import plain
from pipeline.desk.forgetting.history import is_shallow
from pipeline.desk.forgetting.lines import GENERATIONS, MEMORY
from pipeline.desk.forgetting.plan import Plan
from pipeline.desk.inputs import JUDGE, PROMPTS, SOURCES, TEACHER, TEST_SET


def told(plan: Plan) -> Iterator[str]:
    """The plan: which rows, lines, files and objects go, and which commits and models were trained on them."""
    yield "forget: this goes:"
    for file in plan.rows.files:
        if file.gone:
            yield f"  {_shown(file.path)}: {_count(len(file.gone), 'row')} of {len(file.lines)}"
    lines = {**plan.lines.ledgers, **({TEST_SET: plan.lines.test_set} if plan.lines.test_set else {})}
    for path, numbers in sorted(lines.items()):
        yield f"  {_shown(path)}: {'line' if len(numbers) == 1 else 'lines'} {', '.join(map(str, sorted(numbers)))}"
    for path in sorted(plan.lines.built):
        yield f"  {_shown(path)}: built from them, is deleted; make run builds it again"
    if plan.generations:
        yield f"  {GENERATIONS}: kept answers, {_count(len(plan.generations), 'file')}, since nobody can tell whose they are"
    for name in sorted(plan.kept):
        yield f"  {_shown(name)}.dvc: is written again by dvc add"
    yield from _objects(plan)
    yield from _trained(plan)


def _objects(plan: Plan) -> Iterator[str]:
    for store, oids, runs in plan.deletions():
        yield f"  {_shown(store.name)}: {_count(len(oids), 'object')}, {_count(len(runs), 'entry', 'entries')} of the run cache"
        for oid in sorted(oids):
            names = ", ".join(sorted(plan.objects.paths[oid])) or "in no commit"
            yield f"    {_shown(oid)} {_shown(names)}"


def _trained(plan: Plan) -> Iterator[str]:
    trained = plan.trained()
    yield (
        "forget: commits and models that were trained on it:"
        if trained
        else "forget: no commit has a model trained on it"
    )
    for training, verdict in trained:
        adapter = f"models/adapter {training.adapter}" if training.adapter else "no adapter"
        yield f"  {_shown(training.commit.line)}: {_shown(adapter)}: {verdict}"


def deleted(store: str, objects: int, runs: int) -> str:
    """What has been deleted from a store."""
    return f"{_shown(store)}: deleted {_count(objects, 'object')}, {_count(runs, 'entry', 'entries')} of the run cache"


def left(plan: Plan) -> Iterator[str]:
    """What only people can do."""
    yield "forget: done. Left to do by hand:"
    yield from _files(plan)
    yield "  - make run, then commit data, task, dvc.lock and reports, and promote the new model; dvc push"
    yield "  - stop serving the models named above, wherever they are served or were copied to"
    yield from _git(plan)
    for name in plan.remotes_by_hand:
        yield f"  - remote {_shown(name)}: nothing can be deleted there by DVC; delete the objects named above yourself"
    for name, count in plan.objects.unknown():
        yield f"  - remote {_shown(name)}: {_count(count, 'object')} that no commit here names; not searched"
    yield "  - clones and caches of colleagues, of CI and backups: make forget there too, with the same ID"
    yield f"  {MEMORY} keeps this list"


def _files(plan: Plan) -> Iterator[str]:
    for file in plan.rows.files:
        if len(file.gone) == len(file.lines) and file.path.parent == SOURCES.parent:
            yield f"  - {_shown(file.path)} has no row left: take it out of {SOURCES} and dvc.yaml"
    if any(path.parent == TEACHER for path in plan.lines.ledgers):
        yield f"  - {TEACHER} has fewer replies: lower synthesize.replies in params.yaml, or make ask for others"
    if any(path.parent == JUDGE for path in plan.lines.ledgers):
        yield f"  - {JUDGE} has fewer replies: make ask for those that the new answers need, once make run has made them"
    for name in plan.by_hand:
        if name.startswith("reports/"):
            continue  # make run writes it again
        is_prompt = name.startswith(f"{PROMPTS}/")
        yield f"  - {_shown(name)}: {'few_shot names a record that is gone' if is_prompt else 'holds something of it'}; mend it"


def _git(plan: Plan) -> Iterator[str]:
    if is_shallow():
        yield "  - this clone is shallow: run it again in a whole one"
    if not plan.history:
        return
    yield "  - git's history still has rows; the commits that brought them:"
    for line in dict.fromkeys(version.commit.line for version in plan.history):
        yield f"      {_shown(line)}"
    paths = sorted({version.path for version in plan.history})
    options = " ".join(f"--path {shlex.quote(path)}" for path in paths)
    yield "    commit first, copy today's files away, take all versions out, put the files back and force-push:"
    yield f"      git filter-repo --invert-paths {_shown(options)}"


def _count(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _shown(text: object) -> str:
    """A name as one line that a terminal shows and does not obey."""
    return plain(str(text).replace("\n", "\N{SYMBOL FOR NEWLINE}").replace("\t", " "))
