"""The data of one side of a comparison: what the pipeline would make of the inputs, by content.

It runs the pure parts of the stages `ingest`, `validate`, `synthesize` and `split`, so it says what would really be trained on.
Of a record only what is compared stays in memory; its text waits in a spool.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from pydantic import ConfigDict, Field

from pipeline.data.answers import Contract
from pipeline.data.ledgers import read_replies, read_reviews
from pipeline.data.likeness.spool import Spool
from pipeline.data.likeness.staying import rank_of
from pipeline.data.likeness.template import Template
from pipeline.data.questions import read_questions
from pipeline.data.reading.sources import Source, load_sources
from pipeline.data.records import KEY, RECORD, Record
from pipeline.data.reviews import Decisions, Judged, ReviewParams, judged
from pipeline.data.splitting.leak_search import find_leaks
from pipeline.data.splitting.leaks import Leak
from pipeline.data.splitting.sides import Side, Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.data.synthetic.requests import counted
from pipeline.desk.inputs import CASES, PROBES, REVIEWS, SCHEMA, SOURCES, TEACHER, TEST_SET
from pipeline.ingest import IngestParams
from pipeline.pull_request.intake import Ids, Taken, relative, take_in
from pipeline.stage import Params
from pipeline.synthesize import synthesize
from pipeline.validate import Sorted

USED = "used"
OUT = ("waiting", "rejected", "disputed")  # states of a record that is in the data and on no side
LEAK = "left as a leak"


class OverlapParams(Params):
    """What is read of section `synthesize`."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "synthesize"
    max_overlap: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Settings:
    """The parameters that decide what becomes of a row."""

    ingest: IngestParams
    review: ReviewParams
    limits: ValidateLimits
    overlap: OverlapParams
    split: SplitParams


class Row(msgspec.Struct, gc=False):
    """What is compared of a record. `state` is its side, or why it is on none; a leak keeps the `side` that it left."""

    id: str
    group: str
    origin: str
    file: str
    line: int
    number: int
    state: str
    side: Side | None = None


@dataclass
class DataSide:
    """All that is compared. Places are relative to the project."""

    rows: dict[str, Row] = field(default_factory=dict)
    taken: Taken = field(default_factory=Taken)
    others: dict[str, int] = field(default_factory=dict)  # by id the text of what is no row: dropped, or edited since
    leaks: dict[str, Leak] = field(default_factory=dict)
    test_ids: frozenset[str] = frozenset()
    reviews: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # reviewer, decision, and the whole line
    sources: dict[str, Source] = field(default_factory=dict)
    spool: Spool | None = None
    root: Path = Path()

    def record(self, identity: str) -> Record:
        """A record with its text; also one that went because another says nearly the same."""
        row = self.rows.get(identity)
        assert self.spool
        return self.spool.record(row.number if row else self.others[identity])

    def place(self, identity: str) -> str:
        """File and line of a record, as they are called in the project."""
        return relative(self.record(identity).source, self.root)


def side_of_data(root: Path, spool: Spool, settings: Settings) -> DataSide:
    """The data of the inputs below `root`, at least one source among them. Texts go into the spool, and work below `root`."""
    contract, frozen = Contract.load(root / SCHEMA), TestSet.load(root / TEST_SET)
    entries = read_reviews(root / REVIEWS)
    decisions, table = Decisions(entries, settings.review.origins), _Table(root, spool)
    with Spool(root / "intake.part") as read:
        taken = take_in(root, settings.ingest, contract, rank_of(frozen.ids, decisions), read)
        table.add_read(map(RECORD.decode, read.lines(without=taken.gone)), decisions)
        table.keep(read.record(number) for number in taken.dropped)
    if replies := counted(read_replies(root / TEACHER)):
        side, limits = Sides(table.usable, frozen, settings.split), settings.limits
        is_train: Callable[[Record], bool] = lambda record: side.of(record) == "train"  # noqa: E731  # it is passed on
        synthesis = synthesize(
            replies, table.stream, is_train, contract, limits, settings.overlap.max_overlap, taken.template
        )
        table.add_candidates(judged(synthesis.candidates.values(), entries, settings.review.origins))
    leaks = table.set_sides(
        Sides(table.usable, frozen, settings.split), taken.pairs, settings.ingest.similarity, taken.template
    )
    return DataSide(
        rows=table.rows,
        taken=taken,
        others=table.others,
        leaks=leaks,
        test_ids=frozen.ids,
        reviews=Counter((review.reviewer, review.decision, review.model_dump_json()) for _, review in entries),
        sources={source.file: source for source in load_sources(root / SOURCES)},
        spool=spool,
        root=root,
    )


