"""Facts that an answer states and that nothing told the model: what retrieval would bring, and a fine-tune teaches badly.

No model is asked. Four things count, where they stand in an answer, not in its prompt, and in few other answers: a figure of two
digits or more, an address (of the web, of mail), a name, and an answer none of whose words was in the prompt or is common, unless the
same answer is given again and again, as labels and house replies are.
A name is a word with a capital inside a sentence that is written small nowhere; German, where every noun has one, has none.
Not seen: a fact in common words, a number written out, a name in a script without capitals or at the beginning of a sentence,
the truth of anything. A figure that is reckoned from the prompt looks like a fact.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from pipeline.scoring.words import words_of

FIGURE = regex.compile(r"\p{Nd}+")
SEPARATOR = regex.compile(
    r"(?<=\p{Nd})[,'\u2019\u00a0\u2009\u202f\u066c](?=\p{Nd}{2,3}(?!\p{Nd}))"
)  # 10,000 and 1,00,000
ENTRY = regex.compile(r"(?m)^\s*\p{Nd}{1,2}[.)]\s")  # the number of an entry of a list
PLACEHOLDER = regex.compile(r"\[[A-Z_]+_\d+\]")  # of personal data that ingest has masked
ADDRESS = regex.compile(r"(?i:https?://|www\.)[^\s<>\"'()\[\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*")
NAME = regex.compile(r"(?<=[\p{L}\p{M}\p{Nd},] )\p{Lu}[\p{L}\p{M}]++(?!\p{Nd})")
GERMAN = frozenset(
    ["der", "die", "das", "und", "ist", "nicht", "ich", "ein", "eine", "zu", "den", "mit", "sie", "wie", "wir", "für"]
)
SHORT = 4  # letters from which on an ASCII word says something of its own; scripts without many such words count all
AGAIN = 3  # examples that may have the very same answer: more are a label, or a house reply
FEW_DIGITS = 2  # a single digit counts things more often than it states one


@dataclass(frozen=True)
class Said:
    """An example: its place, its question, and the free text of its answer."""

    place: str
    question: str
    answer: str

    @cached_property
    def known(self) -> frozenset[str]:
        """What the question says."""
        return known(self.question)

    @cached_property
    def terms(self) -> frozenset[str]:
        """What of the answer can be a fact: figures, addresses, names and words that say something."""
        return frozenset([*figures(self.answer), *addresses(self.answer), *self.names, *telling(self.answer)])

    @cached_property
    def names(self) -> list[str]:
        words = set(words_of(f"{self.question} {self.answer}"))
        found = NAME.findall(unicodedata.normalize("NFC", _bare(self.answer)))
        return [] if len(words & GERMAN) > 1 else [name.casefold() for name in found]


def known(text: str) -> frozenset[str]:
    """Words, figures and addresses of a text."""
    return frozenset([*words_of(text), *figures(text), *addresses(text)])


def figures(text: str) -> list[str]:
    """Runs of two digits and more, in the digits of ASCII, without what parts thousands and without zeros in front."""
    plain = SEPARATOR.sub("", ENTRY.sub(" ", _bare(text)))
    runs = ("".join(str(unicodedata.digit(digit)) for digit in run) for run in FIGURE.findall(plain))
    return [run.lstrip("0") or "0" for run in runs if len(run) >= FEW_DIGITS]


def addresses(text: str) -> list[str]:
    return [found.casefold().rstrip(".,;:!?/") for found in ADDRESS.findall(text)]


def telling(text: str) -> list[str]:
    """Words that are no figure, and not so short that they only join others."""
    return [word for word in words_of(_bare(text)) if _is_telling(word)]


def _is_telling(word: str) -> bool:
    return not any(letter.isdigit() for letter in word) and (len(word) >= SHORT or not word.isascii())


def _bare(text: str) -> str:
    """The text without addresses and placeholders, whose parts are no figures and no names."""
    return ADDRESS.sub(" ", PLACEHOLDER.sub(" ", text))


def unprompted(examples: Sequence[Said], told: str, common_share: float) -> Iterator[tuple[Said, list[str]]]:
    """Each example that states facts, with them; `told` is what is said before every question.

    What stands in more than `common_share` of the answers is no fact, and no word that many questions have.
    """
    answers, questions = _counts(one.terms for one in examples), _counts(one.known for one in examples)
    same = Counter(one.answer for one in examples)
    small = {word.casefold() for one in examples for word in _small(one)}
    most, everywhere = max(1.0, common_share * len(examples)), known(told)
    for one in examples:
        rare = {term for term in one.terms - one.known - everywhere if answers[term] <= most}
        found = [term for term in (*figures(one.answer), *addresses(one.answer)) if term in rare]
        found += [name for name in one.names if name in rare and name not in small]
        words = telling(one.answer) if same[one.answer] <= AGAIN else []
        if words and all(word in rare and questions[word] <= most for word in words):
            found += words
        if found:
            yield one, list(dict.fromkeys(found))


def _counts(sets: Iterable[frozenset[str]]) -> Counter[str]:
    """In how many of the sets each term is."""
    return Counter(term for one in sets for term in one)


def _small(one: Said) -> list[str]:
    """Words of an example that are written small."""
    return [word for text in (one.question, one.answer) for word in WORD.findall(text) if word[0].islower()]
