"""Tag the accepted model in git, as GTO reads it: a version, and the stage that production takes.

    python -m pipeline.pull_request.tag

Run on the main branch. A model that has a version keeps it: after a rollback the stage goes back to its version. Run again, it does
nothing. Tags are made here; pushing them is git's: git push --tags.
"""

import os
import sys
from pathlib import Path
from typing import Any

from pipeline.pull_request.promoting.history import at
from pipeline.pull_request.promoting.publishing import PublishParams, in_production
from pipeline.pull_request.revision import git
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault, load_params

SILENT = {"ITERATIVE_DO_NOT_TRACK": "1"}


def main() -> None:
    os.environ.update(SILENT)
    try:
        lines = tag(load_params(PublishParams), Path())
    except Fault as fault:
        sys.exit(f"tag-accepted: {in_terminal(str(fault))}")
    for line in lines:
        print(f"tag-accepted: {in_terminal(line)}")


def tag(params: PublishParams, root: Path) -> list[str]:
    """What was tagged, a line each. Raises Fault where git or GTO refuses."""
    from gto import api
    from gto.exceptions import GTOException

    found = in_production(root)
    if found is None:
        return ["no model was promoted yet: nothing to tag"]
    pointer, record, past = found
    by: dict[str, Any] = {
        "author": record.who,
        "author_email": (git(root, "config", "user.email") or "").strip() or "nobody@localhost",
    }
    lines = []
    try:
        version = _version_of(pointer.digest, params.name, root)
        if version is None:
            tagged = api.register(str(root), params.name, past.commit, message=record.why, **by)
            version = str(tagged.version)
            lines.append(f"{params.name}@{version} is the model {pointer.digest[:12]} of {past.commit[:12]}")
        if _at_stage(params, root) == version:
            return lines or [f"{params.name}@{version} is at the stage {params.stage} already"]
        # a version that had the stage before gets it again by force: GTO takes that for a mistake
        api.assign(str(root), params.name, params.stage, version=version, message=record.why, force=True, **by)
    except GTOException as error:
        raise Fault("gto", " ".join(str(error).split()), "mend the tags, and run it again") from None
    return [*lines, f"{params.name}@{version} is at the stage {params.stage}; git push --tags makes it known"]


def _versions(params: str, root: Path) -> list[dict[str, Any]]:
    """Every version of the name, newest first; none where nothing is tagged."""
    from gto import api
    from gto.exceptions import ArtifactNotFound

    try:
        return list(api.show(str(root), params))
    except ArtifactNotFound:
        return []


def _version_of(digest: str, name: str, root: Path) -> str | None:
    """The version under which a model is tagged."""
    for one in _versions(name, root):
        past = at(str(one["commit_hexsha"]), root)
        if past and past.pointer.digest == digest:
            return str(one["version"])
    return None


def _at_stage(params: PublishParams, root: Path) -> str | None:
    """The version that has the stage now."""
    found = _versions(f"{params.name}#{params.stage}", root)
    return str(found[0]["version"]) if found else None


if __name__ == "__main__":
    main()
