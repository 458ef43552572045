"""Small data that several test files share: a contract, records, sources."""

import json
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.reading.sources import Source
from pipeline.data.records import Record, record_id

SCHEMA = {
    "type": "object",
    "properties": {
        "reply": {"type": "string", "minLength": 1},
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "urgent": {"type": "boolean"},
        "stars": {"type": "integer"},
    },
    "required": ["reply", "colour"],
    "additionalProperties": False,
}


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_lines(path: Path, *rows: Any) -> Path:
    """A JSON Lines file; a text stands as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def contract(folder: Path, schema: Any = SCHEMA) -> Contract:
    return Contract.load(write_json(folder / "schema.json", schema))


def answer(colour: str = "red", reply: str = "noted") -> str:
    return json.dumps({"reply": reply, "colour": colour})


def turns(*contents: str) -> tuple[dict[str, str], ...]:
    """Turns of user and assistant by turns, the user first."""
    return tuple({"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(contents))


def record(asked: str, reply: str | None = None, **changes: Any) -> Record:
    """A record that a person wrote; without `group` it is a group of its own."""
    messages = changes.pop("messages", turns(asked, answer() if reply is None else reply))
    identity = record_id(messages)
    values = {
        "id": identity,
        "messages": messages,
        "origin": "human",
        "answered_by": "human",
        "source": "raw/a.jsonl:1",
        "group": identity,
        "parents": (),
        "tags": (),
        "licence": "Apache-2.0",
    }
    return Record(**{**values, **changes})


def source_entry(file: str, form: str = "", **changes: Any) -> dict[str, Any]:
    """An entry of sources.yaml; a table needs no word for what it is."""
    return {
        "file": file,
        **({"format": form} if form not in ("", "csv") else {}),
        "origin": "human",
        "answered_by": "human",
        "licence": "Apache-2.0",
        "rights": "own",
        **changes,
    }


def source(form: str = "", **changes: Any) -> Source:
    return Source.model_validate(source_entry("a", form, **changes))
