"""Section `monitor` of the parameters."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.production.monitoring.measures import COUNTED, MEASURES
from pipeline.stage import Fault, Params

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Test = Literal["labels", "length", "language", "vocabulary", "words", "distance"]
Many = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """A mapping within the section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Bound(Part):
    """Beyond what a measure is an alert, on one slice or on all requests; the alert waits for evidence."""

    measure: str
    slice: str = "all"
    min: float | None = None
    max: float | None = None
    on_cannot_tell: Literal["quiet", "warn"]

    @model_validator(mode="after")
    def _has_one_end(self) -> "Bound":
        if (self.min is None) == (self.max is None):
            raise ValueError("it needs min or max, and one of them alone")
        return self


class Drift(Part):
    """How inputs are held against the training data; an alert needs a p and an effect of the size in `bounds`."""

    sample: Annotated[int, Field(ge=1)]
    reference: Annotated[int, Field(ge=10)]
    least: Annotated[int, Field(ge=20)]  # so few groups would fall on one side by chance
    alpha: Share
    looks: Many
    bounds: dict[Test, Share]
    unlike: Share

    @field_validator("bounds")
    @classmethod
    def _has_each(cls, bounds: dict[Test, float]) -> dict[Test, float]:
        if missing := [name for name in get_args(Test) if name not in bounds]:
            raise ValueError(f"has no bound for {', '.join(missing)}")
        return bounds


class Canaries(Part):
    """How canaries are asked: seconds for an answer, and the environment variable with the server's token, "" where it wants none."""

    timeout_s: Positive
    token_env: str


class MonitorParams(Params):
    """Everything that `make monitor` and `make canaries` go by."""

    section: ClassVar[str] = "monitor"
    logs: str
    shape: str
    since: str
    rules: dict[str, str]
    escalation_field: str
    margin: Share
    relative_margin: Positive
    language_sample: Many
    slices: Many
    least: Many
    bounds: list[Bound]
    drift: Drift
    canaries: Canaries

    def check(self, fields: dict[str, dict[str, object]]) -> None:
        """Raises Fault for a bound on a measure that nobody takes, and an escalation field that the schema's `fields` have not got."""
        names = {*MEASURES, *COUNTED, *(f"rule:{rule}" for rule in self.rules)}
        for at, bound in enumerate(self.bounds):
            if bound.measure not in names:
                place = f"params.yaml: monitor.bounds[{at}].measure"
                raise Fault(
                    place, f"is {bound.measure}, which is no measure", f"take one of {', '.join(sorted(names))}"
                )
        if self.escalation_field and fields.get(self.escalation_field, {}).get("type") != "boolean":
            remedy = 'name a field of type boolean of task/answer.schema.json, or ""'
            raise Fault("params.yaml: monitor.escalation_field", f"is {self.escalation_field}, which is none", remedy)
