"""Other people's logs, whichever their shape: requests and feedback out of rows, with the faults counted.

A shape is a module with `is_mine(row)` and `told(row)`, which gives requests, feedback, and names of faults.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import ModuleType

import msgspec
from msgspec.structs import force_setattr, replace

from pipeline.production.logs import langfuse, litellm, openai_chat, otlp
from pipeline.production.logs.entry import Entry, Feedback
from pipeline.production.logs.own import AHEAD, EARLIEST, Ids
from pipeline.production.logs.problems import Found
from pipeline.production.logs.rows import rows
from pipeline.production.logs.told import Request

SHAPES: dict[str, ModuleType] = {"otlp": otlp, "langfuse": langfuse, "litellm": litellm, "openai_chat": openai_chat}
SEEN_DAYS = 400
LOOKED_AT = 20  # rows by which a shape is told


def shape_of(file: io.BufferedReader, found: Found) -> str | None:
    """The shape of a file's first rows that are of any."""
    for number, (_, row) in enumerate(rows(file, found)):
        name = next((name for name, shape in SHAPES.items() if shape.is_mine(row)), None)
        if name or number >= LOOKED_AT:
            return name
    return None


def chosen(shape: str, names: Iterable[str]) -> Iterable[str]:
    """The files that a shape reads out of those of a place."""
    return langfuse.chosen(list(names)) if shape == "langfuse" else names


def requests(shape: str, file: io.BufferedReader, ids: Ids, found: Found) -> Iterator[Request]:
    """The requests of a file, each once."""
    ahead = datetime.now(UTC) + AHEAD
    for line, told in _told(shape, file, found):
        if isinstance(told, Request):
            entry = told.entry
            if not ids.is_new(entry.id, entry.time.toordinal()):
                found.add("duplicate", line)
                continue
            if entry.time > ahead:
                found.add("future_time", line)
            yield told


def feedback(shape: str, file: io.BufferedReader, ids: Ids, found: Found) -> Iterator[Feedback]:
    """What the file says of answers, each thing once; ids are as the file has them."""
    for _, told in _told(shape, file, found):
        if isinstance(told, Feedback):
            plain = msgspec.json.encode(replace(told, place=""))
            if told.id and ids.is_new(plain, told.time.toordinal()):
                yield told


def _told(shape: str, file: io.BufferedReader, found: Found) -> Iterator[tuple[int, Request | Feedback]]:
    """What the rows of a file tell, with line and place."""
    module = SHAPES[shape]
    for line, row in rows(file, found):
        if not module.is_mine(row):
            found.add("unmapped", line)
            continue
        for told in module.told(row):
            if isinstance(told, str):
                found.add(told, line)
                continue
            value: Entry | Feedback = told.entry if isinstance(told, Request) else told
            if value.time < EARLIEST:
                found.add("bad_time", line)
                continue
            force_setattr(value, "place", f"{found.file}:{line}")
            yield line, told


def by_request(said: list[Feedback], read: Iterable[Request]) -> Iterator[Feedback]:
    """Feedback under the ids of the requests that it speaks of: of several that go by that name, the latest."""
    wanted = {one.id for one in said}
    meant: dict[str, Entry] = {}
    for request in read:
        entry = request.entry
        for name in {entry.id, *request.also} & wanted:
            earlier = meant.get(name)
            if earlier is None or _rank(entry, name) > _rank(earlier, name):
                meant[name] = entry
    for one in said:
        entry_id = meant[one.id].id if one.id in meant else one.id
        yield one if entry_id == one.id else replace(one, id=entry_id)


def _rank(entry: Entry, name: str) -> tuple[bool, datetime, str]:
    return entry.id == name, entry.time, entry.id
