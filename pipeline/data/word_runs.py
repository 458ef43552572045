"""Two texts word by word: which runs of words both have, and which one of them has alone."""

from collections.abc import Sequence
from difflib import SequenceMatcher

import regex

from pipeline.data.likeness.shingles import SPACELESS

# A word with what follows it up to the next one; punctuation by itself
WORD = regex.compile(rf"(?V1)(?s)(?:[{SPACELESS}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}_]--[{SPACELESS}]]+|.)\s*")
MOST = 200  # words compared; the comparison takes the square of their number
Span = tuple[bool, int, int, int, int]  # whether both have it; from and to in the first text, and in the second


def words_of(text: str) -> list[str]:
    """The words, each with what follows it."""
    return list(WORD.findall(text))


def in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two lists begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def spans(old: Sequence[str], new: Sequence[str]) -> list[Span]:
    """The runs of the first MOST words of each, in order."""
    matcher = SequenceMatcher(None, old[:MOST], new[:MOST], autojunk=False)
    return [(kind == "equal", *places) for kind, *places in matcher.get_opcodes()]  # type: ignore[misc]


def all_spans(old: Sequence[str], new: Sequence[str]) -> list[Span]:
    """The runs of two lists from end to end; what lies beyond MOST words after the first difference counts as changed."""
    start = in_common(old, new)
    rest_old, rest_new = old[start:], new[start:]
    end = in_common(rest_old[::-1], rest_new[::-1])
    middle_old, middle_new = rest_old[: len(rest_old) - end], rest_new[: len(rest_new) - end]
    inner = [(same, i + start, j + start, k + start, m + start) for same, i, j, k, m in spans(middle_old, middle_new)]
    one, other = start + min(MOST, len(middle_old)), start + min(MOST, len(middle_new))
    last_old, last_new = len(old) - end, len(new) - end
    found = [(True, 0, start, 0, start), *inner, (False, one, last_old, other, last_new)]
    found.append((True, last_old, len(old), last_new, len(new)))
    return [span for span in found if span[1] < span[2] or span[3] < span[4]]
