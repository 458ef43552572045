"""Take the accepted model out of production: the one before it is the accepted one again, or that of a commit.

    [TO=<revision>] [WHY=<reason>] [WHO=<name>] python -m pipeline.pull_request.rollback

Writes `models/accepted.dvc` and `models/accepted.json` and nothing else, once every object of that model is in DVC's cache and is what
it says. It asks no gate. What `predict@accepted` answered is of the other model until the next run; that is pending, and no fault.
"""

import os
import sys
from datetime import date
from pathlib import Path

from pipeline.desk import accepted
from pipeline.desk.accepted import ARM, FOLDER, POINTER, RECORD, Pointer, has_arm
from pipeline.desk.reviewing.sitter import sitter
from pipeline.pull_request.promoting.history import Past, at, before
from pipeline.pull_request.promoting.objects import have
from pipeline.pull_request.revision import git
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import PARAMS_FILE, Fault


def main() -> None:
    try:
        person = sitter(os.environ.get("WHO", ""), "WHO", "make rollback")
        past = rollback(Path(), os.environ.get("TO", ""), person, os.environ.get("WHY", ""))
    except Fault as fault:
        sys.exit(f"rollback: {in_terminal(str(fault))}")
    print(
        f"rollback: {FOLDER} is the model {past.pointer.digest[:12]} again, which {past.record.revision[:12]} trained: "
        f"{in_terminal(past.record.why)}"
    )
    print(f"rollback: commit {POINTER} and {RECORD}, and open a pull request; production changes once it is merged")
    print(f"rollback: predict@{ARM} is pending: the next make run asks the model, and compares with it from then on")


def rollback(root: Path, to: str, who: str, why: str) -> Past:
    """Write the two files. Raises Fault where there is nothing to go back to, or not all of it can be had."""
    now = _current(root)
    past = _named(to, root) if to.strip() else before(now, root)
    if past.pointer.digest == now.digest:
        raise Fault(f"TO={to.strip()}", f"has the model that is accepted now, {now.digest[:12]}", "name another commit")
    if not has_arm(root / PARAMS_FILE):
        fault = f"has no arm {ARM}, though {POINTER} is there"
        raise Fault(PARAMS_FILE, fault, "restore it from git")
    have(
        past.pointer,
        past.commit,
        root,
        Hashes(lambda read: print(f"rollback: {read / 2**20:,.0f} MiB hashed", flush=True)),
    )
    reason = in_terminal(" ".join(why.split())) or f"rolled back from {now.digest[:12]}"
    changes = {"who": who, "why": reason, "date": date.today().isoformat(), "rolled_back_from": now.digest}
    accepted.write(root, past.pointer, past.record.model_copy(update=changes))
    accepted.bring()
    return past


def _current(root: Path) -> Pointer:
    """The accepted model. Raises Fault where there is none, or what stands is not what is committed."""
    found = accepted.accepted(root)
    if found is None:
        raise Fault(POINTER, "is not there: no model was ever promoted", "make promote makes the first")
    if git(root, "status", "--porcelain", "--", str(POINTER), str(RECORD)):
        remedy = f"commit it, or take it back with git checkout {POINTER} {RECORD}"
        raise Fault(POINTER, "has a change that is not committed", remedy)
    return found[0]


def _named(to: str, root: Path) -> Past:
    """The accepted model of a commit that a person names. Raises Fault where it has none."""
    name = to.strip()
    if name.startswith("-") or not name.isprintable():
        raise Fault(f"TO={name!r}", "is no revision", "name a commit, a tag or a branch")
    commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        raise Fault(f"TO={name}", "is no revision of this repository", "fetch it, or name another one")
    past = at(commit.strip(), root)
    if past is None:
        raise Fault(f"TO={name}", "has no accepted model: it is from before the first promotion", "name a later commit")
    return past


if __name__ == "__main__":
    main()
