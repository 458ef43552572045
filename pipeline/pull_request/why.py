"""What made the metrics move since a commit, as far as hashes tell: data, test set, task, base, parameters, code or environment.

    python -m pipeline.pull_request.why BASE RUN

Compares what `dvc.lock` says of both runs, stage by stage, runs nothing, and prints Markdown. Where kinds of change come together, it
lists the runs with one of them alone; `RUN` names the kind and does that, in a work tree of its own.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.data.plain_text import plain
from pipeline.pull_request.reproducing.causes import Both, Ran
from pipeline.pull_request.reproducing.past import LOCKED, PIPELINE
from pipeline.pull_request.reproducing.why_page import page
from pipeline.pull_request.revision import Revision, is_shallow, lay_out_commit, revision_of
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import PARAMS_FILE, Fault

HELD = (str(LOCKED), str(PIPELINE), str(PARAMS_FILE), "reports")
NOTHING = "Nothing to compare with: there is no commit before this one. Name one: `make why BASE=<revision>`.\n"


def why(base: Revision, root: Path, folder: Path) -> str:
    """The page; what git holds of the commit is laid out below `folder`. Raises Fault where a side has not been run."""
    if base.commit is None:
        if is_shallow(root):
            raise Fault(root.name, "is a shallow clone without the commit before", "run git fetch --unshallow")
        return NOTHING
    lay_out_commit(base.commit, root, folder, HELD)
    both = Both(Ran(folder), Ran(root))
    for ran, name in ((both.then, f"BASE={base.name}"), (both.now, str(LOCKED))):
        if not ran.lock.stages:
            raise Fault(
                name, "has no run to compare: no stage stands in its dvc.lock", "name another commit, or make run"
            )
    stale = both.now.lock.changed_since(both.now.lock.stages, root, Hashes(lambda _: None))
    return page(both, base, stale)


def main() -> None:
    wanted, kind = (*sys.argv[1:3], "", "")[:2]
    root = Path.cwd()
    try:
        base = revision_of(wanted, root)
        if kind:
            from pipeline.pull_request.reproducing.one_factor import one_factor

            print(one_factor(base, kind, root), end="")
            return
        with TemporaryDirectory(prefix="why-") as folder:
            print(why(base, root, Path(folder)), end="")
    except Fault as fault:
        sys.exit(f"why: {plain(str(fault)).replace(f'{root}/', '')}")
    except KeyboardInterrupt:
        sys.exit("why: stopped; nothing was changed")


if __name__ == "__main__":
    main()
