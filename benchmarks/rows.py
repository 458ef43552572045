"""Made-up support chats for the benchmarks: as many as wanted, distinct, with order numbers, prices and dates, in one language.

Words are drawn by Zipf's law from a made-up vocabulary, so that texts share common words as real ones do.
"""

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LABELS = ("delivery", "refund", "payment", "account", "offers", "other")
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
SCHEMA = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": list(LABELS)},
        "response": {"type": "string", "minLength": 1, "maxLength": 300},
        "escalate": {"type": "boolean"},
    },
    "required": ["category", "response", "escalate"],
    "additionalProperties": False,
}


class Rows:
    """A source of rows; the same seed gives the same ones."""

    def __init__(self, seed: int, words: int = 20_000) -> None:
        self.rng = random.Random(seed)
        self._words = ["".join(self.rng.choices(LETTERS, k=self.rng.randint(2, 9))) for _ in range(words)]
        self._weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(words)))

    def text(self, low: int, high: int) -> list[str]:
        """Between `low` and `high` words."""
        return self.rng.choices(self._words, cum_weights=self._weights, k=self.rng.randint(low, high))

    def message(self) -> list[str]:
        """The words of a customer's message, some with an order number, a price or a date."""
        found = self.text(12, 55)
        for extra in (f"TK{self.rng.randint(100000, 999999)}", f"Rs {self.rng.randint(99, 9999)}", "12/11/2026"):
            if self.rng.random() < 0.2:
                found.insert(self.rng.randrange(len(found)), extra)
        return found

    def answer(self) -> str:
        """A valid answer as JSON text."""
        fields = {
            "category": self.rng.choice(LABELS),
            "response": " ".join(self.text(10, 25)),
            "escalate": self.rng.random() < 0.1,
        }
        return json.dumps(fields)


def row(words: list[str], answer: str) -> dict[str, Any]:
    """A row in chat form."""
    return {"messages": [{"role": "user", "content": " ".join(words)}, {"role": "assistant", "content": answer}]}


def edited(words: list[str], number: int, rng: random.Random) -> list[str]:
    """The same words with one of them changed."""
    place = rng.randrange(len(words))
    return [*words[:place], f"edited{number}", *words[place + 1 :]]


def chats(count: int, seed: int = 1, repeated: float = 0.01) -> Iterator[dict[str, Any]]:
    """So many rows, of which a share of `repeated` says what an earlier one says but for a word, with the same answer."""
    source, memory = Rows(seed), []
    for number in range(count):
        if memory and source.rng.random() < repeated:
            words, answer = source.rng.choice(memory)
            yield row(edited(words, number, source.rng), answer)
            continue
        words, answer = source.message(), source.answer()
        if len(memory) < 10_000:
            memory.append((words, answer))
        yield row(words, answer)


def write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Write rows as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for one in rows:
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
