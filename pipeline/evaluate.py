"""Score the arms on the test set and compare them, pair by pair.

Reads   predictions     a folder an arm (pipeline.data.predictions)
        test, new       pipeline.data.records.Record, with the reference answers; `new` waits for the next test set
        schema          the contract of an answer
        test_set        the frozen ids, whose digest the comparison names
Writes  report          the headline metrics of each arm as plain numbers: what `dvc metrics diff` shows
        comparison      n, intervals, pairs and verdicts
Format accuracy is the share of answers that parse and meet the schema; every field with one right value is scored by exact
match, every free text by ROUGE-L. An answer that does not parse scores nothing anywhere. Of preferences, preference accuracy
is the share of which the arm holds the better answer likelier than the worse one (log-likelihoods of the whole answers).
Slices are the tags and origins of the records.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.records import Record, read_records
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_test_set
from pipeline.scoring.answers import Scores, score
from pipeline.stage import Fault, Params, run, write_report

TUNED = "tuned"
PREFERENCE = "preference_accuracy"


class EvaluateParams(Params):
    """Section `evaluate`. `margin`: the drop of a metric that still counts as no worse. `targets`: metric and wanted value."""

    section: ClassVar[str] = "evaluate"
    margin: Annotated[float, Field(ge=0, lt=1)]
    targets: dict[str, Annotated[float, Field(ge=0, le=1)]]


def metric_names(contract: Contract) -> list[str]:
    """The metrics that a task with this contract can have, the headline first; the last one of preferences alone."""
    return [
        "format_accuracy",
        *(f"exact_{name}" for name in contract.exact_fields),
        *(f"rouge_l_{name}" for name in contract.text_fields),
        PREFERENCE,
    ]


def estimates(
    arms: dict[str, Predictions], name: str, records: Sequence[Record], contract: Contract
) -> tuple[dict[str, Scores], dict[str, Any]]:
    """Scores of each arm on a set, and the mean of each metric with its interval and n."""
    from pipeline.scoring.rates import estimate

    ids = [record.id for record in records]
    scores = {
        arm: score(given.texts(name, ids), [record.answer for record in records], contract)
        for arm, given in arms.items()
    }
    for arm, given in arms.items():
        scores[arm] |= preference(given, name, records)
    for arm, found in scores.items():
        for metric, values in found.items():
            if not all(0 <= value <= 1 for value in values):
                raise Fault(f"{arm}: {metric}", "scores an answer with no number between 0 and 1", "mend the metric")
    return scores, {
        arm: {
            metric: _rounded(asdict(estimate(values, groups_of(metric, records)))) for metric, values in found.items()
        }
        for arm, found in scores.items()
    }


def preference(given: Predictions, name: str, records: Sequence[Record]) -> Scores:
    """Preference accuracy of each preference of a set, where there is one and the arm gave likelihoods."""
    keys = [(name, record.id) for record in records if record.rejected]
    return {PREFERENCE: [float(given.preferred.get(key, False)) for key in keys]} if keys and given.preferred else {}


def measured(metric: str, records: Sequence[Record]) -> list[Record]:
    """The records that a metric has a value for."""
    return [record for record in records if metric != PREFERENCE or record.rejected]


def groups_of(metric: str, records: Sequence[Record]) -> list[str]:
    """The groups of the records that a metric has a value for."""
    return [record.group for record in measured(metric, records)]


def slices_of(records: Sequence[Record], metrics: set[str]) -> dict[str, dict[str, list[int]]]:
    """Positions of the values of each tag and origin, by metric; what all records share is no slice."""
    slices: dict[str, dict[str, list[int]]] = {}
    for metric in sorted(metrics):
        chosen = measured(metric, records)
        for at, record in enumerate(chosen):
            for name in (*(f"tag {tag}" for tag in dict.fromkeys(record.tags)), f"origin {record.origin}"):
                slices.setdefault(name, {}).setdefault(metric, []).append(at)
        for name in [name for name, given in slices.items() if len(given.get(metric, ())) == len(chosen)]:
            del slices[name][metric]
    return dict(sorted(slices.items()))


def evaluate(
    arms: dict[str, Predictions], records: Sequence[Record], contract: Contract, params: EvaluateParams
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Headline numbers, and the comparison: intervals an arm, and the tuned arm against each other one."""
    from pipeline.scoring.slices import compare_family

    scores, intervals = estimates(arms, "test", records, contract)
    names = {name for given in scores.values() for name in given}
    groups = {name: groups_of(name, records) for name in names}
    slices = slices_of(records, names)
    found = {
        f"{TUNED} against {name}": compare_family(scores[TUNED], given, groups, slices, params.margin)
        for name, given in scores.items()
        if name != TUNED and TUNED in scores
    }
    headline = {
        name: {metric: interval["mean"] for metric, interval in given.items()} for name, given in intervals.items()
    }
    yardstick = {name: arm.arm for name, arm in arms.items()}
    targets = {
        metric: {"wanted": wanted, **{name: given.get(metric, 0.0) >= wanted for name, given in headline.items()}}
        for metric, wanted in params.targets.items()
    }
    return headline, {
        "arms": intervals,
        "pairs": {name: overall for name, (overall, _) in found.items()},
        "slices": {name: parts for name, (_, parts) in found.items()},
        "margin": params.margin,
        "targets": targets,
        "yardstick": yardstick,
    }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}


def check_targets(params: EvaluateParams, contract: Contract) -> None:
    """Raises Fault for a target of a metric that the schema does not give."""
    for metric in params.targets:
        if metric not in metric_names(contract):
            raise Fault(
                f"params.yaml: evaluate.targets.{metric}",
                "is no metric of this schema",
                f"take one of {', '.join(metric_names(contract))}",
            )


def main(
    params: EvaluateParams,
    predictions: Path,
    test: Path,
    new: Path,
    schema: Path,
    test_set: Path,
    report: Path,
    comparison: Path,
) -> None:
    contract, records, arms = Contract.load(schema), read_records(test), read_arms(predictions)
    check_targets(params, contract)
    if PREFERENCE in params.targets and not any(record.rejected for record in records):
        place = f"params.yaml: evaluate.targets.{PREFERENCE}"
        raise Fault(place, "has nothing to be measured on: the test set holds no preference", "take the target out")
    check_complete(arms, "test", [record.id for record in records], predictions)
    waiting = read_records(new)
    check_complete(arms, "new", [record.id for record in waiting], predictions)
    headline, beside = evaluate(arms, records, contract, params)
    beside["new"] = estimates(arms, "new", waiting, contract)[1] if waiting else {}
    beside["test_set"] = of_test_set(TestSet.load(test_set))
    write_report(report, headline)
    write_report(comparison, beside)
    print(f"evaluate: {len(arms)} arms on {len(records)} test records")


if __name__ == "__main__":
    run(main)
