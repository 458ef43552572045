"""This tree's models beside those of a baseline commit, and whether the yardstick between them moved: for the reviewer of a pull request.

    python -m pipeline.pull_request.compare BASE

Pairs what can be paired; where test set, prompt, scorer, schema or decoding differ, shows the old and the new model on the old and the
new yardstick as far as answers can be had, and says what is missing and what would bring it. Writes nothing but its page of Markdown.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.data.plain_text import plain
from pipeline.pull_request.comparing.comparison import compare
from pipeline.pull_request.comparing.page import page_of
from pipeline.pull_request.comparing.sides import side_now, side_then
from pipeline.pull_request.revision import Revision, is_shallow, revision_of
from pipeline.stage import Fault

NOTHING = "Nothing to compare with: there is no commit before this one. Name one: `make compare BASE=<revision>`.\n"


def compared(base: Revision, repository: Path, folder: Path) -> str:
    """The page; the commit is laid out below `folder`. Raises Fault for what this tree would have to mend."""
    if base.commit is None:
        if is_shallow(repository):
            raise Fault(repository.name, "is a shallow clone without the commit before", "run git fetch --unshallow")
        return NOTHING
    return page_of(compare(side_then(base, repository, folder), side_now(repository), base.why))


def main() -> None:
    repository = Path.cwd()
    try:
        base = revision_of(sys.argv[1] if len(sys.argv) > 1 else "", repository)
        with TemporaryDirectory(prefix="compare-") as folder:
            page = compared(base, repository, Path(folder))
    except Fault as fault:
        sys.exit(f"compare: {plain(str(fault)).replace(f'{repository}/', '')}")
    print(page, end="")


if __name__ == "__main__":
    main()
