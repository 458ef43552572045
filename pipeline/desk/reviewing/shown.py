"""Texts out of the data, made safe to show: in Markdown that a bot posts, and in a terminal.

A text stays inside code, where nobody is mentioned and nothing is a link, and cannot get out of it. What steers a terminal or
turns the direction of reading is written out, personal data and secrets are not shown at all.
"""

import re
import unicodedata
from collections.abc import Iterable

from pipeline.data.personal.finding import find

LONGEST, LONGEST_NAME = 200, 60
JOINERS = "\u200c\u200d"  # of Indian scripts and emoji; anywhere else they hide something
PLAIN = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "@": "\uff20"}  # a mention needs the ASCII sign


def shown(text: str, longest: int = LONGEST) -> str:
    """A text on one line, at most `longest` characters, without what is not printable; what was shown so stays the same."""
    pieces: list[str] = []
    size, before = 0, ""
    for letter in text:
        piece = _written(letter, before)
        if size + len(piece) > longest:
            return _shortened(pieces, longest)
        pieces.append(piece)
        size, before = size + len(piece), letter
    return "".join(pieces)


def _shortened(pieces: list[str], longest: int) -> str:
    """As many whole pieces as leave room for the ellipsis."""
    while pieces and sum(map(len, pieces)) >= longest:
        pieces.pop()
    return "".join(pieces) + "…"


def _written(letter: str, before: str) -> str:
    if letter in PLAIN:
        return PLAIN[letter]
    if letter in JOINERS and before and not before.isascii():
        return letter
    if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in ("Zl", "Zp"):
        return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
    return letter


def masked(text: str) -> str:
    """A text with the kind of each personal datum or secret in its place, whatever the policy on it is."""
    pieces, end = [], 0
    for hit in sorted(find(text), key=lambda hit: hit.start):
        if hit.start >= end:
            pieces += [text[end : hit.start], f"[{hit.kind}]"]
        end = max(end, hit.end)
    return "".join([*pieces, text[end:]])


def code(text: str, longest: int = LONGEST_NAME) -> str:
    """A short text as code within a line or a cell of a table; what would end the code or the cell is replaced."""
    plain = shown(masked(text), longest).replace("`", "'").replace("|", "\u00a6")
    return f"`{plain}`" if plain.strip() else "(none)"


def fenced(lines: Iterable[str]) -> str:
    """Lines as a block of code, its fence longer than any run of backticks in them."""
    content = "\n".join(shown(line, 10 * LONGEST) for line in lines)
    fence = "`" * (max([2, *(len(run) for run in re.findall(r"`+", content))]) + 1)
    return f"{fence}text\n{content}\n{fence}"
