"""What runs have left: the prompt's means, tokens, the fine-tune's worth, seeds, forgetting. What is of another run is not known."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.predictions import Predictions, check_complete, read_predictions
from pipeline.data.questions import read_questions
from pipeline.data.records import read_records
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_questions, of_test_set
from pipeline.desk.baseline import PREDICTIONS, TEST
from pipeline.desk.deciding.reports import Comparison, Drop, Forgetting, Load, Mean, Pair, Seeds, Worth, read
from pipeline.desk.inputs import CASES, PROBES, SCHEMA, TEST_SET
from pipeline.desk.run import REPORTS
from pipeline.desk.seeds import OUT, shaped_by
from pipeline.desk.unchanged import LOCK
from pipeline.evaluate import PROMPTED, TUNED, EvaluateParams, evaluate
from pipeline.stage import Fault, checked, load_params, read_yaml

COMPARISON, FORGETTING = REPORTS / "comparison.json", REPORTS / "forgetting.json"
NO_RUN = "there is no run yet: make run"
OLDER = f"{COMPARISON} is of another test set or prompt, or of an older version: make run"


@dataclass(frozen=True)
class Measured:
    """What is known; in words, why it is not."""

    prompted: dict[str, Mean] | str
    worth: Worth | str
    drop: Drop | str
    seeds: Seeds | str
    tokens: dict[str, Load] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    tuned: dict[str, Mean] = field(default_factory=dict)


def measured() -> Measured:
    """From the reports, where they are of today's test set and prompt, else from what `make baseline` has left. Raises Fault."""
    report, drop, seeds = read(Comparison, COMPARISON), _drop(), _seeds()
    answers = _answers()
    if report is None or not _is_of_today(report, answers):
        why = OLDER if report else NO_RUN
        if answers is None:
            return Measured(
                "there is no prompt baseline yet: make baseline" if report is None else OLDER, why, drop, seeds
            )
        found = _scored(answers)
        return Measured(found.arms[PROMPTED], why, drop, seeds, found.tokens)
    means = report.arms.get(PROMPTED) or "there is no arm prompted in params.yaml"
    worth = report.worth or "there is no tuned model beside the prompted one yet: make run"
    pairs = report.pairs.get(f"{TUNED} against {PROMPTED}", {})
    return Measured(means, worth, drop, seeds, report.tokens, pairs, report.arms.get(TUNED, {}))


def _is_of_today(report: Comparison, answers: Predictions | None) -> bool:
    """Whether it is of the test set as it stands, and of the answers that the prompted arm gave last."""
    if not TEST_SET.exists() or report.test_set != of_test_set(TestSet.load(TEST_SET)):
        return False
    return answers is None or report.yardstick.get(PROMPTED) == answers.arm


def _answers() -> Predictions | None:
    """What the prompted arm answered to today's test set; None where that is not there."""
    folder = PREDICTIONS / PROMPTED
    if not (folder / "arm.json").is_file() or not TEST.is_file() or not TEST_SET.exists():
        return None
    ids, found = [record.id for record in read_records(TEST)], read_predictions(folder)
    try:
        check_complete({PROMPTED: found}, "test", ids, PREDICTIONS)
    except Fault:
        return None
    return found if ids and set(ids) <= TestSet.load(TEST_SET).ids else None


def _scored(answers: Predictions) -> Comparison:
    """The prompted arm alone, scored as `evaluate` does."""
    comparison: dict[str, Any]
    _, comparison, _ = evaluate(
        {PROMPTED: answers}, read_records(TEST), Contract.load(SCHEMA), load_params(EvaluateParams)
    )
    return checked(Comparison, comparison, PREDICTIONS / PROMPTED)


def _drop() -> Drop | str:
    report = read(Forgetting, FORGETTING)
    if report is None:
        return NO_RUN
    if report.questions != of_questions([*read_questions(PROBES), *read_questions(CASES)]):
        return f"{FORGETTING} is of other probes or cases, or of an older version: make run"
    return report.drop or "base and tuned have not been compared yet: make run"


def _seeds() -> Seeds | str:
    found = read(Seeds, OUT)
    if found is None:
        return "how much is luck is not measured: make seeds N=5"
    if not LOCK.is_file() or "train" not in read_yaml(LOCK)["stages"] or found.shaped_by != shaped_by():
        return f"{OUT} is of other data or parameters: make seeds N=5"
    return found
