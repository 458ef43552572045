"""Who judges whose answers, by what rubric, and what it takes before that counts."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.remote.service import Service
from pipeline.stage import Fault, Params, checked, read_yaml

Words = Annotated[str, Field(pattern=r"\S")]
PLACE = "params.yaml: judge"


class Counts(BaseModel):
    """What it takes before the judge's verdict on a pair of arms counts.

    `examples`: on how many of the same answers people have voted too. `share`: agreement with people that the lower end of the
    interval must exceed. `alpha`: the least agreement beyond chance. `max_unreadable`: share of the pairs of answers with a reply that is
    no verdict.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    examples: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(ge=0.5, lt=1)]
    alpha: Annotated[float, Field(ge=0, le=1)]
    max_unreadable: Annotated[float, Field(ge=0, lt=1)]


class JudgeParams(Params):
    """Section `judge`. `pairs`: whose answers it compares; none, and nobody is asked. `shows_reference`: it reads the reference answer too.

    What it is asked are the dimensions of section `rate`, so that it and people answer the same question.
    """

    section: ClassVar[str] = "judge"
    pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    shows_reference: bool
    service: Service
    counts: Counts

    @field_validator("pairs")
    @classmethod
    def _are_pairs(cls, pairs: list[list[str]]) -> list[list[str]]:
        if any(one == other for one, other in pairs):
            raise ValueError("an arm is compared with itself")
        if len({frozenset(pair) for pair in pairs}) < len(pairs):
            raise ValueError("two arms are compared twice")
        return pairs

    def check_arms(self, arms: Collection[str]) -> None:
        """Raises Fault for a pair of which there is an arm that has no answers."""
        for name in (name for pair in self.pairs for name in pair):
            if name not in arms:
                known = ", ".join(sorted(arms)) or "none"
                raise Fault(f"{PLACE}.pairs", f"names {name!r}, which is no arm that answers", f"take two of: {known}")


class Rubric(BaseModel):
    """What the judge goes by: `about` the assistant, and of each dimension what is better there and what is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    about: Words
    dimensions: dict[str, Words]


def load_rubric(path: Path, dimensions: Collection[str]) -> Rubric:
    """Read the file of a rubric. Raises Fault at a wrong key, and where it is not of the dimensions that people are asked."""
    rubric = checked(Rubric, read_yaml(path), str(path))
    for name in dimensions:
        if name not in rubric.dimensions:
            raise Fault(f"{path}: dimensions", f"has no {name}, which rate.dimensions asks", "write its rubric")
    for name in rubric.dimensions:
        if name not in dimensions:
            remedy = "name it there too, or take it out"
            raise Fault(f"{path}: dimensions.{name}", "is none of rate.dimensions", remedy)
    return rubric
