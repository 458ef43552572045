"""Untrusted text in a page: escaped, what could hide or turn words written out, and what differs from another text marked."""

import html

from pipeline.data.plain_text import plain
from pipeline.data.word_runs import all_spans, words_of


def safe(text: str) -> str:
    """A text that a browser shows as it stands."""
    return html.escape(plain(text))


def marked(before: str, after: str) -> tuple[str, str]:
    """Both texts, the words that one of them has alone in `<del>` and `<ins>`."""
    # the last word is followed by a space like any other, or it would differ for being the last
    old, new = (words_of(f"{plain(text)} ") for text in (before, after))
    pieces: tuple[list[str], list[str]] = ([], [])
    for is_equal, i, j, k, m in all_spans(old, new):
        for side, words, tag in zip(pieces, (old[i:j], new[k:m]), ("del", "ins"), strict=True):
            text = html.escape("".join(words))
            side.append(text if is_equal or not text else f"<{tag}>{text}</{tag}>")
    return _without_last_space(pieces[0]), _without_last_space(pieces[1])


def _without_last_space(pieces: list[str]) -> str:
    text = "".join(pieces)
    at = text.rindex(" ")
    return text[:at] + text[at + 1 :]
