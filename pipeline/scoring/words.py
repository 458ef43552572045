"""The words of a text in any script."""

import unicodedata

import regex

# Scripts that write no blank between words count each character (with its marks) as a word, as is usual for ROUGE there.
_WORDS = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]\p{M}*|[[\p{L}\p{M}\p{N}\u200c\u200d]--[\p{Han}\p{Hiragana}"
    r"\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]]+",
    regex.VERSION1,
)


def words_of(text: str) -> list[str]:
    """Words, composed (NFC) and folded; letters keep their marks and joiners, so Devanagari vowel signs do not break a word."""
    return _WORDS.findall(unicodedata.normalize("NFC", text).casefold())
