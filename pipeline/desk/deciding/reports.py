"""The reports as far as a decision needs them. One that is not there yet, or of another run, is not known; a wrong one is a Fault."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.data.records import parse_json
from pipeline.stage import Fault

Share = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=0)]
Tokens = Annotated[float, Field(ge=0)]
ANEW = "run make run, which writes it anew"


class Part(BaseModel):
    """A part of a report; what is not read of it is nobody's business here."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class Mean(Part):
    mean: Share
    low: Share
    high: Share
    n: Count


class Pair(Part):
    difference: Change
    low: Change
    high: Change
    n: Count
    verdict: Literal["better", "worse", "no worse", "cannot tell"]


class Load(Part):
    """Tokens that an arm reads and writes a request, in the mean; 0 where nothing was counted."""

    read: Tokens
    written: Tokens


class Worth(Part):
    word: Literal["fine-tune", "prompt", "mixed", "tie", "cannot tell"]
    because: str
    words_alone_are_better_on: str = ""


class Comparison(Part):
    """`reports/comparison.json`. An older one lacks what came later."""

    arms: dict[str, dict[str, Mean]]
    pairs: dict[str, dict[str, Pair]]
    tokens: dict[str, Load] = {}
    worth: Worth | None = None
    test_set: str | None = None
    yardstick: dict[str, dict[str, object]] = {}


class Drop(Part):
    probes: Pair | None = None
    texts: Pair | None = None


class Forgetting(Part):
    questions: str | None = None
    drop: Annotated[Drop | None, Field(alias="tuned against base")] = None


class Spread(Part):
    least: Share
    most: Share


class Seeds(Part):
    seeds: list[int]
    metrics: dict[str, Spread]
    shaped_by: str


class Synthesis(Part):
    approved: Count
    waiting: Count
    disputed: Count


R = TypeVar("R", bound=Part)


def read(kind: type[R], path: Path) -> R | None:
    """A report, None where there is none. Raises Fault for one that is wrong."""
    if not path.is_file():
        return None
    try:
        return kind.model_validate(parse_json(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Fault(f"{path}: {key}", first["msg"][0].lower() + first["msg"][1:], ANEW) from None
    except ValueError as error:
        raise Fault(path, f"is not JSON ({error})", ANEW) from None