class _Table:
    """The rows as they are made out, step by step; the spool has the text of each."""

    def __init__(self, root: Path, spool: Spool) -> None:
        self.rows: dict[str, Row] = {}
        self.others: dict[str, int] = {}
        self._added: list[Record] = []  # candidates and edited records, of which `ingest` knows no near ones
        self._root, self._spool = root, spool
        self._size = 0  # of the spool
        self._unused: set[int] = set()  # numbers in the spool
        self._files: dict[str, str] = {}

    @property
    def usable(self) -> Iterator[Row]:
        """The rows that have a side."""
        return (row for row in self.rows.values() if row.state not in OUT)

    def stream(self) -> Iterator[Record]:
        """Their records."""
        return map(RECORD.decode, self._spool.lines(without=self._unused))

    def keep(self, records: Iterable[Record]) -> None:
        """Keep the texts of records that are no rows."""
        for record in records:
            self.others[record.id] = self._put(record)

    def _put(self, record: Record) -> int:
        """Write a text that the stream does not have; its number."""
        self._spool.add(record)
        self._unused.add(self._size)
        self._size += 1
        return self._size - 1

    def add_read(self, records: Iterator[Record], decisions: Decisions) -> None:
        """Add the records of the sources, as people left them."""

        def noted() -> Iterator[Record]:
            for record in records:
                verdict = decisions.verdict(record.id, record.origin)
                if verdict in OUT:
                    self._add(record, verdict)
                elif verdict == "edited":
                    self.keep([record])
                yield record

        for record in Sorted(decisions).usable(noted()):
            self._add(record, USED)
            if record.parents:
                self._added.append(record)

    def add_candidates(self, found: Judged) -> None:
        """Add the teacher's candidates; a record that the sources have stays as it is."""
        for record in found.accepted:
            known = self.rows.get(record.id)
            if known is None or known.state in OUT:
                self._add(record, USED)
                self._added.append(record)
        for state in OUT:
            for record in getattr(found, state):
                self._add(record, state)

    def _add(self, record: Record, state: str) -> None:
        """Add a row; one that is used takes the place of one of the same content that is not, and never the other way round."""
        if state in OUT and record.id in self.rows:
            return
        number = self._put(record)
        if state not in OUT:
            self._unused.discard(number)
        file, _, line = relative(record.source, self._root).rpartition(":")
        self.rows[record.id] = Row(
            id=record.id,
            group=record.id if record.group == record.id else record.group,
            origin=record.origin,
            file=self._files.setdefault(file, file),
            line=int(line) if line.isdecimal() else 0,
            number=number,
            state=state,
        )

    def set_sides(self, sides: Sides, pairs: list[Ids], similarity: float, template: Template) -> dict[str, Leak]:
        """Set the side of each usable row, and the state of those that leave it. Returns these, by id."""
        for row in self.usable:
            row.side = row.state = sides.of(row)
        asked = {"probes": read_questions(self._root / PROBES), "cases": read_questions(self._root / CASES)}

        def lines() -> Iterator[tuple[Side, bytes]]:
            for line in self._spool.lines(without=self._unused):
                if side := self.rows[KEY.decode(line).id].side:
                    yield side, line

        found = find_leaks(lines, self._added, pairs, asked, similarity, template, lambda _: None)
        leaks = {leak.id: leak for leak in reversed(found)}
        for identity in leaks:
            self.rows[identity].state = LEAK
        return leaks
