"""Inputs unlike the training data, told apart by the word that most of them have and training does not, with examples.

A text of a customer is shown with its personal data masked; what is found here is said to people, and learnt from by nobody.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.data.likeness.shingles import words
from pipeline.desk.reviewing.shown import masked, shown
from pipeline.production.monitoring.nearness import Text

KINDS, EXAMPLES, LONGEST = 5, 3, 200
LEAST = 3  # texts that share a word before it names a kind
COMMON = 0.02  # of the training examples; a word that more of them have says nothing of what is new
OTHERS = "others"


@dataclass(frozen=True)
class Kind:
    """Unlike inputs that share a word, or the rest of them; the slices that they are mostly of, and examples, masked."""

    word: str
    n: int
    labels: tuple[tuple[str, int], ...]
    ids: tuple[str, ...]
    examples: tuple[str, ...]


def kinds(texts: Sequence[Text], ids: Sequence[str], training: Sequence[Text]) -> list[Kind]:
    """At most KINDS of unlike texts and the rest, the largest first.

    A word that is common in training names none.
    """
    known = Counter(word for one in training for word in set(words(one.text)))
    rest = {number: set(words(one.text)) for number, one in enumerate(texts)}
    found: list[Kind] = []
    while len(found) < KINDS and (word := _word([*rest.values()], known, len(training))):
        members = [number for number, said in rest.items() if word in said]
        found.append(_kind(word, members, texts, ids))
        for number in members:
            del rest[number]
    found.sort(key=lambda kind: (-kind.n, kind.word))
    return [*found, _kind(OTHERS, list(rest), texts, ids)] if rest else found


def _word(rest: Sequence[set[str]], known: Counter[str], size: int) -> str:
    """The word that tells most texts from training: how many have it, less as many as would have it there. "" where none does."""
    counts = Counter(word for said in rest for word in said)
    worth = {
        word: count - len(rest) * known[word] / max(1, size)
        for word, count in counts.items()
        if count >= LEAST and len(word) > 1 and not word.isdigit() and known[word] <= COMMON * size
    }
    return max(worth, key=lambda word: (worth[word], len(word), word), default="")


def _kind(word: str, members: list[int], texts: Sequence[Text], ids: Sequence[str]) -> Kind:
    chosen = sorted(members, key=lambda number: ids[number])[:EXAMPLES]
    labels = Counter(texts[number].label or "(none)" for number in members).most_common(3)
    return Kind(
        word,
        len(members),
        tuple(labels),
        tuple(ids[number] for number in chosen),
        tuple(shown(masked(texts[number].text), LONGEST) for number in chosen),
    )
