"""Records: one training or test example, its identity and its file form.

A file of records is JSON Lines in UTF-8, one record a line, keys sorted, what is empty left out.
"""

import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NotRequired

import msgspec
from typing_extensions import TypedDict

from pipeline.stage import Fault

ROLES = ("system", "user", "assistant", "tool")


class Turn(TypedDict):
    """One chat turn; `role` is one of ROLES.

    An assistant's turn may call tools: `{"type": "function", "function": {"name": ..., "arguments": {...}}}` each, with the
    `id` that the tool's turn answers under `tool_call_id` where there is one.
    """

    role: str
    content: str
    tool_calls: NotRequired[list[dict[str, Any]]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One example. `messages` ends with the assistant's turn, which is the reference answer.

    `id` is a digest of the content, so an edited example is a new one. `group` is what must stay on one side of the split:
    a customer, a conversation, else the record's own id (a synthetic record has its ancestor's). `rejected` makes a
    preference out of it: the turns that are worse than the last one. `tools` are the definitions of the tools that it may call.
    """

    answered_by: str
    group: str
    id: str
    licence: str
    messages: tuple[Turn, ...]
    origin: str
    parents: tuple[str, ...] = ()
    rejected: tuple[Turn, ...] = ()
    source: str
    tags: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()

    @property
    def asked(self) -> tuple[Turn, ...]:
        """The turns before the reference answer."""
        return self.messages[:-1]

    @property
    def question(self) -> str:
        """What all turns before the answer say, a line a turn; a turn that only calls tools says its calls."""
        return "\n".join(text_of(turn) for turn in self.messages[:-1])

    @property
    def answer(self) -> str:
        """The reference answer; where it calls tools and says nothing, the calls as JSON."""
        return text_of(self.messages[-1])


class Key(msgspec.Struct, frozen=True):
    """What decides on the side of a record, where the rest is not needed."""

    id: str
    group: str
    origin: str
    parents: tuple[str, ...] = ()


def text_of(turn: Turn) -> str:
    """What a turn says; where it calls tools and says nothing, the calls as JSON."""
    calls = turn.get("tool_calls")
    if turn["content"] or not calls:
        return turn["content"]
    return json.dumps([call["function"] for call in calls], sort_keys=True, ensure_ascii=False)


CANONICAL = msgspec.json.Encoder(order="sorted")
RECORD, KEY = msgspec.json.Decoder(Record), msgspec.json.Decoder(Key)
FAST = msgspec.json.Decoder()


def digest(value: Any) -> str:
    """16 hexadecimal digits of the value's canonical JSON (BLAKE2b)."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def parse_json(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError where it is none: NaN, endless numbers and endless nesting are not JSON."""
    try:
        return FAST.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _slowly(text)  # for the reason in words, and for what only the standard library takes


def _slowly(text: bytes | str) -> Any:
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


def record_id(messages: Iterable[Turn], rejected: Iterable[Turn] = (), tools: Iterable[dict[str, Any]] = ()) -> str:
    """Identity of an example: its turns, composed (NFC), with what they were preferred to and the tools, and nothing else."""
    content: Any = [_identity(turn) for turn in messages]
    worse, offered = [_identity(turn) for turn in rejected], list(tools)
    if worse or offered:
        content = {"messages": content, "rejected": worse, "tools": offered}
    return hashlib.blake2b(CANONICAL.encode(content), digest_size=8).hexdigest()


def _identity(turn: Turn) -> list[Any]:
    text = turn["content"]
    plain = [turn["role"], text if text.isascii() else unicodedata.normalize("NFC", text)]
    more = {key: value for key, value in turn.items() if key in ("tool_calls", "tool_call_id", "name")}
    return [*plain, more] if more else plain


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that is not blank. Raises Fault at a line that is no JSON object."""
    for number, line in read_lines(path):
        try:
            value = parse_json(line)
        except ValueError as error:
            raise Fault(f"{path}:{number}", f"is not JSON ({error})", "mend the line or drop it") from None
        if not isinstance(value, dict):
            raise Fault(f"{path}:{number}", "is not a JSON object", "mend the line or drop it")
        yield number, value


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows with sorted keys; returns how many."""
    lines = (json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)
    return write_lines(path, (line.encode() for line in lines))


def stream_records(path: Path) -> Iterator[Record]:
    """The records of a file that a stage of ours has written, one at a time. Raises Fault where the file is not there or broken."""
    for number, line in read_lines(path):
        try:
            yield RECORD.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Fault(f"{path}:{number}", f"is no record ({error})", "run the stage that writes it again") from None


def stream_keys(path: Path) -> Iterator[tuple[Key, bytes]]:
    """Key and line of each record of a file that a stage of ours has written."""
    for _, line in read_lines(path):
        yield KEY.decode(line), line


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and bytes of each line that is not blank. Raises Fault where there is no such file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Fault(path, "no such file", "check the path, or run the stage that writes it") from None
    with file:
        for number, line in enumerate(file, 1):
            if line.startswith(b"{") or line.strip():
                yield number, line


def read_records(path: Path) -> list[Record]:
    """All records of a file that a stage of ours has written; for a large file take `stream_records`."""
    return list(stream_records(path))


def line_of(record: Record) -> bytes:
    """A record as its line of a file."""
    return CANONICAL.encode(record) + b"\n"


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write records; returns how many."""
    return write_lines(path, map(line_of, records))


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines as they are; returns how many. No line makes one blank line, since DVC warns of an empty file at every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
        if not count:
            file.write(b"\n")
    return count
