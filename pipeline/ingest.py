"""Read the sources into records, each once, without what is nobody's business.

Reads   sources     sources.yaml and the files that it lists, beside it
        feedback    reviewed production failures, JSON Lines in chat form (may be empty)
        schema      the contract of an answer
        test_set    ids of the frozen test set: of duplicates they stay
        reviews     ledger of people's decisions (pipeline.data.ledgers.Review): what they approved stays
Writes  out/records.jsonl       pipeline.data.records.Record, in the order of the sources
        out/rejects.jsonl       place and reason of each row that is no example; written also where they are too many
        out/duplicates.jsonl    place of each row that says what another one says, and of that one
        out/near.jsonl          pairs of records that ask nearly the same, and whether their answers are the same
        out/template.json       what many questions share, which tells none of them from another
        out/personal.jsonl      place, rule and count of the personal data that was found; never the value
        report                  rows = records + duplicates + rejects, by source, and what was found
A record's id is a digest of its content. Of rows that say the same, or nearly the same, one stays: of the test set before
others, what a person approved, what was rejected (its copies go with it), people before production, then the first.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.data.answers import Contract, Relation
from pipeline.data.ledgers import read_reviews
from pipeline.data.likeness.duplicates import Near, Rows, near_duplicates
from pipeline.data.likeness.shingles import shingles
from pipeline.data.likeness.spool import Spool
from pipeline.data.likeness.staying import rank_of, relation
from pipeline.data.personal.cleaning import cleaned
from pipeline.data.personal.finding import PersonalDataParams
from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.reading.sources import Source, check_files, load_sources
from pipeline.data.records import Record, write_jsonl, write_lines
from pipeline.data.reviews import Decisions, ReviewParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.stage import Fault, Params, run, write_report

WARNED_SHARE = 0.2  # of the rows: more near copies than that are mostly a template, and worth a look


class IngestParams(Params):
    """Section `ingest`. `max_rejects`: rows that may be unreadable before the stage stops; `similarity`: share of word pairs."""

    section: ClassVar[str] = "ingest"
    max_rejects: Annotated[int, Field(ge=0)]
    near_duplicates: Literal["drop", "keep"]
    similarity: Annotated[float, Field(ge=0.5, le=1)]
    personal_data: PersonalDataParams


@dataclass
class Intake:
    """What came in: rejects, duplicates and findings, and the counts of each file."""

    rejects: list[Reject] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    personal: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    taken_for: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, file: str) -> Counter[str]:
        """The counts of a file: rows = records + duplicates + rejects."""
        if (known := self.counts.get(file)) is None:
            known = self.counts[file] = Counter(rows=0, records=0, duplicates=0, rejects=0)
        return known

    def goes(self, gone: Record, stays: Record, similarity: float) -> None:
        """A record that was counted as one is a duplicate of another."""
        count = self.count(_file(gone))
        count["records"] -= 1
        count["duplicates"] += 1
        self.duplicates.append(
            {"source": gone.source, "gone": gone.id, "of": stays.source, "id": stays.id, "similarity": similarity}
        )


def _file(record: Record) -> str:
    return record.source.rpartition(":")[0]


def read(rows: Iterable[Record | Reject], policy: PersonalDataParams, intake: Intake) -> Iterator[Record]:
    """The records among the rows, masked; what is none, and what was found, goes into `intake`."""
    for row in rows:
        place = row.place if isinstance(row, Reject) else row.source
        result = cleaned(row, policy)
        count = intake.count(place.rpartition(":")[0])
        count["rows"] += 1
        for rule in sorted(result.found):
            intake.personal.append({"source": place, "rule": rule, "count": result.found[rule]})
        if isinstance(result.row, Reject):
            count["rejects"] += 1
            intake.rejects.append(result.row)
        else:
            count["records"] += 1
            yield result.row


def ingest(
    rows: Iterable[Record | Reject],
    params: IngestParams,
    contract: Contract,
    rank: Callable[[Record], int],
    spool: Spool,
) -> tuple[Intake, Near, set[int]]:
    """Read the rows, and find who says what another one says: that of the lowest `rank` stays, then the first.

    The numbers are those of rows in the spool that go.
    """
    intake, known = Intake(), Rows()
    for record in read(rows, params.personal_data, intake):
        if known.add(record, rank(record)):
            spool.add(record)
        else:
            intake.goes(record, spool.record(known.by_id[int(record.id, 16)]), 1.0)

    said = lru_cache(maxsize=50_000)(shingles)

    def relate(first: int, second: int) -> Relation | None:
        return relation(spool.record(first), spool.record(second), contract, params.similarity, said)

    near = near_duplicates(known, params.similarity, relate, params.near_duplicates == "drop")
    for gone in sorted(known.exact):
        stays = known.exact[gone]
        while stays in known.exact:
            stays = known.exact[stays]
        intake.goes(spool.record(gone), spool.record(stays), 1.0)
    for gone, pair in sorted(near.gone.items()):
        stays = pair.first if gone == pair.second else pair.second
        intake.goes(spool.record(gone), spool.record(stays), round(pair.similarity, 3))
    return intake, near, known.exact.keys() | near.gone.keys()


def feedback_sources(folder: Path) -> list[tuple[Path, Source]]:
    """Files of reviewed production failures, oldest first."""
    return [
        (
            path,
            Source(
                file=path.name,
                origin="production",
                answered_by="corrected",
                licence="own",
                rights="own production",
            ),
        )
        for path in sorted(folder.glob("*.jsonl"))
    ]


def rows_of(
    sources: Path, feedback: Path, contract: Contract, taken_for: dict[str, Counter[str]]
) -> Iterator[Record | Reject]:
    """Every row of every source, in order; `taken_for` is told what each file was taken for."""
    listed = load_sources(sources)
    check_files(sources, listed)
    for path, source in [(sources.parent / source.file, source) for source in listed] + feedback_sources(feedback):
        yield from read_source(path, source, contract, taken_for.setdefault(str(path), Counter()))


def check_rejects(rejects: list[Reject], max_rejects: int) -> None:
    """Raises Fault with the place of the first reject where there are more than allowed."""
    if len(rejects) > max_rejects:
        more = f" (and {len(rejects) - 1} more)" if len(rejects) > 1 else ""
        remedy = f"mend or drop the row, or raise ingest.max_rejects ({max_rejects})"
        raise Fault(rejects[0].place, f"{rejects[0].reason}{more}", remedy)


def report_of(
    intake: Intake,
    near: Near,
    taken_for: dict[str, Counter[str]],
    params: IngestParams,
    place: Callable[[int], str],
) -> dict[str, Any]:
    """The balance of rows, what the files were taken for, and what was found in them. `place` is that of a row by number."""
    total = sum(intake.counts.values(), Counter())
    relations = Counter(kind for pair, kind in near.pairs if not {pair.first, pair.second} & near.gone.keys())
    clusters = Counter(pair.first if gone == pair.second else pair.second for gone, pair in near.gone.items())
    return {
        **{key: total[key] for key in ("rows", "records", "duplicates", "rejects")},
        "sources": {
            file: {**count, "taken_for": dict(taken_for.get(file, Counter()))} for file, count in intake.counts.items()
        },
        "near_duplicates": {
            "rows": sum(clusters.values()),
            "clusters": len(clusters),
            "largest": [{"of": place(number), "rows": count} for number, count in clusters.most_common(10)],
            "shared_words": near.template.told(),
            "pairs_kept": dict(relations),
        },
        "personal_data": _findings(intake.personal, params.personal_data),
        "reasons": dict(Counter(reject.reason for reject in intake.rejects).most_common(20)),
    }


def _findings(personal: list[dict[str, Any]], policy: PersonalDataParams) -> dict[str, Any]:
    """By rule: what was done, how often the rule found something, and in how many rows."""
    rows = Counter(entry["rule"] for entry in personal)
    found: Counter[str] = Counter()
    for entry in personal:
        found[entry["rule"]] += entry["count"]
    return {rule: {"policy": getattr(policy, rule), "rows": rows[rule], "found": found[rule]} for rule in sorted(rows)}


def _pairs(near: Near, spool: Spool) -> Iterator[dict[str, Any]]:
    """The pairs of which both stay."""
    for pair, kind in near.pairs:
        if not {pair.first, pair.second} & near.gone.keys():
            first, second = spool.record(pair.first), spool.record(pair.second)
            yield {"first": first.id, "second": second.id, "similarity": round(pair.similarity, 3), "answers": kind}


def main(
    params: IngestParams,
    review: ReviewParams,
    sources: Path,
    feedback: Path,
    schema: Path,
    test_set: Path,
    reviews: Path,
    out: Path,
    report: Path,
) -> None:
    contract = Contract.load(schema)
    rank = rank_of(TestSet.load(test_set).ids, Decisions(read_reviews(reviews), review.origins))
    taken_for: dict[str, Counter[str]] = {}
    with Spool(out.with_suffix(".part")) as spool:
        rows = rows_of(sources, feedback, contract, taken_for)
        intake, near, gone = ingest(rows, params, contract, rank, spool)
        write_jsonl(out / "rejects.jsonl", (asdict(reject) for reject in intake.rejects))
        check_rejects(intake.rejects, params.max_rejects)
        count = write_lines(out / "records.jsonl", spool.lines(without=gone))
        write_jsonl(out / "near.jsonl", _pairs(near, spool))
        write_report(report, report_of(intake, near, taken_for, params, lambda number: spool.record(number).source))
    near.template.save(out / "template.json")
    write_jsonl(out / "duplicates.jsonl", intake.duplicates)
    write_jsonl(out / "personal.jsonl", intake.personal)
    _tell(intake, near, count, out)


def _tell(intake: Intake, near: Near, count: int, out: Path) -> None:
    if near.template.runs:
        shared = near.template.told()[0]
        print(f'ingest: many questions share "{shared[:60]}..."; near-duplicates and leaks are told by the rest')
    if len(near.gone) > WARNED_SHARE * (count + len(near.gone)):
        print(
            f"ingest: warning: {len(near.gone)} rows went as near copies; look at {out / 'duplicates.jsonl'}, and raise "
            "ingest.similarity or set ingest.near_duplicates to keep where they should stay"
        )
    print(
        f"ingest: {count} records from {len(intake.counts)} files, {len(intake.duplicates)} duplicates, "
        f"{len(intake.rejects)} rejects"
    )


if __name__ == "__main__":
    run(main)
