"""The reports as far as a decision needs them. One that is not there yet, or of another run, is not known; a wrong one is a Fault."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from pipeline.data.reports import Change, Count, Part, Share, read_report

Tokens = Annotated[float, Field(ge=0)]


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
    tokens: dict[str, Load] = Field(default_factory=dict)
    worth: Worth | None = None
    test_set: str | None = None
    yardstick: dict[str, dict[str, object]] = Field(default_factory=dict)


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
    return read_report(kind, path)
