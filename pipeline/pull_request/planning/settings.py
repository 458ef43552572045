"""Section `plan` of params.yaml, and the other values of it that a plan reads."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.stage import PARAMS_FILE, Params, load_params, read_yaml


class PlanParams(Params):
    """Section `plan`. `gpu_usd_per_hour` is None where nobody has looked it up; `remote_s` seconds are waited for the remote in all."""

    section: ClassVar[str] = "plan"
    gpu_usd_per_hour: Annotated[float, Field(ge=0)] | None
    remote_s: Annotated[float, Field(gt=0)]


class Settings:
    """params.yaml as it stands; other sections than `plan` belong to stages, which check them."""

    def __init__(self, root: Path) -> None:
        self.plan = load_params(PlanParams, root / PARAMS_FILE)
        self._all = read_yaml(root / PARAMS_FILE)

    def at(self, *keys: str) -> Any:
        """The value below these keys, None where there is none."""
        value = self._all
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def number(self, *keys: str) -> float | None:
        """The same, where it is a number."""
        value = self.at(*keys)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def phases(self) -> list[str]:
        """What is trained, in this order."""
        phases = self.at("train", "phases")
        return [str(phase) for phase in phases] if isinstance(phases, list) else []
