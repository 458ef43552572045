"""Reports read back: each part checked on entry, so that a value that was edited by hand is a line and no wrong conclusion."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.data.records import parse_json
from pipeline.stage import Fault

Share = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=0)]
ANEW = "run make run, which writes it anew"


class Part(BaseModel):
    """A part of a report: what is read of it has its type, and the rest is nobody's business here."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


R = TypeVar("R", bound=Part)


def read_report(kind: type[R], path: Path) -> R:
    """A report. Raises Fault for one that is missing or wrong."""
    try:
        return kind.model_validate(read_plain(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Fault(f"{path}: {key}", first["msg"][0].lower() + first["msg"][1:], ANEW) from None


def read_plain(path: Path) -> object:
    """A report as it stands. Raises Fault for one that is missing or no JSON."""
    try:
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        raise Fault(path, "no such file", ANEW) from None
    except ValueError as error:
        raise Fault(path, f"is not JSON ({error})", ANEW) from None
