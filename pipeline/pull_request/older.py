"""Older forms of the inputs, made into today's in a copy of them, so that a revision from before a change of form can be compared."""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from pipeline.data.ledgers import Reply
from pipeline.data.reading.sources import load_sources
from pipeline.data.records import digest, read_jsonl
from pipeline.stage import Fault, Params, checked, read_yaml

P = TypeVar("P", bound=Params)
UNKNOWN_COST = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}


def put(path: Path, text: str) -> None:
    """Write a file of the copy anew; what it may point at stays as it is."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def entries_of(listing: Path) -> list[dict[str, Any]]:
    """The entries of `sources.yaml`, whatever keys they have. Raises Fault where it is no list of sources."""
    content = read_yaml(listing)
    entries = content.get("sources") if isinstance(content, dict) else None
    if entries is None and isinstance(content, dict):
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Fault(listing, "is no list of sources", "restore it from git")
    return entries


def mend_listing(listing: Path) -> None:
    """Drop what an older list said of the form of each file, where today's readers refuse it."""
    try:
        load_sources(listing)
    except Fault:
        put_entries(listing, [{key: entry[key] for key in entry if key != "format"} for entry in entries_of(listing)])


def put_entries(listing: Path, entries: list[dict[str, Any]]) -> None:
    """Write a list of sources; keys keep their order, which is that of the fields in an answer."""
    put(listing, yaml.safe_dump({"sources": entries}, allow_unicode=True, sort_keys=False))


def mend_replies(folder: Path) -> None:
    """Fill in what older replies did not say: the request, and what it cost. A reply of today's form stays."""
    for path in sorted(folder.glob("*.jsonl")):
        rows = [row for _, row in read_jsonl(path)]
        if any(not Reply.model_fields.keys() <= row.keys() for row in rows):
            filled = [{**UNKNOWN_COST, "request": digest(row), **row} for row in rows]
            put(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in filled))


def params_of(kind: type[P], params_file: Path, today: Path, missing: set[str]) -> P:
    """A section as an older `params.yaml` says it; what it does not say is taken from today's, and named in `missing`."""
    older, newer = _section(kind, params_file), _section(kind, today)
    return checked(kind, _filled(kind, older, newer, kind.section, missing), params_file, kind.section)


def _section(kind: type[Params], params_file: Path) -> Any:
    content = read_yaml(params_file) if params_file.exists() else {}
    return content.get(kind.section) if isinstance(content, dict) else None


def _filled(kind: type[BaseModel], older: Any, newer: Any, place: str, missing: set[str]) -> Any:
    """The known keys of a model, out of the older values, else the newer ones."""
    if not isinstance(newer, dict):
        return older
    found: dict[str, Any] = {}
    for key, field in kind.model_fields.items():
        where, inner = f"{place}.{key}", field.annotation
        if not isinstance(older, dict) or key not in older:
            missing.add(where)
            found[key] = newer.get(key)
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            found[key] = _filled(inner, older[key], newer.get(key), where, missing)
        else:
            found[key] = older[key]
    return found
