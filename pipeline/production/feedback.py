"""Failures of production become data: candidates for reviewers, and what these approved as rows to learn and cases that must pass.

    SINCE=7d LOGS=<place> python -m pipeline.production.feedback

Reads what reviewers decided and turns it into `data/feedback/<date>.jsonl` and `task/cases/incidents.jsonl`; then reads a window of logs,
and adds candidates to `data/ledgers/candidates`, which `make review` shows. Writes build/feedback.md, and commits on a branch `feedback/`.
Environment: SINCE, UNTIL, LOGS (no: only what was reviewed), IDS with or without INCIDENT (requests that a person names), COMMIT=no,
WHO. Run again on the same logs it adds nothing.
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate, read_candidates
from pipeline.data.checking.language import LanguageParams, language_guess
from pipeline.data.ledgers import append, read_reviews
from pipeline.data.likeness.template import Template
from pipeline.data.plain_text import plain
from pipeline.data.questions import read_questions
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.data.synthetic.torn import set_aside
from pipeline.desk.inputs import CASES, FEEDBACK, PROPOSED, REVIEWS, SCHEMA, SOURCES
from pipeline.desk.reviewing.queue import RECORDS
from pipeline.desk.reviewing.shown import code
from pipeline.ingest import IngestParams
from pipeline.production.collecting import approving, committing, filing, proposing, telling
from pipeline.production.collecting.drafting import Drafting, request_name
from pipeline.production.collecting.elsewhere import candidates_elsewhere
from pipeline.production.collecting.failures import incident_name
from pipeline.production.collecting.known import Places, known_of
from pipeline.production.collecting.params import FeedbackParams
from pipeline.production.collecting.window import Window, window_of
from pipeline.production.judging import Judge
from pipeline.production.logs.reading import Logs
from pipeline.production.monitoring.settings import MonitorParams
from pipeline.pull_request.data_diff import CACHE, data_diff
from pipeline.pull_request.render import markdown
from pipeline.pull_request.revision import revision_of
from pipeline.stage import Fault, load_params

TRAIN, TEMPLATE = Path("data/split/train.jsonl"), RECORDS.with_name("template.json")
PAGE, MONITORED = Path("build/feedback.md"), Path("build/monitor/report.md")
NO, AUTHOR = "no", "feedback"


@dataclass(frozen=True)
class Asked:
    """What was typed. `logs` is "" for the place of `params.yaml`; `names` gives the name of an incident, or "", by request."""

    since: str
    until: str
    logs: str
    names: dict[str, str]
    is_committed: bool
    now: datetime

    @property
    def day(self) -> str:
        return self.now.date().isoformat()


def asked_of(given: dict[str, str], now: datetime) -> Asked:
    """What the environment says. Raises Fault for an incident without requests."""
    ids = given.get("IDS", "").replace(",", " ").split()
    incident = given.get("INCIDENT", "").strip()
    name = incident_name(incident)
    if incident and not (ids and name):
        remedy = "write make feedback INCIDENT=REFUND-123 IDS=<request>,<request>"
        raise Fault(f"INCIDENT={incident}", "names no requests" if name else "is no name", remedy)
    return Asked(
        given.get("SINCE", ""),
        given.get("UNTIL", ""),
        given.get("LOGS", ""),
        dict.fromkeys(ids, name),
        given.get("COMMIT", "") != NO,
        now,
    )


def feedback(asked: Asked) -> telling.Run:
    """Put to work what was approved, then propose. Raises Fault where something is in the way."""
    contract, params, monitor = Contract.load(SCHEMA), load_params(FeedbackParams), load_params(MonitorParams)
    place, revision = asked.logs or monitor.logs, committing.revision() if asked.is_committed else ""
    logs = None if place == NO else Logs(place, monitor.shape)
    window = window_of(asked.since or monitor.since, asked.until, asked.now)
    sorted_out = put_to_work(asked.day, contract, params)
    if logs is None:
        return telling.Run(asked.day, revision, sorted_out)
    outcome = propose(asked, logs, source_of(place), window, contract, params)
    for line in outcome.lines:
        append(PROPOSED, os.environ.get("WHO") or AUTHOR, line.model_copy(update={"date": asked.day}))
    return telling.Run(asked.day, revision, sorted_out, outcome, source_of(place), logs.problems)


def put_to_work(day: str, contract: Contract, params: FeedbackParams) -> approving.Sorted:
    """Write what reviewers approved since the last time to the files of rows and of cases."""
    counts: Counter[str] = Counter()
    ledger, cases = read_candidates(PROPOSED), read_questions(CASES)
    rules = approving.Rules(
        contract,
        load_params(ValidateLimits),
        load_params(IngestParams).personal_data,
        params.similarity,
        Template.load(TEMPLATE) if TEMPLATE.exists() else None,
    )
    found = approving.approved(ledger, read_reviews(REVIEWS), counts)
    out = approving.sort_out(found, filing.learnt_in(FEEDBACK, contract), cases, rules, counts)
    filing.add_cases(CASES, (case for case, _ in out.cases))
    counts["learnt until now, and a case"] = filing.take_out(FEEDBACK, cases)
    filing.add_rows(FEEDBACK, day, out.rows, contract)
    return out


def propose(
    asked: Asked, logs: Logs, source: str, window: Window, contract: Contract, params: FeedbackParams
) -> proposing.Outcome:
    """Read the window, and what was said in it of requests that came in some days before it."""
    here, reviews = read_candidates(PROPOSED), read_reviews(REVIEWS)
    elsewhere = candidates_elsewhere(PROPOSED)
    ledger = {**elsewhere, **here}
    monitor, limits, policy = load_params(MonitorParams), load_params(ValidateLimits), load_params(IngestParams)
    setting = proposing.Setting(
        params,
        contract,
        judge_of(contract, monitor.rules),
        language_guess(load_params(LanguageParams).languages),
        TRAIN,
    )
    outcome = proposing.Outcome(window)
    begin = window.since - timedelta(days=params.wait_days)
    failed = proposing.failed_in(
        logs.requests(begin, window.until),
        logs.feedback(window.since, window.until),
        setting,
        frozenset(asked.names),
        outcome,
    )
    drafting = Drafting(contract, limits, policy.personal_data, source, asked.day, list(params.kinds))
    places = Places(RECORDS, TEMPLATE, SOURCES, FEEDBACK)
    known = known_of(places, read_questions(CASES), ledger, contract, policy.personal_data)
    decided = {review.record for _, review in reviews} | (elsewhere.keys() - here.keys())
    named = {request_name(request): name for request, name in asked.names.items() if name}
    proposing.propose(failed, drafting, known, ledger, decided, named, setting, outcome)
    _note_missing(asked, outcome, [candidate for _, candidate in ledger.values()])
    return outcome


def _note_missing(asked: Asked, outcome: proposing.Outcome, earlier: list[Candidate]) -> None:
    there = {name for one in [*outcome.proposed, *outcome.renewed, *earlier] for name in (one.request, *one.members)}
    missing = sorted(name for name in asked.names if request_name(name) not in there)
    if missing:
        outcome.notes.append(f"Named, and no candidate: {', '.join(map(code, missing[: telling.SHOWN]))}")


def judge_of(contract: Contract, rules: dict[str, str]) -> Judge:
    """The judge of answers that nobody judged. Raises Fault for a rule that is no pattern."""
    try:
        return Judge(contract, rules)
    except ValueError as error:
        raise Fault("params.yaml: monitor.rules", str(error), "mend the pattern") from None


def source_of(place: str) -> str:
    """The place of logs as it may be written down: without an account, and of a folder outside the project its name alone."""
    scheme, sign, rest = place.partition("://")
    if sign:
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    path = Path(place)
    return path.as_posix() if not path.is_absolute() else path.name


def more_blocks() -> list[str]:
    """What follows the page: the data diff against the commit where this branch left the main one, and the monitor's words."""
    root = Path.cwd()
    (root / CACHE).mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="feedback-", dir=root / CACHE) as folder:
        try:
            diff = markdown(data_diff(revision_of("", root), root, Path(folder))).replace(
                "# Data diff", "## Data diff", 1
            )
        except Fault as fault:
            line = plain(str(fault)).replace(f"{folder}/base/", "").replace(f"{folder}/work/", "")
            diff = f"## Data diff\n\nCannot be shown: {code(line, 400)}"
    said = [MONITORED.read_text(encoding="utf-8").strip()] if MONITORED.exists() else []
    return [diff.strip(), *said]


def run(asked: Asked) -> tuple[telling.Run, str | None]:
    """Do it, write the page, and commit what is new; the commit, None where there is none."""
    branch = None
    if asked.is_committed:
        committing.check_tree()
        branch = committing.take_branch(asked.day)
    commit = None
    try:
        for aside in set_aside(PROPOSED):
            print(f"feedback: the last line of {aside.stem} was cut off when it was written; it stands in {aside} now")
        done = feedback(asked)
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(telling.page(done, more_blocks()), encoding="utf-8")
        commit = committing.commit(telling.message(done)) if branch else None
    finally:
        if branch and commit is None:
            branch.leave()
    return done, commit


def main() -> None:
    try:
        asked = asked_of(dict(os.environ), datetime.now(UTC))
        done, commit = run(asked)
    except Fault as fault:
        sys.exit(f"feedback: {plain(str(fault))}")
    where = f"committed as {commit[:12]}" if commit else "in the work tree" if not asked.is_committed else "no commit"
    print(f"feedback: {telling.headline(done)}; {where}; {PAGE} has what was found, folded, capped and left out")
    if done.outcome and done.outcome.lines:
        print("feedback: make review shows the candidates; make feedback then puts what was approved to work")


if __name__ == "__main__":
    main()
