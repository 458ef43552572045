"""Readers: a source file becomes records and rejects, and nothing is lost between the two."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.records import ROLES, Record, Turn, parse_json, record_id
from pipeline.data.sources import Columns, Source
from pipeline.stage import Fault

TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Unreadable(Exception):
    """Why a row is no example."""


@dataclass(frozen=True)
class Reject:
    """A row that is no example: `place` is file and line, `reason` says why."""

    place: str
    reason: str


def read_source(path: Path, source: Source, contract: Contract) -> Iterator[Record | Reject]:
    """Every row of the file, as a record or a reject. Raises Fault for an empty file or one that is not text."""
    rows = _csv_rows(path) if source.format == "csv" else _json_rows(path)
    count = 0
    for line, row in rows:
        count += 1
        place = f"{path}:{line}"
        try:
            yield _record(row, source, contract, place)
        except Unreadable as error:
            yield Reject(place, str(error))
    if not count:
        raise Fault(path, "is empty", "fill it, or take it out of the sources")


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Line and value of each line that is not blank; a line that is no JSON comes as the error."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                yield number, parse_json(text)
            except ValueError as error:
                yield number, Unreadable(f"not JSON ({error})")


def _csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """First line and row (by column name) of a CSV file with a header."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = list(reader.fieldnames or [])
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise Fault(path, f"has two columns {twice}", "rename one of them")
            line = reader.line_num + 1
            for row in reader:
                yield line, row
                line = reader.line_num + 1
    except UnicodeDecodeError:
        raise Fault(path, "is not UTF-8 text", "save it as UTF-8") from None
    except csv.Error as error:
        raise Fault(f"{path}:{line}", f"is not CSV ({error})", "mend the quotes, or save it again as CSV") from None


def _record(row: Any, source: Source, contract: Contract, place: str) -> Record:
    if isinstance(row, Unreadable):
        raise row
    if not isinstance(row, dict):
        raise Unreadable("not a JSON object")
    if source.columns is not None:
        messages, group, tags = _from_columns(row, source.columns, contract)
    else:
        messages = _from_chat(row) if source.format == "chat" else _from_completion(row)
        group, tags = row.get("group", ""), row.get("tags", [])
    turns = _checked_turns(messages)
    if not isinstance(group, str) or not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unreadable("group must be a text and tags a list of texts")
    group = " ".join(group.split())
    if any(_is_broken(text) for text in (group, *tags, *(turn["content"] for turn in turns))):
        raise Unreadable("half of a surrogate pair; the text is broken")
    identity = record_id(turns)
    return Record(
        id=identity,
        messages=turns,
        origin=source.origin,
        answered_by=source.answered_by,
        source=place,
        group=group or identity,
        parents=(),
        tags=tuple(sorted(set(tags))),
        licence=source.licence,
    )


def _from_chat(row: dict[str, Any]) -> list[Any]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Unreadable("no list under messages")
    return messages


def _from_completion(row: dict[str, Any]) -> list[Any]:
    if "prompt" not in row or "completion" not in row:
        raise Unreadable("no prompt or no completion")
    answer = row["completion"]
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": text}]


def _from_columns(row: dict[str, Any], columns: Columns, contract: Contract) -> tuple[list[Any], str, list[str]]:
    def cell(name: str) -> str:
        value = row.get(name)
        if not isinstance(value, str):
            raise Unreadable(f"no column {name}" if name not in row else f"column {name} is missing in this row")
        return value

    if None in row:
        raise Unreadable("more cells than columns")
    if isinstance(columns.answer, str):
        answer = cell(columns.answer)
    else:
        fields = {
            field: _typed(cell(name), contract.fields.get(field, {}), field) for field, name in columns.answer.items()
        }
        answer = json.dumps(fields, ensure_ascii=False)
    tags = [tag.strip() for tag in cell(columns.tags).split(";") if tag.strip()] if columns.tags else []
    group = cell(columns.group).strip() if columns.group else ""
    return [{"role": "user", "content": cell(columns.input)}, {"role": "assistant", "content": answer}], group, tags


def _is_broken(text: str) -> bool:
    """Whether a text cannot be written as UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _typed(text: str, schema: dict[str, Any], field: str) -> Any:
    """A cell as the type that the schema gives its field."""
    kind = schema.get("type")
    try:
        if kind == "boolean":
            return TRUTH[text.strip().lower()]
        if kind in ("integer", "number"):
            number = int(text) if kind == "integer" else float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
    except (KeyError, ValueError, OverflowError):
        raise Unreadable(f"{field} is {text!r}, not {kind}") from None
    return text


def _checked_turns(messages: list[Any]) -> tuple[Turn, ...]:
    """Turns with known roles and texts, an assistant's among them; the system turn is left out (prompts stand in the task)."""
    turns: list[Turn] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise Unreadable(f"a turn without a role out of {', '.join(ROLES)}")
        if not isinstance(message.get("content"), str):
            raise Unreadable(f"the {message['role']} turn has no text")
        if message["role"] != "system":
            turns.append({"role": message["role"], "content": message["content"]})
    if not any(turn["role"] == "assistant" for turn in turns):
        raise Unreadable("no assistant turn; add the answer")
    return tuple(turns)
