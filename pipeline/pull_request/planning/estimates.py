"""What the stages that run would take, from what they took before.

An estimate is an earlier figure times what is known to change in proportion: epochs, and the size of what is trained on or asked.
Where something else changed that may matter, or nothing is known, that is said, and no figure is made up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.model.hosted.hosted import hosted_file
from pipeline.pull_request.planning.expected import Tree
from pipeline.pull_request.planning.measured import ArmTook, Measured
from pipeline.pull_request.planning.settings import Settings
from pipeline.pull_request.planning.walking import RUNNING, Cause, Planned
from pipeline.pull_request.verifying.locked import Entry

# By stage: the dependencies in proportion to which it takes longer.
PROPORTIONAL = {
    "train": ("data/split/train.jsonl",),
    "predict": ("data/split/test.jsonl", "data/split/new.jsonl", "task/probes", "task/cases"),
}
HARMLESS = ("train.seed", "train.schedule", "train.warmup_share", "train.weight_decay")
ADAPTER = "models/adapter"


@dataclass(frozen=True)
class Estimate:
    """Of one stage; None where it is not known. `notes` say how the figures came about. `cost` is US dollars of a service."""

    seconds: float | None
    is_on_gpu: bool
    peak_mib: float | None
    peak_gpu_mib: float | None
    tokens: tuple[int, int] | None
    cost: float | None
    most_cost: float | None
    is_service: bool
    notes: tuple[str, ...]


def estimates_of(plan: Iterable[Planned], tree: Tree, measured: Measured, settings: Settings) -> dict[str, Estimate]:
    """By name of each stage that runs or may run."""
    return {one.step.name: _estimate(one, tree, measured, settings) for one in plan if one.fate in RUNNING}


def _estimate(planned: Planned, tree: Tree, measured: Measured, settings: Settings) -> Estimate:
    name = planned.step.name
    stage, _, arm = name.partition("@")
    took, asked = measured.stages.get(name), measured.arms.get(arm) if stage == "predict" else None
    factor, notes = _factor(planned, tree, settings)
    is_service = _is_service(stage, arm, settings, tree.project.root)
    was_service = asked.engine == "service" if asked else is_service
    if is_service != was_service:
        took, asked = None, None
        notes = [*notes, "what answers is of another kind now"]
    return Estimate(
        seconds=took.seconds * factor if took else None,
        is_on_gpu=bool(took and took.peak_gpu_mib),
        peak_mib=took.peak_mib if took else None,
        peak_gpu_mib=took.peak_gpu_mib if took else None,
        tokens=(round(asked.prompt_tokens * factor), round(asked.answer_tokens * factor)) if asked else None,
        cost=_cost(asked, factor, arm, settings) if asked and is_service else None,
        most_cost=_most_cost(stage, settings) if is_service else None,
        is_service=is_service,
        notes=tuple(notes),
    )


def _factor(planned: Planned, tree: Tree, settings: Settings) -> tuple[float, list[str]]:
    """By what an earlier figure is multiplied, and in words why."""
    stage = planned.step.name.partition("@")[0]
    factor, notes = _by_size(planned, PROPORTIONAL.get(stage, ()), tree)
    for cause in planned.causes:
        if cause.kind != "setting":
            continue
        phase = cause.place.removeprefix("train.").removesuffix(".epochs")
        if stage == "train" and cause.place.endswith(".epochs") and settings.phases == [phase]:
            was, now = _number(cause.was), _number(cause.now)
            if was and now:
                factor *= now / was
                notes.append(f"times {now / was:.2f} for the epochs; it may stop before")
                continue
        if (stage == "train" and _concerns(cause, settings)) or stage == "predict":
            notes.append(f"as it was, but {code(cause.place, LONGEST)} changed")
    return factor, notes


def _concerns(cause: Cause, settings: Settings) -> bool:
    """Whether a parameter of train may matter for time: not one of a phase that is not trained, and not a seed."""
    first = cause.place.split(".")[1] if "." in cause.place else cause.place
    is_idle = isinstance(settings.at("train", first), dict) and first not in (*settings.phases, "adapter")
    is_rate = cause.place.endswith(".learning_rate")
    return not is_idle and not is_rate and cause.place not in HARMLESS


def _by_size(planned: Planned, names: tuple[str, ...], tree: Tree) -> tuple[float, list[str]]:
    deps = [dep for dep in planned.step.deps if dep.path in names]
    unknown = [dep.path for dep in deps if any(one.kind == "maybe" and one.place == dep.path for one in planned.causes)]
    if unknown:
        return 1.0, [f"as it was; the size of {_listed(unknown)} is known once the stages before have run"]
    changed = [dep for dep in deps if any(one.place == dep.path for one in planned.causes)]
    if not changed:
        return 1.0, []
    before, after = (sum(sizes) for sizes in zip(*(_sizes(dep, tree) for dep in deps), strict=True))
    if not before or not after:
        return 1.0, ["the change of size is not known"]
    return after / before, [f"times {after / before:.2f} for the size of {_listed(dep.path for dep in changed)}"]


def _sizes(dep: Entry, tree: Tree) -> tuple[int, int]:
    """Bytes when the stage last ran and now; now as before where it is not on this machine."""
    before = dep.size or 0
    return before, tree.size(dep.path) or before


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(code(path, LONGEST) for path in paths)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_service(stage: str, arm: str, settings: Settings, root: Path) -> bool:
    """Whether a service trains or answers."""
    is_api = "api" in settings.phases
    if stage != "predict":
        return stage == "train" and is_api
    model = str(settings.at("arms", arm, "model") or "")
    if model == ADAPTER:
        return is_api
    return bool(model) and hosted_file(root / model) is not None


def _cost(asked: ArmTook, factor: float, arm: str, settings: Settings) -> float | None:
    """By today's prices of a model that a service trains for us, else what it cost before."""
    prices = settings.number("train", "api", "price_in"), settings.number("train", "api", "price_out")
    if settings.at("arms", arm, "model") == ADAPTER and prices[0] and prices[1]:
        return (asked.prompt_tokens * prices[0] + asked.answer_tokens * prices[1]) * factor / 1e6
    return None if asked.cost is None else asked.cost * factor


def _most_cost(stage: str, settings: Settings) -> float | None:
    """The cap, above which a stage asks nothing."""
    return settings.number("train", "api", "max_cost") if stage == "train" else settings.number("predict", "max_cost")
