"""A text as the rules on personal data read it: digits of any script as ASCII digits, with a quick look at what it can hold.

Every letter keeps its place, so what is found in the plain form stands at the same place in the text.
"""

import re
from typing import NamedTuple

KINDS = ("email", "phone", "card", "iban", "aadhaar", "pan", "upi", "ip", "api_key", "private_key", "jwt")


class Hit(NamedTuple):
    """A personal datum or a secret: its kind, and where it stands (`end` is the place behind it)."""

    kind: str
    start: int
    end: int


# The digit 0 of Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, Thai, Lao,
# Tibetan, Burmese, Khmer, Mongolian, and of full width.
ZEROS = (
    *(0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66),
    *(0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0x1810, 0xFF10),
)
DASHES = (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFF0D)
SPACES = (0xA0, *range(0x2000, 0x200C), 0x200E, 0x200F, *range(0x202A, 0x2030), *range(0x2066, 0x206A), 0x3000, 0xFEFF)
WIDE = {0xFF0B: "+", 0xFF08: "(", 0xFF09: ")", 0xFF20: "@", 0xFF0E: ".", 0xFF1A: ":"}
PLAIN = {
    **{zero + n: str(n) for zero in ZEROS for n in range(10)},
    **dict.fromkeys(DASHES, "-"),
    **dict.fromkeys(SPACES, " "),
    **WIDE,
}
FOREIGN = re.compile("[" + "".join(map(chr, PLAIN)) + "]")
BREAKS = {"\\n": " \n", "\\r": " \n", "\\t": "  "}  # as JSON writes them: the n is no letter before what follows


def plain(text: str) -> str:
    """The text with ASCII digits, dashes and spaces; of the same length."""
    if not text.isascii() and FOREIGN.search(text):
        text = text.translate(PLAIN)
    if "\\" in text:
        for escape, meant in BREAKS.items():
            text = text.replace(escape, meant)
    return text


def _table(**groups: str) -> bytes:
    """A table for bytes.translate: each byte of a group becomes the group's name."""
    table = bytearray(range(256))
    for name, members in groups.items():
        for letter in members:
            table[ord(letter)] = ord(name)
    return bytes(table)


DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHAPE = _table(N=DIGITS, A=LETTERS)
WORD = _table(W=DIGITS + LETTERS + "_-+/=.~!$%^*")


class Signs(NamedTuple):
    """What a text can hold, told in a microsecond or two, so that a text without any of it costs no more than that."""

    has_at: bool
    has_numbers: bool  # nine digits or more (eight, where there is a plus) with nothing but separators between
    has_ibans: bool
    has_pans: bool
    has_addresses: bool  # of the internet
    has_secrets: bool

    @classmethod
    def of(cls, text: str) -> "Signs":
        """Look at a plain text."""
        raw = text.encode("utf-8", "surrogatepass")
        has_at = "@" in text
        shape = raw.translate(SHAPE)
        has_digits = b"N" in shape
        tight = raw.translate(SHAPE, b" -.()/") if has_digits else b""
        return cls(
            has_at=has_at,
            has_numbers=b"NNNNNNNNN" in tight or ("+" in text and b"NNNNNNNN" in tight),
            has_ibans=b"AANN" in shape,
            has_pans=b"AAAAANNNNA" in tight,
            has_addresses=has_digits
            and ((b"N.N" in shape and text.count(".") > 2) or "::" in text or text.count(":") > 6),
            has_secrets=b"WWWWWWWWWWWWWWWW" in raw.translate(WORD) or (has_at and "://" in text),
        )
