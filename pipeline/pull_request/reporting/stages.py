"""What ran again and why: each stage of dvc.lock against the base commit's."""

from collections.abc import Iterator

from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.comparing.lock import CODE, Lock
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.pending import Pending
from pipeline.pull_request.reporting.scene import Scene, listed, or_told, stage_code
from pipeline.pull_request.reporting.settings import flat
from pipeline.pull_request.verdict import plural

KEYS, FILES = 3, 30  # that are named
NONE = "none"


def part(scene: Scene, pending: list[Pending]) -> Part | None:
    """None where there is no base."""
    if scene.before is None:
        return None
    blocks = or_told(lambda: list(_blocks(scene, {one.stage for one in pending})), scene.root)
    return Part("What ran again, and why", 30, lambda _: blocks, "what ran again", is_quiet=not blocks)


def _blocks(scene: Scene, pending: set[str]) -> Iterator[Block]:
    old, new = scene.lock_before, scene.lock
    if not new.stages:
        yield "There is no `dvc.lock`: nothing has run. `make run` runs it."
        return
    if not old.stages:
        yield f"The base has no `dvc.lock`; here all {plural(len(new.stages), 'stage')} ran."
        return
    rows, files = list[tuple[str, ...]](), dict[str, list[str]]()
    for stage in dict.fromkeys([*new.stages, *old.stages]):
        if why := list(_why(stage, old, new)):
            late = ", and it has no result of this state" if stage in pending else ""
            rows.append((stage_code(stage), "; ".join(why), _became(stage, old, new) + late))
            if changed := _changed_code(stage, old, new):
                files.setdefault(listed(changed, FILES), []).append(stage)
    if not rows:
        return
    yield table(("stage", "because of", "its outputs"), rows)
    if same := sum(not list(_why(stage, old, new)) for stage in new.stages):
        yield f"Nothing new for {plural(same, 'stage')}."
    if files:
        lines = tuple(f"{', '.join(map(stage_code, stages))}: {names}" for names, stages in files.items())
        yield Details("Code and requirements that changed", lines)


def _why(stage: str, old: Lock, new: Lock) -> Iterator[str]:
    if stage not in old.stages or stage not in new.stages:
        yield "it is new" if stage in new.stages else "it is gone"
        return
    if old.command(stage) != new.command(stage):
        yield "its command"
    if keys := _changed_params(stage, old, new):
        yield f"{', '.join(keys[:KEYS])}" + (f" and {len(keys) - KEYS} more parameters" if len(keys) > KEYS else "")
    data = [path for path in _changed(stage, "deps", old, new) if not path.startswith(CODE)]
    if data:
        yield listed(data, 4)
    if files := _changed_code(stage, old, new):
        yield plural(len(files), "file") + " of code"


def _changed(stage: str, what: str, old: Lock, new: Lock) -> list[str]:
    then, now = (lock.deps(stage) if what == "deps" else lock.outs(stage) for lock in (old, new))
    return [path for path in dict.fromkeys([*then, *now]) if then.get(path) != now.get(path)]


def _changed_code(stage: str, old: Lock, new: Lock) -> list[str]:
    return [path for path in _changed(stage, "deps", old, new) if path.startswith(CODE)] if stage in old.stages else []


def _changed_params(stage: str, old: Lock, new: Lock) -> list[str]:
    then, now = (
        {f"{key}": value for file, values in lock.settings(stage).items() for key, value in flat(values)}
        for lock in (old, new)
    )
    return [
        f"{code(key)} {code(then.get(key, 'none'))} → {code(now.get(key, 'none'))}"
        for key in dict.fromkeys([*then, *now])
        if then.get(key) != now.get(key)
    ]


def _became(stage: str, old: Lock, new: Lock) -> str:
    if stage not in old.stages or stage not in new.stages:
        return "-"
    changed = _changed(stage, "outs", old, new)
    return listed(changed, 3) if changed else "the same bytes"
