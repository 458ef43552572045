"""The answers of the commit that a change is compared with: fetched into the cache, so that make report can pair them."""

from pathlib import Path

from pipeline.pull_request.comparing.side import PREDICTIONS, SPLIT
from pipeline.pull_request.kept import cache_of, cached_file
from pipeline.pull_request.verifying.locked import stages_at
from pipeline.stage import Fault

ADAPTER, CURVE = "models/adapter", "models/adapter/loss.tsv"


def fetch_answers(commit: str, root: Path) -> int:
    """Fetch what the report reads of that commit, by its own dvc.lock: how many objects came. Raises Fault where not all can be had."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    outs = outputs_of(commit, root)
    answers = sorted(path for path in outs if path == SPLIT or path.startswith(f"{PREDICTIONS}/"))
    if not answers:
        return 0
    try:
        with Repo(str(root)) as repo:
            count = int(repo.fetch(targets=answers + [CURVE] * (ADAPTER in outs), revs=[commit], workspace=False))
    except DvcException as error:
        raise _lacking(commit, str(error).splitlines()[0]) from None
    cache = cache_of(root)
    if lacking := [
        path for path in answers if cached_file(outs[path], cache) is None
    ]:  # of a folder's list DVC only warns
        raise _lacking(commit, f"the remote has not {', '.join(lacking)}")
    return count


def _lacking(commit: str, why: str) -> Fault:
    remedy = "make push where it was made; else the report has its means alone"
    return Fault(commit[:12], f"not all that it answered could be fetched ({why})", remedy)


def outputs_of(commit: str, root: Path) -> dict[str, str]:
    """Outputs that the dvc.lock of a commit names, with their digests; none where it has no lock, or one of another time."""
    stages = (stages_at(commit, root) or {}).values()
    try:
        return {str(out["path"]): str(out["md5"]) for stage in stages for out in stage.get("outs", ())}
    except (KeyError, TypeError):
        return {}  # the report says what it lacks
