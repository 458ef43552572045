"""The reports as a gate reads them: checked, of one run, and of the test set and the questions that stand in the repository."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.data.questions import read_questions
from pipeline.data.reports import ANEW, Change, Count, Part, Share, read_plain, read_report
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_questions, of_test_set
from pipeline.stage import Fault

ROUNDED = 1e-4


class Mean(Part):
    """`pipeline.scoring.rates.Estimate`, as written."""

    mean: Share
    low: Share
    high: Share
    n: Count
    effective_n: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _is_ordered(self) -> "Mean":
        if not self.low - ROUNDED <= self.mean <= self.high + ROUNDED:
            raise ValueError("the mean is not within its interval")
        return self


class Difference(Part):
    """`pipeline.scoring.paired.Comparison`, as written."""

    difference: Change
    low: Change
    high: Change
    n: Count
    groups: Count
    fixed: Count
    broken: Count
    p: Share
    detectable: Share
    least_margin: Share
    test: Literal["exact", "flips"]

    @model_validator(mode="after")
    def _is_ordered(self) -> "Difference":
        if not self.low - ROUNDED <= self.difference <= self.high + ROUNDED:
            raise ValueError("the difference is not within its interval")
        if self.fixed + self.broken > self.n or self.groups > self.n:
            raise ValueError("more changed than there is")
        return self


class Judged(Part):
    """What the judge says of two arms on a dimension: `net` is the share won less the share lost, none where it tells nothing."""

    may_count: bool
    because: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
    net: Difference | None


class JudgedPair(Part):
    n_differ: Count
    dimensions: dict[str, Judged]


class JudgeReport(Part):
    pairs: dict[str, JudgedPair]


class ComparisonReport(Part):
    arms: dict[str, dict[str, Mean]]
    pairs: dict[str, dict[str, Difference]]
    targets: dict[str, dict[str, float | bool]]
    test_set: str
    judge: JudgeReport


class Drop(Part):
    probes: Difference | None = None  # there are none
    texts: Difference | None = None  # there are none, or an arm is a service's


class ForgettingReport(Part):
    cases_failed: dict[str, list[str]]
    n_cases: Count
    questions: str
    drop: Annotated[Drop | None, Field(alias="tuned against base")] = None  # an arm is missing


@dataclass(frozen=True)
class Results:
    """What the rules are held against; all of the arm tuned."""

    pairs: dict[str, dict[str, Difference]]
    tuned: dict[str, Mean]
    targets: dict[str, float]
    probes: Difference | None
    texts: Difference | None
    failed_cases: list[str]
    n_cases: int
    judged: dict[str, JudgedPair]


def read_results(reports: Path, targets: dict[str, float], test_set: Path, probes: Path, cases: Path) -> Results:
    """The reports of a run. Raises Fault for one that is missing, wrong, or of another test set, questions or targets."""
    comparison = read_report(ComparisonReport, reports / "comparison.json")
    forgetting = read_report(ForgettingReport, reports / "forgetting.json")
    headline = read_plain(reports / "evaluation.json")
    place = reports / "comparison.json"
    if headline != {arm: {name: one.mean for name, one in given.items()} for arm, given in comparison.arms.items()}:
        raise Fault(reports / "evaluation.json", f"has other means than {place}", ANEW)
    if comparison.test_set != of_test_set(TestSet.load(test_set)):
        raise Fault(place, f"is of another test set than {test_set}", ANEW)
    if forgetting.questions != of_questions([*read_questions(probes), *read_questions(cases)]):
        raise Fault(reports / "forgetting.json", f"is of other questions than those of {probes} and {cases}", ANEW)
    if {name: target.get("wanted") for name, target in comparison.targets.items()} != targets:
        raise Fault(place, "is of other targets than evaluate.targets in params.yaml", ANEW)
    if "tuned" not in comparison.arms or "tuned" not in forgetting.cases_failed:
        raise Fault(place, "has no arm tuned", "run make run; make baseline leaves it out")
    return Results(
        comparison.pairs,
        comparison.arms["tuned"],
        targets,
        forgetting.drop.probes if forgetting.drop else None,
        forgetting.drop.texts if forgetting.drop else None,
        forgetting.cases_failed["tuned"],
        forgetting.n_cases,
        comparison.judge.pairs,
    )
