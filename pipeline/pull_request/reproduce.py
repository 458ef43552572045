"""Run a past commit again, and compare every output and every metric with what it says: what can be had, and what can be made anew.

    python -m pipeline.pull_request.reproduce REV CACHE ENV

With the cache, what costs a GPU or money is restored and hashed, and the cheap stages run again. Without it (`CACHE` is `no`)
everything runs again from the sources, with an empty cache. Nobody is paid: what a service made is restored only. `ENV` `new` builds
the environment of that commit first. Works in a git work tree of its own, which is deleted. Exits 0 where all is identical or within
the band that is recorded, else 1.
"""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

from pipeline.desk.machine import machine
from pipeline.pull_request.reproducing.again import Again, say
from pipeline.pull_request.reproducing.causes import KINDS, Both, Ran
from pipeline.pull_request.reproducing.environment import (
    installed,
    is_same_machine,
    machine_differences,
    packages_that_differ,
    pins,
)
from pipeline.pull_request.reproducing.outcome import Outcome, outcome_of, reports_of, tell, verdict
from pipeline.pull_request.reproducing.past import Past, check_run
from pipeline.pull_request.reproducing.running import Runner, run
from pipeline.pull_request.reproducing.storage import configure
from pipeline.pull_request.reproducing.worktree import worktree
from pipeline.pull_request.revision import Revision, named
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import opened
from pipeline.stage import Fault

NEW, NO = "new", "no"
MIB = 2**20
ENGINE = Path(".venv-vllm")  # what make vllm makes
MOST_NAMED = 8


def reproduce(revision: Revision, root: Path, has_cache: bool, environment: str) -> bool:
    """Whether the run of that commit comes out as it says. Raises Fault where it cannot be tried."""
    assert revision.commit
    with worktree(revision.commit, root) as tree:
        check_run(tree, revision.name)
        say(f"{revision.commit[:12]} {_subject(revision.commit, root)}, {'with' if has_cache else 'without'} the cache")
        python = _python(tree, environment)
        same_packages = _tell_packages(tree, is_new=environment == NEW)
        has_remote = configure(tree, root, None if has_cache else tree.parent / "cache")
        if (root / ENGINE).is_dir() and not (tree / ENGINE).exists():
            (tree / ENGINE).symlink_to((root / ENGINE).resolve())
        with opened(tree, tree.parent) as project:
            past = Past(project, Hashes(lambda read: say(f"{read / MIB:,.0f} MiB hashed")))
            then = past.run_report().get("machine")
            recorded = then if isinstance(then, dict) else {}
            _tell_machine(recorded)
            _tell_changes(tree, root)
            runner = Runner(tree, python, past.secrets(), sys.stdout)
            again = Again(past, runner, has_cache, has_remote, past.stale(), past.paid())
            outcome = _run(again, root)
            tell(outcome)
            words, is_reproduced = verdict(outcome, same_packages and is_same_machine(recorded, machine()), again.stale)
    say(words)
    return is_reproduced


def _run(again: Again, root: Path) -> Outcome:
    past = again.past
    for name, reasons in again.stale.items():
        for reason in reasons[:MOST_NAMED]:
            say(f"{name} was not run as the commit stands: {reason}")
    for name, cost in again.paid.items():
        say(f"{name}: {cost}; it is restored and never paid for again")
    then = reports_of(past)
    again.restore()
    steps = again.to_run()
    names = [step.name for step in steps]
    if (base := past.hub_base()) and any(name.startswith(("split", "train", "predict")) for name in names):
        say(f"the base {base} comes from the hub: from its cache on this machine, else it is downloaded")
    took = past.seconds(names)
    rest = [name for name in names if name not in took]
    more = f"; nothing is recorded of {', '.join(rest)}" if rest else ""
    say(f"runs again {', '.join(names) or 'nothing'}: it took {sum(took.values()):,.0f} s then{more}")
    again.run(steps)
    return outcome_of(past, then, root)


def _subject(commit: str, root: Path) -> str:
    said = subprocess.run(
        ["git", "log", "-1", '--format=%as "%s"', commit], cwd=root, capture_output=True, text=True, check=False
    )
    return in_terminal(f"of {said.stdout.strip()}", 120)


def _python(tree: Path, environment: str) -> Path:
    """The Python that runs the stages: ours, or one with the packages of that commit."""
    if environment != NEW:
        return Path(sys.executable)
    say("make setup of that commit, for its own environment: minutes, and packages are downloaded")
    if run(["make", "setup", f"PYTHON={sys.executable}"], tree, _plain_environment(), say, sys.stdout):
        raise Fault("ENV=new", "make setup of that commit failed", "leave ENV out, and what is installed is taken")
    return tree / ".venv/bin/python"


def _plain_environment() -> dict[str, str]:
    """Without what the make above has set."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "PYTHONPATH"))}


def _tell_packages(tree: Path, is_new: bool) -> bool:
    """Say which packages differ, and return whether none does. Raises Fault where one is missing."""
    if is_new:
        return True
    wanted = pins(tree)
    found = packages_that_differ(wanted, installed())
    missing = [name for name, (_, here) in found.items() if not here]
    for name, (then, here) in sorted(found.items()):
        say(f"package {name}: {then} then, {here or 'not installed'} now")
    if missing:
        remedy = "run it with ENV=new, which builds the environment of that commit"
        raise Fault("requirements", f"{', '.join(sorted(missing))} of that commit is not installed", remedy)
    if not found:
        say(f"its {len(wanted)} packages are installed as it pins them")
    return not found


def _tell_machine(then: dict[str, object]) -> None:
    if not then:
        say("reports/run.json of that commit records no machine")
    for key, (was, here) in machine_differences(then, machine()).items():
        say(f"machine: {key} was {was}, is {here}")


def _tell_changes(tree: Path, root: Path) -> None:
    """What differs between that run and the last one here."""
    found = Both(Ran(tree), Ran(root)).changes()
    for kind in KINDS:
        names = [str(one) for one in found if one.kind == kind]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        if names:
            say(f"since then changed ({kind}): {', '.join(names[:MOST_NAMED])}{more}")
    if not found:
        say("the last run here had the same data, parameters, code and environment, as far as they are recorded")


def main() -> None:
    wanted, cache, environment = (*sys.argv[1:4], "", "", "")[:3]
    root = Path.cwd()
    try:
        if (cache, environment) not in product(("", "yes", NO), ("", NEW)):
            raise Fault(
                f"CACHE={cache} ENV={environment}", "is not known", "write CACHE=no or ENV=new, or leave them out"
            )
        is_reproduced = reproduce(named(wanted, root, "REV"), root, cache != NO, environment)
    except Fault as fault:
        sys.exit(f"reproduce: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("reproduce: stopped; the work tree that it used is gone")
    sys.exit(not is_reproduced)


if __name__ == "__main__":
    main()
