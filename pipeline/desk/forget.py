"""Forget a person: take their rows out of sources, ledgers, cache and remotes, and say which models were trained on them.

    python -m pipeline.desk.forget ID

ID is the id of a record, a value of `group`, or `text:` and what the text holds, such as an email. It shows a plan first, and
goes on when `yes` is typed, or CONFIRM=yes stands in the environment. Killed and run again it finishes. The order is remotes,
local cache, what was built, ledgers, sources: the rows by which a person is found go last.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.desk.forgetting.files import replacement, unfinished, without_lines, without_rows
from pipeline.desk.forgetting.history import changed
from pipeline.desk.forgetting.lines import GENERATIONS, Lines
from pipeline.desk.forgetting.objects import Objects
from pipeline.desk.forgetting.plan import DATA, Plan, adopt, recall, remember
from pipeline.desk.forgetting.rows import Rows
from pipeline.desk.forgetting.stores import opened, reached
from pipeline.desk.forgetting.telling import deleted, left, told
from pipeline.desk.forgetting.terms import Terms
from pipeline.desk.inputs import FEEDBACK, TEST_SET
from pipeline.desk.run import dvc
from pipeline.stage import Fault


def forget(asked: str) -> None:
    """Find, show, ask, and do it. Raises Fault where nothing is found, or where git could not bring a mistake back."""
    terms, earlier = Terms.of(asked), recall(asked)
    with opened() as (repo, stores, remotes):
        plan = Plan(terms, Rows(terms), Lines(terms), Objects(stores), remotes)
        adopt(plan, earlier)
        plan.look_here()
        check_clean(plan)
        plan.look_everywhere()
        if plan.is_empty and not plan.started:
            raise _nothing(plan)
        check_clean(plan)
        tell(told(plan))
        if not is_confirmed():
            sys.exit("forget: nothing was changed; type yes, or set CONFIRM=yes where nobody can type")
        remember(asked, plan, is_done=False)
        carry_out(plan, repo)
        remember(asked, plan, is_done=True)
        tell(left(plan))


def _nothing(plan: Plan) -> Fault:
    if plan.history:
        commits = ", ".join(sorted({version.commit.short for version in plan.history}))
        return Fault(
            "ID", f"is found in git's history alone ({commits})", "rewrite it with git filter-repo (docs/data.md)"
        )
    return Fault("ID", "is found nowhere", "check the spelling; a text needs text: before it")


def check_clean(plan: Plan) -> None:
    """Raises Fault where a file is to be rewritten while changes lie about that git could not bring back."""
    others = sorted(set(changed(DATA.as_posix(), TEST_SET.parts[0])) - plan.started) if plan.touched else []
    if others:
        raise Fault(
            others[0], "is changed and not committed", "commit or stash it, so that git can bring a mistake back"
        )


def tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def is_confirmed() -> bool:
    """Whether a person has said yes."""
    if os.environ.get("CONFIRM") == "yes":
        return True
    if not sys.stdin.isatty():
        return False
    print("Type yes to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"


def carry_out(plan: Plan, repo: Any) -> None:
    """Do what the plan says. A step that was done before does nothing."""
    for name in plan.files:
        unfinished(Path(name)).unlink(missing_ok=True)
    _untie(plan)
    _delete_objects(plan, repo)
    for path in sorted(plan.lines.built):
        path.unlink(missing_ok=True)
    shutil.rmtree(GENERATIONS, ignore_errors=True)
    for path, numbers in sorted(plan.lines.ledgers.items()):
        without_lines(path, numbers)
    if plan.lines.test_set:
        without_lines(TEST_SET, plan.lines.test_set)
    for file in plan.rows.files:
        if file.gone and len(file.gone) == len(file.lines) and file.path.parent == FEEDBACK:
            file.path.unlink()  # an empty one would stop the pipeline
        elif file.gone:
            without_rows(file.path, file.gone)
    for name in sorted(plan.kept):
        if dvc("add", "--quiet", name):
            raise Fault(f"{name}.dvc", "could not be written by dvc add", "mend what stands above, and run again")


def _untie(plan: Plan) -> None:
    """A source that is a link into the cache becomes a file, before its object is deleted."""
    for path in plan.touched:
        if path.is_symlink():
            with replacement(path) as new:
                shutil.copyfile(path, new)


def _delete_objects(plan: Plan, repo: Any) -> None:
    """The remotes first, and the local cache last, by which the objects of the remotes are known."""
    with reached("dvc"), repo.lock:
        for store, oids, runs in reversed(list(plan.deletions())):
            if oids or runs:
                store.delete(oids, runs)
                tell([f"forget: {deleted(store.name, len(oids), len(runs))}"])


def main() -> None:
    try:
        forget(sys.argv[1] if len(sys.argv) == 2 else "")
    except Fault as fault:
        sys.exit(f"forget: {fault}")
    except KeyboardInterrupt:
        sys.exit("forget: stopped; run it again, it finishes what it has begun")


if __name__ == "__main__":
    main()
