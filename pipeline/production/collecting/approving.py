"""What reviewers approved of the candidates, each a row to learn or a case that must pass, and never both.

An incident is closed by a case: the first of its rows, by the time of the request, that the model failed by the check of a case. All others
are learnt, unless they ask what a case asks. Until an incident has a case its rows wait, with the reason. What belongs to no incident is
learnt.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.data.answers import NOT_JSON, Contract
from pipeline.data.candidates import ORIGIN, Candidate, Placed, record_of
from pipeline.data.ledgers import Review
from pipeline.data.likeness.shingles import word_hashes
from pipeline.data.likeness.template import NO_TEMPLATE, Template
from pipeline.data.personal.cleaning import cleaned
from pipeline.data.personal.finding import PersonalDataParams
from pipeline.data.questions import Check, Question
from pipeline.data.records import Record
from pipeline.data.reviews import Decisions
from pipeline.data.splitting.leaks import SmallIndex
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.scoring.checks import passes

LIKE_A_CASE = "asks what a case asks"


@dataclass(frozen=True)
class Approved:
    """A candidate with the record that reviewers left of it, and who they are."""

    record: Record
    candidate: Candidate
    reviewers: tuple[str, ...]

    @property
    def order(self) -> tuple[str, str]:
        """By time of the request."""
        return self.candidate.moment.isoformat(), self.record.id


@dataclass
class Sorted:
    """What is new to learn and what is a new case; `counts` are of the verdicts and of what was there, `refused` why others are neither."""

    rows: list[Approved] = field(default_factory=list)
    cases: list[tuple[Question, Approved]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[Approved, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """What approved records have to meet."""

    contract: Contract
    limits: ValidateLimits
    policy: PersonalDataParams
    similarity: float
    template: Template | None


def approved(ledger: dict[str, Placed], reviews: list[tuple[str, Review]], counts: Counter[str]) -> Iterator[Approved]:
    """The candidates that reviewers agree on, as they left them. A candidate is never its own approval, whatever `review.origins` says."""
    decisions = Decisions(reviews, (ORIGIN,))
    for place, candidate in ledger.values():
        record = record_of(candidate, place)
        verdict = decisions.verdict(record.id, record.origin)
        counts[verdict] += 1
        if verdict in ("accepted", "edited"):
            names = dict.fromkeys(review.reviewer for review in decisions.said(record.id))
            yield Approved(decisions.edited(record), candidate, tuple(names))


def sort_out(
    found: Iterable[Approved], learnt: Collection[str], cases: Iterable[Question], rules: Rules, counts: Counter[str]
) -> Sorted:
    """Divide approved records into rows and cases. `learnt` are ids of records that the feedback files have."""
    out, must_pass = Sorted(counts=counts), list(cases)
    incidents: dict[str, list[Approved]] = defaultdict(list)
    rows: list[Approved] = []
    made = {case.id for case in must_pass}
    closed = {case.incident for case in must_pass if case.incident}
    for one in sorted(found, key=lambda one: one.order):
        if complaint := _complaint(one, rules):
            out.refused.append((one, complaint))
        elif one.record.id in learnt:
            counts["learnt before"] += 1
        elif any(name.endswith(f"-{one.record.id}") for name in made):
            counts["a case before"] += 1
        elif one.candidate.incident:
            incidents[one.candidate.incident].append(one)
        else:
            rows.append(one)
    for name in sorted(incidents):
        rows += _of_incident(name, incidents[name], name in closed, rules.contract, out)
    _leave_out(rows, [*must_pass, *(case for case, _ in out.cases)], rules, out)
    return out


def _complaint(one: Approved, rules: Rules) -> str:
    """Why an approved record can be neither, in words, or ""."""
    answer = one.record.answer
    if not answer.strip():
        return "was approved without an answer: edit it in make review"
    if len(answer) > rules.limits.max_answer_chars or len(one.record.question) > rules.limits.max_question_chars:
        return "is longer than validate allows: edit it, or raise validate.max_answer_chars"
    row = cleaned(one.record, rules.policy).row
    if not isinstance(row, Record) or row.id != one.record.id:
        return "holds what ingest.personal_data keeps out: edit it"
    return ""


def _of_incident(name: str, found: list[Approved], is_closed: bool, contract: Contract, out: Sorted) -> list[Approved]:
    """The rows of an incident that are learnt; the first that can be is made its case, where it has none."""
    reasons: list[tuple[Approved, str]] = []
    for at, one in enumerate(found if not is_closed else ()):
        case = case_of(one, contract)
        if isinstance(case, Question):
            out.cases.append((case, one))
            return [*found[:at], *found[at + 1 :]]
        reasons.append((one, f"{case}, so {name} has no case yet: approve another row of it, or edit this one"))
    out.refused += reasons
    return found if is_closed else []


def case_of(one: Approved, contract: Contract) -> Question | str:
    """The approved record as a case, or why it is none: a case must fail on what the model answered."""
    check, recorded = check_of(one.record.answer, contract), one.candidate.answer or ""
    if recorded.strip() and passes(recorded, check.kind, check.value):
        return "the answer of production passes the check of the approved one"
    failed = ", ".join(one.candidate.kinds)
    return Question(
        id=f"{one.candidate.incident}-{one.record.id}",
        incident=one.candidate.incident,
        why=f"{one.candidate.incident}: failed in production ({failed}).",
        messages=list(one.record.asked),
        check=check,
    )


def check_of(answer: str, contract: Contract) -> Check:
    """What an answer has to say to be the approved one: the fields with one right value, else the very text."""
    value = NOT_JSON if contract.is_text else contract.parse(answer)
    fields = {name: value[name] for name in contract.exact_fields if name in value} if isinstance(value, dict) else {}
    return Check(kind="fields", value=fields) if fields else Check(kind="exact", value=answer)


def _leave_out(rows: list[Approved], cases: list[Question], rules: Rules, out: Sorted) -> None:
    """Learn the rows that ask nothing that a case asks; `split` would take the others out of train."""
    index = SmallIndex(rules.similarity, rules.template or NO_TEMPLATE)
    for case in cases:
        index.add(("cases", case.id), word_hashes("\n".join(turn["content"] for turn in case.messages)))
    for one in sorted(rows, key=lambda one: one.order):
        near = index.near(word_hashes(one.record.question))
        if near:
            out.counts[LIKE_A_CASE] += 1
            out.refused.append((one, f"{LIKE_A_CASE} ({near[0][1]})"))
        else:
            out.rows.append(one)
