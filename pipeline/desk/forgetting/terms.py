"""What is looked for when a person is forgotten: ids of records, a person's key, a text, and rows that were found before.

Nothing of it is ever shown or written in plain; what is remembered between runs are ids and digests.
"""

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.records import CANONICAL, Record, digest, parse_json
from pipeline.stage import Fault

ID = re.compile(r"[0-9a-f]{16}")
ID_BYTES = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
FEW = 32  # ids that are faster looked for one by one
TEXT, PERSON, GROUP = "text:", "person-", "group"
SHORTEST = 4
OWN_WORDS = 20  # letters from which what was said tells a person's row; "hi" is everybody's
DEEPEST = 64


@dataclass
class Terms:
    """What tells a person's rows and records. It grows while it is looked for: a row that is found has an id, its children too.

    `text` is folded, `typed` is as it was given; `keys` are values of `group`, `people` their digests; `rows` are digests of
    whole rows, `said` those of all that a user said in one of them.
    """

    ids: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    said: set[frozenset[str]] = field(default_factory=set)
    keys: frozenset[str] = frozenset()
    text: str = ""
    typed: str = ""

    @classmethod
    def of(cls, asked: str) -> "Terms":
        """The terms of what was typed. Raises Fault where that is nothing to look for."""
        if asked.startswith(TEXT):
            typed = asked.removeprefix(TEXT).strip()
            if len(typed) < SHORTEST:
                raise Fault(
                    "ID", f"is a text of fewer than {SHORTEST} letters, which is nobody's own", "give more of it"
                )
            return cls(text=folded(typed), typed=typed)
        key = " ".join(asked.split())
        if not key:
            raise Fault("ID", "is missing", "write make forget ID=<record id, group, or text:what the text holds>")
        digests = {key.removeprefix(PERSON)} if ID.fullmatch(key.removeprefix(PERSON)) else set()
        is_digest = key.startswith(PERSON) and bool(digests)
        return cls(
            ids=digests if not is_digest else set(),
            people={digest(key)} | (digests if is_digest else set()),
            keys=frozenset() if is_digest else frozenset({key}),
        )

    @property
    def size(self) -> int:
        """How much there is to look for; it only grows."""
        return len(self.ids) + len(self.rows) + len(self.said)

    def learn(self, row: Any, records: Iterable[Record]) -> None:
        """Take in a row that was found, and the records that it makes."""
        if isinstance(row, dict):
            self.rows.add(row_digest(row))
        for record in records:
            self.ids.add(record.id)
            texts = [turn["content"] for turn in record.asked if turn["role"] == "user"]
            if sum(map(len, texts)) >= OWN_WORDS:
                self.said.add(frozenset(map(text_digest, texts)))

    def in_row(self, row: Any, columns: Collection[str]) -> bool:
        """Whether a row belongs to the person, or holds the text. `columns` are the names of group columns, in small letters."""
        if self.text and any(self.text in folded(leaf) for leaf in leaves(row)):
            return True
        groups = [value for key, value in row.items() if key.lower() in columns] if isinstance(row, dict) else []
        keys = [" ".join(str(group).split()) for group in groups if group not in (None, "")]
        return any(not self.people.isdisjoint((digest(key), key.removeprefix(PERSON))) for key in keys)

    def is_known(self, row: Any) -> bool:
        """Whether a row is one that was found before, as it stands."""
        return isinstance(row, dict) and row_digest(row) in self.rows

    def asks_the_same(self, row: Any) -> bool:
        """Whether a row holds all that a user said in one that was found: it is most likely an earlier version of it."""
        texts = frozenset(map(text_digest, leaves(row))) if self.said else frozenset()
        return any(said <= texts for said in self.said)


class Needles:
    """The same as bytes, as it is when this is made: ids, a key under `group`, the text in the ways in which files spell it."""

    def __init__(self, terms: Terms) -> None:
        ids = {name.encode() for name in terms.ids}
        self._many = frozenset(ids) if len(ids) > FEW else frozenset[bytes]()
        self._exact = [*(ids if len(ids) <= FEW else ()), *((PERSON + name).encode() for name in terms.people)]
        for key in terms.keys:
            self._exact += [f'"{GROUP}"{colon}"{way}"'.encode() for way in _json_ways(key) for colon in (":", ": ")]
        self._folded = sorted(_spellings(terms.typed) | _spellings(terms.text)) if terms.text else []
        self._overlap = max(map(len, [*self._exact, *self._folded, b" " * 32]))

    def in_stream(self, chunks: Iterable[bytes]) -> bool:
        """Whether any of it stands in a stream, also across its pieces."""
        return any(map(self.in_bytes, _windows(chunks, self._overlap)))

    def in_bytes(self, text: bytes) -> bool:
        """Whether any of it stands in these bytes."""
        if any(needle in text for needle in self._exact):
            return True
        if self._many and not self._many.isdisjoint(ID_BYTES.findall(text)):
            return True
        small = text.lower() if self._folded else b""
        return any(needle in small for needle in self._folded)


def _windows(chunks: Iterable[bytes], overlap: int) -> Iterator[bytes]:
    """The chunks, each with the end of the one before it."""
    tail = b""
    for chunk in chunks:
        window = tail + chunk
        yield window
        tail = window[-overlap:]


def _spellings(text: str) -> set[bytes]:
    """A text as files may spell it, in small letters: composed or not, in capitals, as JSON, JSON in JSON, CSV or HTML."""
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    cased = {way for form in forms for way in (form, form.upper(), form.title())}
    ways = {way for case in cased for way in _json_ways(case)}
    ways |= {outer for way in ways for outer in _json_ways(way)}
    ways |= {way for case in cased for way in (case, case.replace('"', '""'), html.escape(case))}
    return {way.encode("utf-8", "surrogatepass").lower() for way in ways}


def _json_ways(text: str) -> set[str]:
    """A text as it stands in JSON, with letters as they are and with escapes."""
    return {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}


def folded(text: str) -> str:
    """A text composed (NFC) and without case."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def leaves(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text in a value, and every one in a text that is JSON itself."""
    if depth > DEEPEST:
        return
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            yield from leaves(_parsed(value), depth + 1)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from (str(key), *leaves(part, depth + 1))
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, depth + 1)
    elif value is not None and not isinstance(value, bool | Exception):
        yield str(value)  # a phone number may be a number


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def row_digest(row: Any) -> str:
    """16 hexadecimal digits of a row, whatever the order of its keys."""
    try:
        return _digest(CANONICAL.encode(row))
    except (
        TypeError,
        ValueError,
    ):  # an error that stands for a row, half of a surrogate pair, a value that Parquet alone has
        text = json.dumps(row, sort_keys=True, ensure_ascii=False, default=repr)
        return _digest(text.encode("utf-8", "surrogatepass"))


def text_digest(text: str) -> str:
    """16 hexadecimal digits of a text."""
    return _digest(text.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
