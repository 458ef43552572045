"""From a window of logs to the candidates that are proposed: failures, drafts, quarantine, folding, spread and caps, each counted."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate, Placed
from pipeline.production.collecting.drafting import Drafting
from pipeline.production.collecting.failures import NAMED, Failure, Said, Sample, failures, heard, ordered
from pipeline.production.collecting.folding import Folded, fold
from pipeline.production.collecting.injection import REPEATED, Signs, repeated, texts_of
from pipeline.production.collecting.known import Known
from pipeline.production.collecting.params import FeedbackParams
from pipeline.production.collecting.spreading import Room, Spread, spread
from pipeline.production.collecting.unlike import nearest, sample_of
from pipeline.production.collecting.window import Window
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry, Feedback

LOOKED_AT = 5_000  # failures of a kind that are looked at: a user's first before anybody's second, then by hash
BEFORE, SAMPLED = "proposed before", "not looked at, of very many"


@dataclass(frozen=True)
class Setting:
    """What a run goes by. `guess` names the language of a text, `train` is the file of training examples."""

    params: FeedbackParams
    contract: Contract
    judge: Judge
    guess: Callable[[str], str]
    train: Path


@dataclass
class Outcome:
    """What came of a window: counts by kind and by reason, what was quarantined with its reasons, and what is proposed.

    `proposed` are new lines of the ledger, `renewed` lines for candidates that are there: an answer, or the name of an incident.
    """

    window: Window
    requests: int = 0
    found: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    capped: Counter[tuple[str, str]] = field(default_factory=Counter)
    quarantined: list[tuple[Candidate, list[str]]] = field(default_factory=list)
    contradicting: list[Candidate] = field(default_factory=list)
    proposed: list[Candidate] = field(default_factory=list)
    renewed: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[Candidate]:
        """The lines that the ledger gets, in their order."""
        return [*self.proposed, *self.renewed]


def failed_in(
    requests: Iterable[Entry],
    feedback: Iterable[Feedback],
    setting: Setting,
    named: frozenset[str],
    outcome: Outcome,
) -> Iterator[Failure]:
    """The failures of a window, counted by kind; very many of a kind are thinned out by hash."""
    order, unfailed = setting.params.kinds, Sample[Entry](setting.params.unlike.requests)
    kept: dict[str, Sample[Failure]] = defaultdict(lambda: Sample(LOOKED_AT))
    nth: Counter[tuple[str, str]] = Counter()
    for entry, said, kinds in failures(
        _counted(requests, outcome), heard(feedback), setting.judge, outcome.window.since, named, unfailed
    ):
        taken = ordered(kinds, order)
        outcome.found.update(taken)
        if taken:
            user = taken[0], entry.user
            kept[taken[0]].add(entry.id, Failure(entry, said, taken), 0 if entry.id in named else nth[user])
            nth[user] += 1
    for name in sorted(kept):
        outcome.counts[SAMPLED] += max(0, kept[name].seen - LOOKED_AT)
        yield from kept[name]
    yield from _unlike(list(unfailed), setting, outcome)


def _counted(requests: Iterable[Entry], outcome: Outcome) -> Iterator[Entry]:
    for entry in requests:
        outcome.requests += 1
        yield entry


def _unlike(entries: list[Entry], setting: Setting, outcome: Outcome) -> Iterator[Failure]:
    """Of the requests that failed nothing, those that are unlike all that the model learnt from."""
    unlike = setting.params.unlike
    if "unlike" not in setting.params.kinds or not unlike.below:
        return
    examples = sample_of(setting.train, unlike.examples)
    if not examples:
        outcome.notes.append(f"{setting.train} is not there, so nothing is known to be unlike it: make run first")
        return
    alike = nearest([entry.question for entry in entries], examples)
    outcome.notes.append(
        f"{len(entries):,} requests that failed nothing were held against {len(examples):,} training examples"
    )
    for entry, cosine in zip(entries, alike, strict=True):
        if cosine < unlike.below:
            outcome.found["unlike"] += 1
            yield Failure(entry, Said(), ("unlike",))


def propose(
    found: Iterable[Failure],
    drafting: Drafting,
    known: Known,
    ledger: dict[str, Placed],
    decided: Collection[str],
    incidents: dict[str, str],
    setting: Setting,
    outcome: Outcome,
) -> Outcome:
    """Make candidates of failures. `decided` are records that a reviewer spoke of, `incidents` names given by request."""
    params, earlier = setting.params, [candidate for _, candidate in ledger.values()]
    rank = rank_of(params)
    drafts = [
        draft.model_copy(update={"incident": incidents.get(draft.request, draft.incident)})
        for draft in map(drafting.draft, found)
        if draft is not None
    ]
    outcome.counts += drafting.counts
    is_clean = _quarantine(earlier, drafts, setting, outcome)
    drafts = _renew(drafts, earlier, decided, is_clean, incidents, outcome)
    folded = fold(filter(is_clean, drafts), known, setting.contract, params.similarity, rank)
    waiting = sum(one.record not in decided for one in earlier)
    room = Room(params.caps, earlier, outcome.window.until, waiting)
    outcome.quarantined.sort(key=lambda one: (one[0].moment, one[0].request))
    _settle(folded, spread(folded.kept, room, _slices(setting), rank), outcome)
    outcome.notes += known.notes
    return outcome


def rank_of(params: FeedbackParams) -> Callable[[Candidate], tuple[int, ...]]:
    """How much is lost by a failure, the most first: what belongs to an incident, then the kinds in their order."""
    order = [NAMED, *params.kinds]
    return lambda one: (not one.incident, order.index(one.kinds[0]) if one.kinds[0] in order else len(order))


def _slices(setting: Setting) -> Callable[[Candidate], tuple[str, ...]]:
    """Label, language, kind and revision of a candidate."""

    def slice_of(one: Candidate) -> tuple[str, ...]:
        label = setting.contract.label(one.proposal or one.answer or "") or ""
        return one.kinds[0], label, setting.guess(str(one.messages[-1]["content"])), one.revision

    return slice_of


def _renew(
    drafts: list[Candidate],
    earlier: list[Candidate],
    decided: Collection[str],
    is_clean: Callable[[Candidate], bool],
    incidents: dict[str, str],
    outcome: Outcome,
) -> list[Candidate]:
    """The drafts whose requests are new; what says more of a candidate that waits becomes a line for it."""
    by_request = {name: one for one in earlier for name in (one.request, *one.members)}
    itself, folded = {one.asked_in: one for one in earlier}, {name: one for one in earlier for name in one.members}
    new = []
    renewed = {
        known.record: known.model_copy(update={"incident": name})
        for request, name in incidents.items()
        if (known := by_request.get(request)) is not None and known.incident != name
    }
    for draft in drafts:
        known = itself.get(draft.asked_in) or folded.get(draft.request)
        if known is None:
            new.append(draft)
            continue
        outcome.counts[BEFORE] += 1
        if known.record in decided or known.request != draft.request:
            continue
        if draft.proposal and not known.proposal and is_clean(draft):
            incident = draft.incident or known.incident
            renewed[known.record] = draft.model_copy(
                update={"incident": incident, "members": known.members, "count": known.count}
            )
        elif draft.incident and not known.incident:
            renewed.setdefault(known.record, known.model_copy(update={"incident": draft.incident}))
    outcome.renewed = sorted(renewed.values(), key=lambda one: (one.moment, one.request))
    return new


def _quarantine(
    earlier: list[Candidate], drafts: list[Candidate], setting: Setting, outcome: Outcome
) -> Callable[[Candidate], bool]:
    """Says whether a draft shows no sign of an instruction; one that does is told, unless a person named it."""
    signs = Signs(setting.params.injections)
    often = repeated([*earlier, *drafts], setting.contract, setting.params.repeats)

    def is_clean(draft: Candidate) -> bool:
        reasons = [*signs.of(texts_of(draft)), *([REPEATED] if draft.record in often else [])]
        if not reasons or NAMED in draft.kinds:
            return True
        outcome.quarantined.append((draft, reasons))
        return False

    return is_clean


def _settle(folded: Folded, found: Spread, outcome: Outcome) -> None:
    outcome.counts += folded.counts
    outcome.contradicting = folded.contradicting
    outcome.capped = found.capped
    outcome.proposed = found.proposed
