"""Which candidates ask nearly the same as something known, or as each other: one stays for all of them, and says how many they were."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pipeline.data.answers import Contract
from pipeline.data.candidates import MOST_MEMBERS, Candidate, record_of
from pipeline.data.likeness.near import Texts, near_pairs
from pipeline.data.likeness.staying import relation
from pipeline.data.records import Record
from pipeline.desk.reviewing.shown import code
from pipeline.production.collecting.known import CASES, DATA, LEDGER, Known

MOST_OTHERS = 5  # other proposals that a candidate names
CONTRADICTS = "asks what the data has, with another answer"
REASONS = {
    DATA: "asks what the data has",
    CASES: "asks what a case has",
    LEDGER: "asks what was proposed before",
}
Rank = Callable[[Candidate], tuple[int, ...]]


@dataclass
class Folded:
    """Candidates of which none asks what another one asks. `counts` says what the others were, `into` which one stands for which."""

    kept: list[Candidate] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    contradicting: list[Candidate] = field(default_factory=list)


def order_of(rank: Rank) -> Callable[[Candidate], tuple[object, ...]]:
    """Who stands for those who ask the same: what has a proposal, then the worst, then the first."""
    return lambda one: (not one.proposal, rank(one), one.moment, one.request)


def fold(candidates: Iterable[Candidate], known: Known, contract: Contract, similarity: float, rank: Rank) -> Folded:
    """Leave out what is known, and fold the rest; the outcome does not hang on the order of the candidates."""
    drafts, found = sorted(candidates, key=order_of(rank)), Folded()
    if not drafts:
        return found
    texts, size = Texts(), 0
    for _, one in known.stream():
        texts.add(one.question)
        size += 1
    records = [record_of(draft, draft.request) for draft in drafts]
    for record in records:
        texts.add(record.question)
    rivals: dict[int, set[int]] = defaultdict(set)
    for pair in near_pairs(texts, similarity, known.template or texts.template()):
        if pair.second >= size:
            rivals[pair.second].add(pair.first)
            rivals[pair.first].add(pair.second)
    wanted = {number for at in range(size, size + len(drafts)) for number in rivals[at] if number < size}
    others = {n: one for n, one in enumerate(known.stream()) if n in wanted} if wanted else {}
    _Folding(drafts, records, rivals, others, contract, similarity, found).go_through(size)
    return found


@dataclass
class _Folding:
    drafts: list[Candidate]
    records: list[Record]
    rivals: dict[int, set[int]]
    known: dict[int, tuple[str, Record]]
    contract: Contract
    similarity: float
    found: Folded

    def go_through(self, size: int) -> None:
        """Take the candidates one by one, the first of those who ask the same before the others."""
        leaders: dict[int, list[Candidate]] = {}
        for at, (draft, record) in enumerate(zip(self.drafts, self.records, strict=True)):
            near = sorted(self.rivals[size + at])
            reason = self._known(record, near)
            if reason:
                self.found.counts[reason] += 1
                if reason == CONTRADICTS:
                    self.found.contradicting.append(draft)
                continue
            leader = next((n - size for n in near if n - size in leaders and self._is_alike(n - size, record)), None)
            if leader is None:
                leaders[at] = []
            else:
                leaders[leader].append(draft)
                self.found.counts["folded into another one"] += 1
        for at, members in leaders.items():
            whole = _whole(self.drafts[at], members)
            self.found.kept.append(whole)
            others = (one.incident for one in members if one.incident not in ("", whole.incident))
            self.found.counts.update(
                f"of {code(name)}, and folded into one of {code(whole.incident)}" for name in others
            )

    def _known(self, record: Record, near: list[int]) -> str | None:
        reasons = []
        for number in near:
            if number in self.known:
                where, other = self.known[number]
                alike = relation(record, other, self.contract, self.similarity)
                if alike is not None:
                    is_against = where == DATA and alike == "other" and bool(record.answer)
                    reasons.append(CONTRADICTS if is_against else REASONS[where])
        ranked = [REASONS[LEDGER], REASONS[CASES], REASONS[DATA], CONTRADICTS]
        return min(reasons, key=ranked.index, default=None)

    def _is_alike(self, leader: int, record: Record) -> bool:
        return relation(self.records[leader], record, self.contract, self.similarity) is not None


def _whole(leader: Candidate, members: list[Candidate]) -> Candidate:
    """A candidate with all that was folded into it."""
    if not members:
        return leader
    everyone = sorted([leader, *members], key=lambda one: (one.moment, one.request))
    kinds = dict.fromkeys([*leader.kinds, *(kind for one in everyone for kind in one.kinds)])
    others: dict[str, Candidate] = {}
    for one in everyone:
        if one.proposal not in ("", leader.proposal) and len(others) < MOST_OTHERS:
            others.setdefault(one.proposal, one)
    people = dict.fromkeys([*leader.people, *(name for one in others.values() for name in (one.user, *one.people))])
    return leader.model_copy(
        update={
            "kinds": list(kinds),
            "others": list(others),
            "people": [name for name in people if name not in ("", leader.user)],
            "count": len(everyone),
            "members": [one.request for one in everyone if one is not leader][:MOST_MEMBERS],
            "incident": leader.incident or next((one.incident for one in everyone if one.incident), ""),
        }
    )
