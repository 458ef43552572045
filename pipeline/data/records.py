"""Records: one training or test example, its identity and its file form.

A file of records is JSON Lines in UTF-8, one record a line, keys sorted.
"""

import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from pipeline.stage import Fault

ROLES = ("system", "user", "assistant")


class Turn(TypedDict):
    """One chat turn; `role` is one of ROLES."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Record:
    """One example. `messages` ends with the assistant's turn, which is the reference answer.

    `id` is a digest of the messages, so an edited example is a new one. `group` is what must stay on one side of the split:
    a customer, a conversation, else the record's own id (a synthetic record has its ancestor's).
    """

    id: str
    messages: tuple[Turn, ...]
    origin: str
    answered_by: str
    source: str
    group: str
    parents: tuple[str, ...]
    tags: tuple[str, ...]
    licence: str

    @property
    def asked(self) -> tuple[Turn, ...]:
        """The turns before the reference answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The reference answer."""
        return self.messages[-1]["content"]


def digest(value: Any) -> str:
    """16 hexadecimal digits of the value's canonical JSON (BLAKE2b)."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def parse_json(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError where it is none: NaN, endless numbers and endless nesting are not JSON."""
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(plain, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else float(_refuse(text[:20]))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def record_id(messages: Iterable[Turn]) -> str:
    """Identity of an example: its turns, composed (NFC), and nothing else."""
    return digest([[turn["role"], unicodedata.normalize("NFC", turn["content"])] for turn in messages])


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that is not blank. Raises Fault at a line that is no JSON object."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Fault(path, "no such file", "check the path, or run the stage that writes it") from None
    with file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = parse_json(line)
            except ValueError as error:
                raise Fault(f"{path}:{number}", f"is not JSON ({error})", "mend the line or drop it") from None
            if not isinstance(value, dict):
                raise Fault(f"{path}:{number}", "is not a JSON object", "mend the line or drop it")
            yield number, value


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows with sorted keys; returns how many. No rows make one blank line, since DVC warns of an empty file at every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n")
            count += 1
        if not count:
            file.write("\n")
    return count


def read_records(path: Path) -> list[Record]:
    """Records of a file that a stage of ours has written."""
    return [_record(value) for _, value in read_jsonl(path)]


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write records; returns how many."""
    return write_jsonl(path, (asdict(record) for record in records))


def _record(value: dict[str, Any]) -> Record:
    tuples = {key: tuple(value[key]) for key in ("messages", "parents", "tags")}
    return Record(**{**value, **tuples})
