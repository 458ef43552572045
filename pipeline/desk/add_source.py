"""List a file of examples everywhere it must stand: in `sources.yaml` and among what the stage `ingest` reads.

    python -m pipeline.desk.add_source data/raw/FILE

What the file is, its content tells. Only rows whose keys say nothing need a column map: one is written where the answer has
one field and one column stands beside that of the messages. The whole file is read first, and nothing is listed that for
the most part is no example.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from pipeline.data.answers import Contract
from pipeline.data.reading.fields import INPUTS
from pipeline.data.reading.files import container_of, open_rows
from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.reading.sources import Source, load_sources
from pipeline.data.reading.telling import UNKNOWN, Teller
from pipeline.desk.inputs import SCHEMA, SOURCES
from pipeline.desk.unchanged import PIPELINE
from pipeline.stage import Fault, checked, read_yaml

NAME = re.compile(r"[\w-][\w.-]*")
LOOKED_AT = 100  # rows of which one must say what the keys are


@dataclass
class Survey:
    """What a file was taken for, and what became of its rows."""

    container: str
    rows: int = 0
    rejects: int = 0
    first: Reject | None = None
    shapes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        taken = ", ".join(f"{name} {count}" for name, count in self.shapes.most_common()) or "nothing"
        text = f"{self.container}, {self.rows} rows taken for {taken}: {self.rows - self.rejects} examples"
        if self.first is None:
            return f"{text}, no rejects"
        return f"{text}, {self.rejects} rejects, the first {self.first.place}: {self.first.reason}"


def survey(path: Path, source: Source, contract: Contract) -> Survey:
    """Read the whole file. Raises Fault where it cannot be read, or where more than half of its rows are no examples."""
    found = Survey(container_of(path))
    for row in read_source(path, source, contract, found.shapes):
        found.rows += 1
        if isinstance(row, Reject):
            found.rejects += 1
            found.first = found.first or row
    if found.first is not None and found.rejects * 2 > found.rows:
        fault = f"{found.rejects} of {found.rows} rows are no examples, the first: {found.first.reason}"
        raise Fault(found.first.place, fault, "mend the rows, or write the entry with columns by hand")
    return found


def entry_for(path: Path, contract: Contract) -> dict[str, Any]:
    """The entry of `sources.yaml` for a file. Raises Fault where its rows say nothing and no columns can be told."""
    entry: dict[str, Any] = {
        "file": path.name,
        "origin": "human",
        "answered_by": "human",
        "licence": "proprietary",
        "rights": "our own data",
    }
    opened = open_rows(path)
    rows = [row for _, row in islice(opened.rows, LOOKED_AT) if isinstance(row, dict)]
    teller = Teller(Source(**entry), contract, opened.is_text)
    if not rows or any(teller.tell(row).name != UNKNOWN for row in rows):
        return entry
    return {**entry, "columns": _columns(path, list(rows[0]), contract)}


def _columns(path: Path, header: list[str], contract: Contract) -> dict[str, Any]:
    """The column map where one column stands beside that of the messages, and the answer has one field or none."""
    asked = next((name for name in header if name.lower() in INPUTS), None)
    if asked is None:
        raise Fault(path, f"has no column named {', '.join(INPUTS)}", "rename the column of the messages")
    fields = list(contract.fields)
    rest = [name for name in header if name != asked]
    extra: dict[str, Any] = {name: name for name in ("group", "tags") if name in rest and name not in fields}
    answers = [name for name in rest if name not in extra]
    has_fields = bool(contract.schema.get("properties"))
    if len(answers) == 1 and len(fields) == 1:
        return {"input": asked, "answer": {fields[0]: answers[0]} if has_fields else answers[0], **extra}
    if not has_fields:
        raise Fault(path, f"has {len(answers)} columns beside that of the messages", "leave one for the answer")
    missing = [name for name in fields if name not in rest]
    raise Fault(
        path,
        f"has no column {', '.join(missing)}, which {SCHEMA} asks for",
        "write the schema first, and name the columns after the fields of the answer",
    )


def add(path: Path) -> Survey:
    """Read the file, then write the entry and the dependency. Raises Fault where the file cannot be a source."""
    if path.parent.resolve() != SOURCES.parent.resolve() or not path.is_file():
        raise Fault(path, f"is no file in {SOURCES.parent}", "put it there and name it with FILE=")
    if not NAME.fullmatch(path.name):
        raise Fault(
            path,
            "has a name that YAML or DVC could misread",
            "rename it with letters, digits, dots, dashes and underscores",
        )
    listing = read_yaml(SOURCES)
    listed = listing.get("sources") or [] if isinstance(listing, dict) else None
    if not isinstance(listed, list) or not all(isinstance(source, dict) for source in listed):
        raise Fault(SOURCES, "is no list of sources", "restore it from git")
    contract = Contract.load(SCHEMA)
    before = next((source for source in listed if source.get("file") == path.name), None)
    entry = entry_for(path, contract) if before is None else before
    found = survey(path, checked(Source, entry, f"{SOURCES}: {path.name}"), contract)
    if before is None:
        _add_entry(entry, is_first=not listed)
    _add_dependency(SOURCES.parent / path.name)
    return found


def _add_entry(entry: dict[str, Any], is_first: bool) -> None:
    """Append the entry as text, so that remarks stay; what cannot be read back then is put back as it was."""
    before = SOURCES.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^sources:\s*\[\s*\]\s*$", "sources:", before) if is_first else before
    block = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=1000)
    SOURCES.write_text(
        text.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in block.splitlines()), encoding="utf-8"
    )
    try:
        is_there = any(source.file == entry["file"] for source in load_sources(SOURCES))
    except Fault:
        is_there = False
    if not is_there:
        SOURCES.write_text(before, encoding="utf-8")
        raise Fault(
            SOURCES,
            "is written in a form that nothing can be added to",
            "write each source as `  - file: ...` below `sources:`",
        )


def _add_dependency(path: Path) -> None:
    """Put the file after `sources.yaml` in the list that DVC reads, touching no other line."""
    lines = PIPELINE.read_text(encoding="utf-8").splitlines(keepends=True)
    anchor = next((n for n, line in enumerate(lines) if line.split("#")[0].strip() == f"- {SOURCES}"), None)
    if anchor is None:
        raise Fault(PIPELINE, f"stage ingest does not list {SOURCES}", "restore the line from git")
    indent = lines[anchor][: lines[anchor].index("-")]
    wanted = f"{indent}- {path.as_posix()}\n"
    if wanted not in lines:
        PIPELINE.write_text("".join([*lines[: anchor + 1], wanted, *lines[anchor + 1 :]]), encoding="utf-8")


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) == 2 else "")
    try:
        found = add(path)
    except Fault as fault:
        sys.exit(f"add-source: {fault}")
    print(f"add-source: {path.name} is {found}")
    print(f"add-source: {path.name} stands in {SOURCES} and {PIPELINE}; check licence and rights there")


if __name__ == "__main__":
    main()
