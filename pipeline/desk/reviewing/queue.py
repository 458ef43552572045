"""What waits for a reviewer: records and candidates without an approval, what reviewers disagree on, and what stands beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.candidates import ORIGIN, Candidate, Placed, read_candidates, record_of
from pipeline.data.ledgers import Reply, Review, person, read_replies, read_reviews
from pipeline.data.records import RECORD, Record, stream_keys, stream_records
from pipeline.data.reviews import Decisions, Origin, ReviewParams
from pipeline.desk.inputs import PROPOSED, REVIEWS, TEACHER
from pipeline.desk.test_set import VALIDATED
from pipeline.stage import Fault, load_params

CANDIDATES, WAITING = Path("data/synthetic/candidates.jsonl"), Path("data/validated/waiting.jsonl")
RECORDS = Path("data/records/records.jsonl")


@dataclass(frozen=True)
class Queue:
    """Records that a reviewer may be shown, and the ledger as it was.

    `waiting` and `disputed` stand in the order of their files; `mine` are those that the reviewer decided on, the latest last.
    `parents` are records by id, `replies` the teacher's by the place of their line, `proposed` candidates of production by record.
    """

    origins: list[Origin]
    reviews: list[tuple[str, Review]]
    waiting: list[Record]
    disputed: list[Record]
    mine: list[Record]
    parents: dict[str, Record]
    replies: dict[str, Reply]
    proposed: dict[str, Candidate]

    @property
    def decisions(self) -> Decisions:
        """The ledger as it is now."""
        return Decisions(self.reviews, self.origins)


def load_queue(reviewer: str) -> Queue:
    """The queue from what the last run left. Raises Fault where there was none yet."""
    reviews, proposed = read_reviews(REVIEWS), read_candidates(PROPOSED)
    origins = [
        *{*load_params(ReviewParams).origins, *((ORIGIN,) if proposed else ())}
    ]  # a candidate is never its own approval
    decisions, spoken = Decisions(reviews, origins), _spoken(reviews, reviewer)
    found: dict[str, dict[str, Record]] = {"waiting": {}, "disputed": {}, "mine": {}}
    for record in _open_records(set(decisions.disputed()), proposed):
        verdict = decisions.verdict(record.id, record.origin)
        found.get(verdict, {})[record.id] = record
        if record.id in spoken:
            found["mine"][record.id] = record
    shown = [record for records in found.values() for record in records.values()]
    return Queue(
        origins,
        reviews,
        [*found["waiting"].values()],
        [*found["disputed"].values()],
        [found["mine"][name] for name in spoken if name in found["mine"]],
        _parents(shown),
        _replies(shown),
        {name: candidate for name, (_, candidate) in proposed.items()},
    )


def _spoken(reviews: list[tuple[str, Review]], reviewer: str) -> dict[str, None]:
    """Ids that the reviewer spoke of, in the order of the last words."""
    spoken: dict[str, None] = {}
    for _, review in reviews:
        if person(review.reviewer) == person(reviewer):
            spoken.pop(review.record, None)
            spoken[review.record] = None
    return spoken


def _open_records(disputed: set[str], proposed: dict[str, Placed]) -> Iterator[Record]:
    """Candidates and records that wait; then the disputed ones among all other records, which no other file holds."""
    there = [path for path in (CANDIDATES, WAITING) if path.exists()]
    if not there and not proposed:
        raise Fault(CANDIDATES, "is not there yet", "run make run first, which writes it")
    for path in there:
        for record in stream_records(path):
            disputed.discard(record.id)
            yield record
    for place, candidate in proposed.values():
        disputed.discard(candidate.record)
        yield record_of(candidate, place)
    yield from _wanted(RECORDS, disputed)


def _wanted(path: Path, ids: set[str]) -> Iterator[Record]:
    if ids and path.exists():
        yield from (RECORD.decode(line) for key, line in stream_keys(path) if key.id in ids)


def _parents(shown: list[Record]) -> dict[str, Record]:
    """What the shown records came from: validated records, or for an edited version one that is shown itself."""
    ids = {parent for record in shown for parent in record.parents}
    return {record.id: record for record in (*shown, *_wanted(VALIDATED, ids))}


def _replies(shown: list[Record]) -> dict[str, Reply]:
    places = {record.source for record in shown if record.origin == "synthetic"}
    return {place: reply for place, reply in read_replies(TEACHER) if place in places} if places else {}
