"""How long the models that a tree names can be had: what is pinned, under which licence, and the day on which a service ends one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from pipeline.desk.accepted import FOLDER, POINTER
from pipeline.desk.inputs import BASE
from pipeline.desk.run import ADAPTER
from pipeline.model.adapter import BASE as BASE_NAME
from pipeline.model.base import Base, load_base
from pipeline.model.hosted.hosted import hosted_file, load_hosted
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import PARAMS_FILE, Params, load_params, read_yaml

COMMIT = re.compile(r"[0-9a-f]{40}")


class LifecycleParams(Params):
    """Section `lifecycle`: the day on which a service ends a model, by the model's name there, and how early that is said."""

    section: ClassVar[str] = "lifecycle"
    warn_days: Annotated[int, Field(ge=0)]
    shutdown: dict[str, date]


@dataclass(frozen=True)
class Remark:
    """A line; `is_over` where the model cannot be relied on any more."""

    is_over: bool
    said: str


@dataclass(frozen=True)
class Named:
    """What a tree names: bases by the file that pins them, and models of services by the place that names them."""

    bases: dict[str, Base]
    hosted: dict[str, str]


def named(root: Path = Path()) -> Named:
    """The models that this tree names, as far as they are on this machine. Raises Fault for a file that is wrong."""
    bases = {str(place): root / place for place in (BASE, ADAPTER / BASE_NAME, FOLDER / BASE_NAME)}
    arms = (read_yaml(root / PARAMS_FILE) or {}).get("arms") or {}
    files = {f"arms.{name}": hosted_file(root / arm["model"]) for name, arm in sorted(arms.items())}
    hosted = {place: load_hosted(file).model for place, file in files.items() if file and file.is_file()}
    training = load_params(TrainParams, root / PARAMS_FILE)
    if training.is_hosted:
        hosted["train.api.model"] = training.api.model
    return Named({place: load_base(file) for place, file in bases.items() if file.is_file()}, hosted)


def remarks(found: Named, params: LifecycleParams, today: date) -> list[Remark]:
    """What is to be said, each once."""
    said = [
        *(remark for place, base in found.bases.items() for remark in of_base(base, place)),
        *(of_service(model, place, params.shutdown, params.warn_days, today) for place, model in found.hosted.items()),
    ]
    return list(dict.fromkeys(remark for remark in said if remark))


def of_base(base: Base, place: str) -> Iterable[Remark]:
    """What is wrong with how a base is pinned."""
    if base.revision and not COMMIT.fullmatch(base.revision):
        fault = f"{place}: pins {base.model} at {base.revision!r}, which is no commit and can move"
        yield Remark(True, f"{fault}; make base MODEL={base.model}")
    if not base.files:
        yield Remark(True, f"{place}: names no digest of a file of {base.model}; make base MODEL={base.model}")
    if base.licence in ("", "unknown"):
        yield Remark(False, f"{place}: says no licence of {base.model}; read its card, and write what it says")


def of_service(model: str, place: str, shutdown: Mapping[str, date], warn_days: int, today: date) -> Remark | None:
    """When the service ends a model: over from that day on, and said `warn_days` before."""
    known = f"{PARAMS_FILE}: lifecycle.shutdown"
    ends = shutdown.get(model)
    if ends is None:
        return Remark(
            False, f"{known}: has no day for {model} ({place}); look up when its service ends it, and write it there"
        )
    left = (ends - today).days
    if left <= 0:
        return Remark(True, f"{place}: the service ended {model} on {ends}; train on another model, and promote that")
    if left <= warn_days:
        said = f"{place}: the service ends {model} on {ends}, in {left} day{'' if left == 1 else 's'}"
        return Remark(False, f"{said}; train on another model before")
    return None


def told(found: Named) -> list[str]:
    """What is pinned, a line each, for people."""
    bases = [
        f"{place}: {base.model} {base.revision[:12] or 'by the digests of its files'}, licence {base.licence}"
        for place, base in found.bases.items()
    ]
    there = [f"{POINTER}: {'there is an accepted model' if POINTER.is_file() else 'no accepted model yet'}"]
    return [*bases, *(f"{place}: {model}, a model of a service" for place, model in found.hosted.items()), *there]
