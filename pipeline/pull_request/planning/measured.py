"""What earlier runs took, as reports/run.json has it: the file is of a commit, and may be of anybody."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StageTook(Part):
    """Seconds and MiB; of a GPU only where the stage had one."""

    seconds: Amount
    peak_mib: Amount | None = None
    peak_gpu_mib: Amount | None = None


class ArmTook(Part):
    """What the arm was really asked when it was last asked. `cost` in US dollars, None where nobody says a price."""

    engine: str
    answers: Annotated[int, Field(ge=0)]
    prompt_tokens: Annotated[int, Field(ge=0)]
    answer_tokens: Annotated[int, Field(ge=0)]
    cost: Amount | None = None


class Machine(Part):
    cores: int | None = None
    processor: str = ""
    system: str = ""


class Measured(Part):
    """`reports/run.json`, or nothing."""

    machine: Machine = Machine()
    stages: dict[str, StageTook] = {}
    arms: dict[str, ArmTook] = {}


def read_measured(path: Path) -> tuple[Measured, str]:
    """What was measured, and why there is nothing."""
    try:
        return Measured.model_validate(json.loads(path.read_bytes())), ""
    except FileNotFoundError:
        return Measured(), "is not there"
    except (OSError, ValueError, RecursionError, ValidationError):
        return Measured(), "cannot be read"
