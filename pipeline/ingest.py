"""Read the sources into records, each once.

Reads   sources     sources.yaml and the files that it lists, beside it
        feedback    reviewed production failures, JSON Lines in chat form (may be empty)
        schema      the contract of an answer
Writes  out/records.jsonl   pipeline.data.records.Record, in the order of the sources
        out/rejects.jsonl   place and reason of each row that is no example
        report              rows = records + duplicates + rejects, by source
A record's id is a digest of its turns; of rows that say the same the first one stays.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.readers import Reject, read_source
from pipeline.data.records import Record, write_jsonl, write_records
from pipeline.data.sources import Source, check_files, load_sources
from pipeline.stage import Fault, Params, run, write_report


class IngestParams(Params):
    """Section `ingest`. `max_rejects`: rows that may be unreadable before the stage stops."""

    section: ClassVar[str] = "ingest"
    max_rejects: Annotated[int, Field(ge=0)]


def ingest(rows: Iterable[tuple[str, Record | Reject]]) -> tuple[list[Record], list[Reject], dict[str, Counter[str]]]:
    """Part rows (file and content) into records, each id once, and rejects; with the counts of each file."""
    records: dict[str, Record] = {}
    rejects: list[Reject] = []
    counts: dict[str, Counter[str]] = {}
    for file, row in rows:
        count = counts.setdefault(file, Counter(rows=0, records=0, duplicates=0, rejects=0))
        count["rows"] += 1
        if isinstance(row, Reject):
            rejects.append(row)
            count["rejects"] += 1
        elif row.id in records:
            count["duplicates"] += 1
        else:
            records[row.id] = row
            count["records"] += 1
    return list(records.values()), rejects, counts


def feedback_sources(folder: Path) -> list[tuple[Path, Source]]:
    """Files of reviewed production failures, oldest first."""
    return [
        (
            path,
            Source(
                file=path.name,
                format="chat",
                origin="production",
                answered_by="corrected",
                licence="own",
                rights="own production",
            ),
        )
        for path in sorted(folder.glob("*.jsonl"))
    ]


def rows_of(sources: Path, feedback: Path, contract: Contract) -> Iterable[tuple[str, Record | Reject]]:
    """Every row of every source, in order, with the file that it stands in."""
    listed = load_sources(sources)
    check_files(sources, listed)
    for path, source in [(sources.parent / source.file, source) for source in listed] + feedback_sources(feedback):
        for row in read_source(path, source, contract):
            yield str(path), row


def check_rejects(rejects: list[Reject], max_rejects: int) -> None:
    """Raises Fault with the place of the first reject where there are more than allowed."""
    if len(rejects) > max_rejects:
        more = f" (and {len(rejects) - 1} more)" if len(rejects) > 1 else ""
        remedy = f"mend or drop the row, or raise ingest.max_rejects ({max_rejects})"
        raise Fault(rejects[0].place, f"{rejects[0].reason}{more}", remedy)


def report_of(counts: dict[str, Counter[str]], records: list[Record]) -> dict[str, Any]:
    """The balance of rows, and what the records are."""
    total = sum(counts.values(), Counter())
    return {
        **{key: total[key] for key in ("rows", "records", "duplicates", "rejects")},
        "sources": {file: dict(count) for file, count in counts.items()},
        "origins": dict(Counter(record.origin for record in records)),
        "tags": dict(Counter(tag for record in records for tag in record.tags)),
    }


def main(params: IngestParams, sources: Path, feedback: Path, schema: Path, out: Path, report: Path) -> None:
    records, rejects, counts = ingest(rows_of(sources, feedback, Contract.load(schema)))
    check_rejects(rejects, params.max_rejects)
    write_records(out / "records.jsonl", records)
    write_jsonl(out / "rejects.jsonl", (asdict(reject) for reject in rejects))
    write_report(report, report_of(counts, records))
    print(f"ingest: {len(records)} records from {len(counts)} files, {len(rejects)} rejects")


if __name__ == "__main__":
    run(main)
