"""A ledger whose last line was cut off: its writer was killed, or the power went, in the middle of it."""

from pathlib import Path

from pipeline.data.records import parse_json


def set_aside(folder: Path) -> list[Path]:
    """Move half a line from the end of each of the ledger's files to a file beside it; gives these. A whole line stays."""
    return [aside for path in sorted(folder.glob("*.jsonl")) if (aside := _set_aside(path))]


def _set_aside(path: Path) -> Path | None:
    whole, newline, last = path.read_bytes().rpartition(b"\n")
    if not last.strip() or _is_json(last):
        return None
    aside = path.with_name(f"{path.name}.torn")
    with aside.open("ab") as file:
        file.write(last + b"\n")
    with path.open("rb+") as file:
        file.truncate(len(whole + newline))
    return aside


def _is_json(text: bytes) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True
