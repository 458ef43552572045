"""Untrusted text on a person's screen: what could move the cursor, hide words or turn their order is shown by its number."""

import regex

# Control, format, private and surrogate characters and the line separators. Line feed and tab are meant; ZWNJ and ZWJ shape
# Indic letters and join emoji.
UNSAFE = regex.compile(r"[[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]--[\n\t\u200c\u200d]]", flags=regex.V1)


def plain(text: str) -> str:
    """A text that a terminal shows as it stands; what it could obey instead is written as `<U+001B>`."""
    return UNSAFE.sub(lambda found: f"<U+{ord(found[0]):04X}>", text.replace("\r\n", "\n"))


def escaped(json_text: str) -> str:
    """A JSON text in which such characters are written as JSON escapes, so that an editor shows them too."""
    return UNSAFE.sub(lambda found: _escape(found[0]), json_text)


def _escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
