"""List a file of examples everywhere it must stand: in `sources.yaml` and among what the stage `ingest` reads.

    python -m pipeline.desk.add_source data/raw/FILE

The form is told from the file's name and first row. A CSV file needs a column of messages and one for each field
of the answer; where the answer has one field, two columns do. Columns `tags` and `group` are taken for what they are called.
"""

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline.data.answers import Contract
from pipeline.data.sources import load_sources
from pipeline.desk.inputs import PIPELINE, SCHEMA, SOURCES
from pipeline.stage import Fault, read_yaml

NAME = re.compile(r"[\w-][\w.-]*")
INPUTS = ("input", "message", "text", "question", "prompt")


def entry_for(path: Path, contract: Contract) -> dict[str, Any]:
    """The entry of `sources.yaml` for a file. Raises Fault where its form cannot be told."""
    entry: dict[str, Any] = {
        "file": path.name,
        "format": "csv",
        "origin": "human",
        "answered_by": "human",
        "licence": "proprietary",
        "rights": "our own data",
    }
    if path.suffix.lower() == ".csv":
        return {**entry, "columns": _columns(path, contract)}
    return {**entry, "format": _json_format(path)}


def _json_format(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = json.loads(next(line for line in file if line.strip()))
    except (StopIteration, json.JSONDecodeError, UnicodeDecodeError):
        raise Fault(path, "its first row is no JSON", "save it as JSON Lines or CSV") from None
    for keys, name in ((("messages",), "chat"), (("prompt", "completion"), "prompt_completion")):
        if isinstance(first, dict) and all(key in first for key in keys):
            return name
    raise Fault(path, "has neither messages nor prompt and completion", "rename its keys")


def _columns(path: Path, contract: Contract) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file))
    except (StopIteration, UnicodeDecodeError, csv.Error):
        raise Fault(path, "has no header row in UTF-8", "save it as CSV with a header") from None
    asked = next((name for name in header if name.lower() in INPUTS), None)
    if asked is None:
        raise Fault(path, f"has no column named {', '.join(INPUTS)}", "rename the column of the messages")
    rest = [name for name in header if name != asked]
    fields = list(contract.fields)
    extra: dict[str, Any] = {name: name for name in ("group", "tags") if name in rest and name not in fields}
    answers = [name for name in rest if name not in extra]
    if not contract.schema.get("properties"):
        if len(answers) == 1:
            return {"input": asked, "answer": answers[0], **extra}
        raise Fault(path, f"has {len(answers)} columns beside that of the messages", "leave one for the answer")
    if all(name in rest for name in fields):
        answer: Any = {name: name for name in fields}
        return {
            "input": asked,
            "answer": answer,
            **extra,
        }
    if len(fields) == 1 and len(answers) == 1:
        return {"input": asked, "answer": {fields[0]: answers[0]}, **extra}
    missing = [name for name in fields if name not in rest]
    raise Fault(
        path,
        f"has no column {', '.join(missing)}, which {SCHEMA} asks for",
        "write the schema first, and name the columns after the fields of the answer",
    )


def add(path: Path) -> None:
    """Write the entry and the dependency. Raises Fault where the file cannot be a source."""
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
    entry = entry_for(path, Contract.load(SCHEMA))
    if all(source.get("file") != path.name for source in listed):
        _add_entry(entry, is_first=not listed)
    _add_dependency(SOURCES.parent / path.name)


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
        add(path)
    except Fault as fault:
        sys.exit(f"add-source: {fault}")
    print(f"add-source: {path.name} stands in {SOURCES} and {PIPELINE}; check licence and rights there")


if __name__ == "__main__":
    main()
