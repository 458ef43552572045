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
    spans = all_spans(old, new)
    for words in (old, new):
        words[-1] = words[-1][:-1]
    one = (_tagged(old[i:j], "" if is_equal else "del") for is_equal, i, j, _, _ in spans)
    other = (_tagged(new[k:m], "" if is_equal else "ins") for is_equal, _, _, k, m in spans)
    return "".join(one), "".join(other)


def _tagged(words: list[str], tag: str) -> str:
    text = html.escape("".join(words))
    return f"<{tag}>{text}</{tag}>" if tag and text else text
