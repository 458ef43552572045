"""What a run of `make feedback` did, in words: the message of its commit, and the page that is the body of its pull request.

A text out of the logs stands in code alone, with personal data masked (`pipeline.desk.reviewing.shown`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.data.candidates import Candidate
from pipeline.desk.reviewing.shown import code, fenced, masked
from pipeline.production.collecting.approving import Approved, Sorted
from pipeline.production.collecting.proposing import Outcome
from pipeline.production.collecting.spreading import INCIDENT, SOURCE, USER, WAITING
from pipeline.pull_request.render import table
from pipeline.pull_request.verdict import plural

COMMIT = re.compile(r"[0-9a-f]{7,64}")  # what a log names instead is text of others, which a message does not repeat
SHOWN = 30  # lines of a list
CAPS = {
    USER: "of one user",
    SOURCE: "of one place of logs",
    INCIDENT: "of one incident",
    WAITING: "that wait for a reviewer",
}


@dataclass(frozen=True)
class Run:
    """What there is to tell. `outcome` is None where no logs were read; `problems` are what was survived in reading them."""

    day: str
    revision: str
    sorted_out: Sorted
    outcome: Outcome | None = None
    logs: str = ""
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def reviewers(self) -> list[str]:
        """Who approved what is new, each once."""
        new = [*self.sorted_out.rows, *(one for _, one in self.sorted_out.cases)]
        return sorted({name for one in new for name in one.reviewers})

    @property
    def incidents(self) -> dict[str, Counter[str]]:
        """By incident how many rows became a case, are learnt, and are proposed."""
        found: dict[str, Counter[str]] = {}
        parts = [("cases", one.candidate) for _, one in self.sorted_out.cases]
        parts += [("rows", one.candidate) for one in self.sorted_out.rows]
        parts += [("candidates", one) for one in (self.outcome.lines if self.outcome else ())]
        for what, candidate in parts:
            if candidate.incident:
                found.setdefault(candidate.incident, Counter())[what] += 1
        return dict(sorted(found.items()))


def headline(run: Run) -> str:
    """What is new, in a few words."""
    parts = [(len(run.sorted_out.rows), "row", "to learn"), (len(run.sorted_out.cases), "case", "")]
    parts += [(len(run.outcome.lines), "candidate", "to review")] if run.outcome else []
    told = [f"{plural(count, noun)} {what}".strip() for count, noun, what in parts if count]
    return ", ".join(told) or "nothing new"


def message(run: Run) -> str:
    """The message of the commit."""
    lines = [f"Feedback of {run.day}: {headline(run)}", ""]
    new = [one.candidate for one in run.sorted_out.rows] + [one.candidate for _, one in run.sorted_out.cases]
    for what, candidates in (("Approved", new), ("To review", run.outcome.lines if run.outcome else [])):
        if candidates:
            lines.append(f"{what}, by what failed first: {_listed(Counter(one.kinds[0] for one in candidates))}")
    for name, counts in run.incidents.items():
        told = [plural(counts[f"{noun}s"], noun) for noun in ("case", "row", "candidate") if counts[f"{noun}s"]]
        lines.append(f"Incident {name}: {', '.join(told)}")
    lines += [f"Reviewed by {', '.join(run.reviewers)}"] if run.reviewers else []
    lines += [f"Window {run.outcome.window} of {run.logs}"] if run.outcome else []
    revisions = sorted({one.revision[:12] for one in new if COMMIT.fullmatch(one.revision)})
    lines += [f"Answered by the model of {', '.join(revisions)}"] if revisions else []
    lines += [f"Made at {run.revision[:12]}"] if run.revision else []
    return "\n".join(lines).strip() + "\n"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def page(run: Run, more: Sequence[str]) -> str:
    """The page; `more` are blocks of Markdown that follow it: the data diff, and what the monitor says."""
    blocks = [f"# Feedback of {run.day}", f"{headline(run).capitalize()}."]
    blocks += _window(run) if run.outcome else []
    blocks += _incidents(run)
    blocks += _approved(run.sorted_out)
    if run.outcome:
        blocks += _proposed(run.outcome)
    return "\n\n".join([*blocks, *more]) + "\n"


def _window(run: Run) -> Iterator[str]:
    assert run.outcome
    found, outcome = run.outcome.found, run.outcome
    yield f"Window {outcome.window} of {code(run.logs)}: {outcome.requests:,} requests."
    if found:
        yield table(("what failed", "requests"), [(code(name), f"{n:,}") for name, n in found.most_common()])
    survived = [f"{code(name)} {count:,}" for name, count in sorted(run.problems.items())]
    if survived:
        yield f"Of the logs could not be read, and was left out: {', '.join(survived)}."
    yield from (f"{note}." for note in outcome.notes)


def _incidents(run: Run) -> Iterator[str]:
    if run.incidents:
        yield "## Incidents"
        rows = [
            (code(name), *(f"{counts[what]:,}" for what in ("cases", "rows", "candidates")))
            for name, counts in run.incidents.items()
        ]
        yield table(("incident", "new cases", "new rows to learn", "to review"), rows)


def _approved(found: Sorted) -> Iterator[str]:
    if found.counts.total() or found.refused:
        yield "## Reviewed"
        rows = [(name, f"{count:,}") for name, count in sorted(found.counts.items()) if count]
        yield table(
            ("candidates", "number"),
            [*rows, ("to learn now", f"{len(found.rows):,}"), ("cases now", f"{len(found.cases):,}")],
        )
    if found.refused:
        yield "Approved, and not put to work:"
        yield _list((_named(one), why) for one, why in found.refused)


def _named(one: Approved) -> str:
    return f"{code(one.record.id)} (request {code(one.candidate.request)})"


def _proposed(outcome: Outcome) -> Iterator[str]:
    yield "## Candidates"
    left = [(name, f"{count:,}") for name, count in outcome.counts.most_common() if count]
    capped = [(f"over the cap {_capped(name)}", f"{count:,}") for name, count in outcome.capped.most_common()]
    quarantined = [("in quarantine", f"{len(outcome.quarantined):,}")] if outcome.quarantined else []
    new = [
        ("to review, new", f"{len(outcome.proposed):,}"),
        ("said more of one that waits", f"{len(outcome.renewed):,}"),
    ]
    yield table(("what became of the failures", "number"), [*new, *quarantined, *capped, *left])
    if outcome.quarantined:
        yield (
            "**In quarantine**: they show signs of an instruction to the model, and are not proposed. "
            "Whoever has read one and wants it names it: `make feedback IDS=<request>`."
        )
        yield _list((f"request {code(one.request)}", _why(one, reasons)) for one, reasons in outcome.quarantined)
    if outcome.contradicting:
        yield "**They contradict the data**, which has the question with another answer: one of the two is wrong."
        yield _list((f"request {code(one.request)}", code(_question(one), 120)) for one in outcome.contradicting)
    if outcome.proposed:
        yield "`make review` shows these, with what the model answered:"
        yield fenced(f"{one.kinds[0]:<12} {one.count:>5} x  {_question(one)}" for one in outcome.proposed[:SHOWN])


def _capped(name: tuple[str, str]) -> str:
    kind, who = name
    named = f": {code(who)}" if who else ": all whom nobody knows" if kind == USER else ""
    return f"{CAPS[kind]}{named}"


def _why(one: Candidate, reasons: Sequence[str]) -> str:
    return f"{', '.join(map(code, reasons))}: {code(_question(one), 120)}"


def _question(one: Candidate) -> str:
    return masked(str(one.messages[-1]["content"]))[:200]


def _list(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"- {name}: {text}" for name, text in rows]
    more = [f"- and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])
