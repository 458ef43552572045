"""Should we fine-tune at all? Ten checks with what says so, and what follows from them.

    python -m pipeline.desk.checklist

Looks at the sources as they are, at what people said of them, at git, and at what runs have left; needs none of these to be there.
Changes nothing. Exits 0 whatever it says, and 1 for an input that cannot be read.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.classified import ClassifyParams
from pipeline.data.reviews import ReviewParams
from pipeline.desk.deciding.check import Check, Status
from pipeline.desk.deciding.churn import churn
from pipeline.desk.deciding.data_checks import examples, facts, reviewed, steady, targets
from pipeline.desk.deciding.measured import Measured, measured
from pipeline.desk.deciding.recommending import Advice, recommended
from pipeline.desk.deciding.run_checks import cheaper, kept, luck, pays, short
from pipeline.desk.deciding.settings import ChecklistParams
from pipeline.desk.deciding.sources import Task, task
from pipeline.desk.inputs import SCHEMA
from pipeline.desk.judged import candidates
from pipeline.desk.reviewing.shown import shown
from pipeline.evaluate import PROMPTED, TUNED, EvaluateParams, check_targets
from pipeline.stage import Fault, load_params
from pipeline.validate import ValidateParams

README = Path("task/README.md")
LONGEST = 400  # characters of a line of evidence
MARKS: dict[Status, tuple[str, str]] = {"yes": ("✓", "+"), "no": ("✗", "-"), "not known yet": ("?", "?")}


def data_checks(params: ChecklistParams, wanted: dict[str, float], given: Task, described: str) -> list[Check]:
    """The checks that need no run."""
    review, validation = load_params(ReviewParams), load_params(ValidateParams)
    return [
        targets(wanted, described),
        examples(given.supply, {change: params.examples[change] for change in params.changes}),
        reviewed(given.reviewed, review.origins, validation.max_unreviewed_share),
        facts(given.facts, params.max_facts_share),
        steady(churn(Path.cwd(), params.churn_days, datetime.now(UTC)), params.max_churn),
    ]


def run_checks(params: ChecklistParams, wanted: dict[str, float], found: Measured) -> list[Check]:
    """The checks of what was measured."""
    price = cheaper(
        found.tokens.get(PROMPTED), found.tokens.get(TUNED), (params.prompted, params.tuned), params.training
    )
    prompted = found.prompted if isinstance(found.prompted, dict) else {}
    missed = [name for name, mean in found.tuned.items() if mean.mean < wanted.get(name, 0.0)]
    return [
        short(wanted, found.prompted),
        price,
        pays(found.worth, price.status, missed),
        luck(found.pairs, prompted, found.seeds, candidates(Path.cwd())),
        kept(found.drop),
    ]


def told(checks: Sequence[Check], advice: Sequence[Advice], marks: dict[Status, str]) -> str:
    """The checks, their evidence below each, and what follows. Evidence holds texts of data and reports: it is shown safely."""
    lines = ["Should we fine-tune at all?", ""]
    for check in checks:
        unknown = ": not known yet" if check.status == "not known yet" else ""
        lines += [
            f"{marks[check.status]} {check.claim}{unknown}",
            *(f"    {shown(line, LONGEST)}" for line in check.evidence),
        ]
    lines += ["", "What to do:"]
    lines += [f"  {number}. {word}: {reason}." for number, (word, reason) in enumerate(advice, 1)]
    return "\n".join(lines)


def marks(encoding: str | None) -> dict[Status, str]:
    """Ticks and crosses, in ASCII where the terminal writes no others."""
    try:
        "✓✗".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return {status: plain for status, (_, plain) in MARKS.items()}
    return {status: mark for status, (mark, _) in MARKS.items()}


def checklist() -> str:
    """The whole list in words. Raises Fault for an input that cannot be read."""
    params, evaluation = load_params(ChecklistParams), load_params(EvaluateParams)
    params.check_examples()
    check_targets(evaluation, Contract.load(SCHEMA), load_params(ClassifyParams).classifiers)
    wanted = evaluation.targets
    described = README.read_text(encoding="utf-8", errors="replace") if README.is_file() else ""
    found = measured()
    checks = data_checks(params, wanted, task(params.common_share), described) + run_checks(params, wanted, found)
    worth = "" if isinstance(found.worth, str) else found.worth.word
    return told(checks, recommended(checks, worth), marks(sys.stdout.encoding))


def main() -> None:
    try:
        text = checklist()
    except Fault as fault:
        sys.exit(f"checklist: {fault}")
    print(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode(sys.stdout.encoding or "utf-8"))


if __name__ == "__main__":
    main()
