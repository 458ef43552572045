"""What would run, and why, before anything runs: for the author at a desk and for the reviewer of a pull request.

    python -m pipeline.pull_request.plan BASE

Walks the graph of stages over dvc.lock and the work tree: what changed, what runs or may run because of it, what an earlier run of
this machine's cache or of the remote gives instead, and what the rest would take by the figures of earlier runs. With a BASE it also
says what the branch changed beside that revision. Nothing is run. Prints Markdown and writes the same to build/plan.md. Exits 0
whatever it says; 1 where DVC's files cannot be read.
"""

import os
import sys
import tempfile
from pathlib import Path

from pipeline.pull_request.kept import cache_of
from pipeline.pull_request.planning.branch import brought
from pipeline.pull_request.planning.earlier import Remote
from pipeline.pull_request.planning.estimates import estimates_of
from pipeline.pull_request.planning.expected import Tree
from pipeline.pull_request.planning.measured import read_measured
from pipeline.pull_request.planning.page import Page
from pipeline.pull_request.planning.settings import Settings
from pipeline.pull_request.planning.walking import walk
from pipeline.pull_request.revision import revision_of
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.locked import opened
from pipeline.stage import Fault

OUT = Path("build/plan.md")
RUN_REPORT = Path("reports/run.json")  # pipeline.desk.run writes it, and takes seconds to import
MIB = 2**20


def plan(root: Path, base: str) -> str:
    """The page. `base` is a revision, or nothing. Raises Fault where DVC's files, params.yaml or the revision cannot be read."""
    settings = Settings(root)
    revision = revision_of(base, root) if base.strip() else None
    hashes = Hashes(lambda read: print(f"plan: {read / MIB:,.0f} MiB hashed", file=sys.stderr, flush=True))
    with tempfile.TemporaryDirectory(prefix="plan-") as folder, opened(root, Path(folder)) as project:
        tree = Tree(project, hashes, cache_of(root))
        remote = Remote(root, settings.plan.remote_s) if project.remotes else None
        stages = walk(tree, remote)
        measured, no_measures = read_measured(root / RUN_REPORT)
        estimates = estimates_of(stages, tree, measured, settings)
        beside = brought(revision, tree) if revision else None
        return Page(project, stages, estimates, measured, no_measures, settings, remote, beside).text()


def main() -> None:
    try:
        text = plan(Path.cwd(), " ".join(sys.argv[1:]))
    except Fault as fault:
        sys.exit(f"plan: {in_terminal(str(fault))}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text, encoding="utf-8")
    print(text, end="", flush=True)
    os._exit(0)  # a remote that does not answer is not waited for


if __name__ == "__main__":
    main()
