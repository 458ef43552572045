"""The commands that fill a corner: the model of one side asks what the yardstick of a side asks, beside what the pipeline keeps."""

import shlex

from pipeline.pull_request.comparing.corners import Corner, When
from pipeline.pull_request.comparing.side import EXTRA, SPLIT, Side
from pipeline.pull_request.comparing.yardstick import Yardstick

PLACE = EXTRA.parent


def commands(arm: str, corner: Corner, sides: dict[When, Side], yardsticks: dict[When, Yardstick]) -> list[str]:
    """Lines for a shell in the project with its .venv active; none where a side's parameters do not say the arm's model and prompt.

    They run this tree's code. What is fetched of the other commit, and the answers, stand below `.cache/compare`, which nothing tracks.
    """
    model, asking = sides[corner.model].plan.get(arm, {}), sides[corner.yardstick].plan.get(arm, {})
    commit = sides["old"].commit
    if "model" not in model or "prompt" not in asking or not commit:
        return []
    then = PLACE / commit[:12]
    lines = [f"mkdir -p {then}"]
    if corner.yardstick == "old":
        lines += [_from_git(commit, "task", str(then)), _from_dvc(commit, SPLIT, f"{then}/{SPLIT}")]
    path = model["model"]
    if corner.model == "old":
        is_built = path in sides["old"].lock.outputs()
        lines.append(_from_dvc(commit, path, f"{then}/{path}") if is_built else _from_git(commit, path, str(then)))
        path = f"{then}/{path}"
    root = f"{then}/" if corner.yardstick == "old" else ""
    out = EXTRA / yardsticks[corner.yardstick].asked / f"{arm}-{corner.model}-on-{corner.yardstick}"
    return [*lines, _predict(arm, root, path, asking["prompt"], str(out))]


def _from_git(commit: str, path: str, place: str) -> str:
    return f"git archive {commit[:12]} {shlex.quote(path)} | tar -x -C {place}"


def _from_dvc(commit: str, path: str, place: str) -> str:
    folder = shlex.quote(place.rpartition("/")[0])
    got = f"dvc get . {shlex.quote(path)} --rev {commit[:12]} --out {shlex.quote(place)}"
    return f"mkdir -p {folder} && {got}"


def _predict(arm: str, root: str, model: str, prompt: str, out: str) -> str:
    given = {
        "arm": f"{arm}-compared",
        "test": f"{root}{SPLIT}/test.jsonl",
        "new": f"{root}{SPLIT}/new.jsonl",
        "few-shot": f"{root}{SPLIT}/few_shot/{prompt}.jsonl",
        **{name: f"{root}task/{name}" for name in ("probes", "cases", "texts")},
        "harness": "task/harness",  # as the parameters, of this tree
        "model": model,
        "prompt": f"{root}task/prompts/{prompt}.yaml",
        "out": out,
    }
    return f"python -m pipeline.predict {' '.join(f'--{key} {shlex.quote(value)}' for key, value in given.items())}"
