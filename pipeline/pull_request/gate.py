"""Hold the reports to the rules of params.yaml: a line a rule.

    python -m pipeline.pull_request.gate

Exits 1 where a rule fails or cannot be judged, 0 where all pass or only warn. It computes nothing anew: make run measures.
"""

import sys
from pathlib import Path

from pipeline.data.reports import ANEW
from pipeline.desk.accepted import ARM, has_arm
from pipeline.desk.inputs import CASES, PROBES, TEST_SET
from pipeline.desk.run import REPORTS
from pipeline.evaluate import EvaluateParams
from pipeline.pull_request.results import Results, read_results
from pipeline.pull_request.rules import GateParams, Outcome, judge
from pipeline.stage import PARAMS_FILE, Fault, load_params


def gate(params: GateParams, results: Results) -> list[Outcome]:
    """The outcome of each rule. Raises Fault for one that names what the reports have not."""
    return [judge(rule, results, f"{PARAMS_FILE}: gate.rules.{at}") for at, rule in enumerate(params.rules)]


def check_accepted(results: Results) -> None:
    """Raises Fault where there is an accepted model and the reports are of before: a rule against it would read as too early."""
    if has_arm() and f"tuned against {ARM}" not in results.pairs:
        raise Fault(REPORTS / "comparison.json", f"has no arm {ARM}, and {PARAMS_FILE} has", ANEW)


def is_red(outcomes: list[Outcome]) -> bool:
    return any(outcome.status in ("fail", "error") for outcome in outcomes)


def told(outcomes: list[Outcome]) -> str:
    """A line a rule, and one for all of them."""
    lines = [f"{outcome.status:5}  {outcome.said}" for outcome in outcomes]
    counts = [
        f"{sum(outcome.status == status for outcome in outcomes)} {word}"
        for status, word in (
            ("pass", "passed"),
            ("warn", "warned"),
            ("fail", "failed"),
            ("error", "could not be judged"),
        )
        if any(outcome.status == status for outcome in outcomes)
    ]
    return "\n".join([*lines, f"gate: of {len(outcomes)} rules {', '.join(counts)}"])


def main() -> None:
    try:
        params, targets = load_params(GateParams), load_params(EvaluateParams).targets
        results = read_results(REPORTS, targets, Path(TEST_SET), PROBES, CASES)
        check_accepted(results)
        outcomes = gate(params, results)
    except Fault as fault:
        sys.exit(f"gate: {fault}")
    print(told(outcomes))
    sys.exit(1 if is_red(outcomes) else 0)


if __name__ == "__main__":
    main()
