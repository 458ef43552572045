"""The section `checklist` of params.yaml: what it takes before a fine-tune is worth a try."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.stage import PARAMS_FILE, Fault, Params

Change = Literal["format", "classification", "domain", "behaviour"]
Price = Annotated[float, Field(ge=0)] | None
Count = Annotated[int, Field(ge=1)]
Part = Annotated[float, Field(ge=0, le=1)]


class Prices(BaseModel):
    """US dollars a million tokens that are read (`price_in`) and written; None where nobody has looked them up yet."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    price_in: Price
    price_out: Price


class ChecklistParams(Params):
    """Section `checklist`.

    `changes`: what the fine-tune is to bring. `examples`: how many each change takes, `classification` of each label.
    `common_share` of the answers: what stands in more of them is house style and no fact. `max_facts_share` of the examples.
    `max_churn`: lines of the task that changed in `churn_days`, as a share of those that are there. `training`: US dollars.
    """

    section: ClassVar[str] = "checklist"
    changes: Annotated[list[Change], Field(min_length=1)]
    examples: dict[Change, Count]
    common_share: Part
    max_facts_share: Part
    churn_days: Count
    max_churn: Annotated[float, Field(ge=0)]
    prompted: Prices
    tuned: Prices
    training: Price

    def check_examples(self) -> None:
        """Raises Fault for a change of which `examples` does not say how many it takes."""
        for change in self.changes:
            if change not in self.examples:
                raise Fault(
                    f"{PARAMS_FILE}: checklist.examples.{change}", "is missing", "say how many examples it takes"
                )
