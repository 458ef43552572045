"""What a text was and is, word by word, as `git diff --word-diff` writes it: [-gone-]{+come+}."""

from collections.abc import Iterator

from pipeline.data.word_runs import MOST, in_common, spans, words_of

KEPT = 4  # words shown on either side of a change
LONGEST_RUN = 120  # characters shown of what went or came in one place


def word_diff(before: str, after: str) -> str:
    """The changes with a few words around each; what lies between them, and the rest of a long change, is an ellipsis."""
    old, new = _words(before), _words(after)
    start = in_common(old, new)
    end = in_common(old[start:][::-1], new[start:][::-1])
    head, tail = old[:start], old[len(old) - end :]
    middle = _changes(old[start : len(old) - end], new[start : len(new) - end])
    return f"{_last(head)}{middle}{_first(tail)}".rstrip()


def _words(text: str) -> list[str]:
    """The words, each with what follows it; the last one is followed by a space like any other."""
    return words_of(f"{text} ") if text else []


def _changes(old: list[str], new: list[str]) -> str:
    return "".join(_pieces(old, new)) + ("…" if max(len(old), len(new)) > MOST else "")


def _pieces(old: list[str], new: list[str]) -> Iterator[str]:
    for is_equal, i, j, k, m in spans(old, new):
        if is_equal:
            yield "".join(old[i:j]) if j - i <= 2 * KEPT else _first(old[i:j]) + _last(old[i:j])[1:]
        else:
            yield _run("[-", old[i:j], "-]") + _run("{+", new[k:m], "+}")


def _run(opening: str, words: list[str], closing: str) -> str:
    text = "".join(words)
    short = text if len(text) <= LONGEST_RUN else text[: LONGEST_RUN - 1] + "…"
    return f"{opening}{short}{closing}" if text else ""


def _first(words: list[str]) -> str:
    return "".join(words[:KEPT]) + ("…" if len(words) > KEPT else "")


def _last(words: list[str]) -> str:
    return ("…" if len(words) > KEPT else "") + "".join(words[-KEPT:])
