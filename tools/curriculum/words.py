"""The vocabulary of the curriculum, and sentences made of it."""

import json
import string
from dataclasses import dataclass
from pathlib import Path
from random import Random

FRAMES = (
    "I saw a {a} {n} near the {p}.",
    "The {n} was {a} and I {v} it.",
    "Where can I find a {a} {n}?",
    "My {n} is {d} {a} today.",
    "They {v} the {n} before the {m}.",
    "We {v} a {n} for the {m}.",
    "Do you have a {n} that is {a}?",
    "Please {b} the {n} at the {p}.",
    "Nobody {v} the {a} {n}.",
    "She {d} {v} her {n}.",
    "Why is the {n} so {a}?",
    "I want to {b} my {n} and my {m}.",
    "He is {i} the {n} in the {p}.",
    "The {a} {n} and the {m} are {a2}.",
    "It is too {a} to {b} a {n}.",
    "Can you {b} this {n}?",
    "I need {u} {n}s by {w}.",
    "On {w} we {v} the {n}.",
    "There is no {n} in the {p}.",
    "Your {n} {s} my {m} {d}.",
)
ABOUT = (
    "I like the {x}.",
    "My {x} is {a}.",
    "We talked about {x} and {y}.",
    "I {v} a {x} yesterday.",
    "Is there a {x} here?",
    "The {x} was {a}, the {y} was not.",
    "She thinks of a {x} all day.",
    "Tell me more about {x}.",
    "There was a {a} {x} at the {p}.",
    "Nobody wants the {x} or the {y}.",
    "I need a {x} for {w}.",
    "He came with a {x}, {d}.",
)


@dataclass(frozen=True)
class Words:
    """Word lists with the draws that the skills need. Every draw takes its own random source."""

    kinds: dict[str, list[str]]
    adjectives: list[str]
    adverbs: list[str]
    nouns: list[str]
    verbs: list[list[str]]
    function_words: list[str]
    opposites: list[list[str]]
    synonyms: list[list[str]]
    places: list[str]
    hindi: list[str]
    hinglish: list[str]
    sentences: list[str]
    paraphrases: list[list[str]]

    @classmethod
    def load(cls, path: Path) -> "Words":
        """Read the lists from `words.json`."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        kinds = raw["categories_of_things"]
        return cls(
            kinds=kinds,
            adjectives=raw["adjectives"],
            adverbs=raw["adverbs"],
            nouns=sorted({*raw["other_nouns"], *(n for members in kinds.values() for n in members)}),
            verbs=raw["verbs"],
            function_words=raw["function_words"],
            opposites=raw["opposites"],
            synonyms=raw["synonyms"],
            places=raw["places"],
            hindi=raw["hindi_words"],
            hinglish=raw["hinglish_words"],
            sentences=raw["sentences"],
            paraphrases=raw["paraphrases"],
        )

    @property
    def everything(self) -> list[str]:
        """Every single word of the lists, each once, sorted."""
        return sorted(
            {
                *self.nouns,
                *self.adjectives,
                *self.adverbs,
                *self.function_words,
                *self.places,
                *self.hinglish,
                *(form for verb in self.verbs for form in verb),
            }
        )

    def one(self, random: Random) -> str:
        return random.choice(random.choice((self.nouns, self.nouns, self.adjectives, self.places)))

    def some(self, random: Random, count: int) -> list[str]:
        """Words of any class; one may come twice."""
        pools = (
            self.nouns,
            self.adjectives,
            self.adverbs,
            self.function_words,
            self.places,
            self.hinglish,
            random.choice(self.verbs),
        )
        return [random.choice(random.choice(pools)) for _ in range(count)]

    def distinct(self, random: Random, count: int) -> list[str]:
        return random.sample(self.nouns, count)

    def initials(self, random: Random, count: int) -> list[str]:
        """Nouns that begin with different letters."""
        chosen: dict[str, str] = {}
        while len(chosen) < count:
            noun = random.choice(self.nouns)
            chosen.setdefault(noun[0], noun)
        return list(chosen.values())

    def foreign(self, random: Random, count: int) -> list[str]:
        return [random.choice(random.choice((self.hindi, self.hinglish))) for _ in range(count)]

    def code(self, random: Random) -> str:
        """A number or a code such as `KT4082`."""
        digits = "".join(random.choices(string.digits, k=random.randint(1, 6)))
        return digits if random.random() < 0.5 else "".join(random.choices(string.ascii_uppercase, k=2)) + digits

    def kind(self, random: Random) -> tuple[str, str]:
        name = random.choice(sorted(self.kinds))
        return random.choice(self.kinds[name]), name

    def another_kind(self, random: Random, not_this: str) -> str:
        return random.choice(sorted(set(self.kinds) - {not_this}))

    def some_kinds(self, random: Random, count: int) -> list[str]:
        return random.sample(sorted(self.kinds), count)

    def member(self, random: Random, kind: str) -> str:
        return random.choice(self.kinds[kind])

    def opposite(self, random: Random) -> tuple[str, str]:
        a, b = random.choice(self.opposites)
        return (a, b) if random.random() < 0.5 else (b, a)

    def synonym(self, random: Random) -> tuple[str, str]:
        a, b = random.choice(self.synonyms)
        return (a, b) if random.random() < 0.5 else (b, a)

    def paraphrase(self, random: Random) -> tuple[str, str, str]:
        """A sentence, the same in other words, and a sentence with another meaning."""
        (a, b), (c, _) = random.sample(self.paraphrases, 2)
        return (a, b, c) if random.random() < 0.5 else (b, a, c)

    def sentence(self, random: Random) -> str:
        return random.choice(self.sentences) if random.random() < 0.3 else self._fill(random, random.choice(FRAMES))

    def sentence_about(self, random: Random, kind: str) -> str:
        """A sentence with one or two things of that kind."""
        x, y = random.sample(self.kinds[kind], 2)
        return self._fill(random, random.choice(ABOUT), x=x, y=y)

    def _fill(self, random: Random, frame: str, **given: str) -> str:
        base, third, past, ing = random.choice(self.verbs)
        slots = {
            "a": random.choice(self.adjectives),
            "a2": random.choice(self.adjectives),
            "d": random.choice(self.adverbs),
            "n": random.choice(self.nouns),
            "m": random.choice(self.nouns),
            "p": random.choice(self.kinds["room"] + self.kinds["building"]),
            "b": base,
            "s": third,
            "v": past,
            "i": ing,
            "u": str(random.randint(2, 20)),
            "w": random.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
        }
        return frame.format(**{**slots, **given})
