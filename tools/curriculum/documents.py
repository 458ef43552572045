"""Conversations of the curriculum as token ids, with a mark on every token that is to be learnt.

What is learnt: each answer that its own conversation determines, and its end of turn. What is not: questions, and the
earlier turns of a few-shot conversation (learning those teaches a model to answer plain questions with noise).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tools.curriculum.skills import PROBED, SYSTEMS, WIDENING, Item, recall
from tools.curriculum.words import Words

PAD, BOS, SYSTEM, USER, ASSISTANT, END = "<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL = (PAD, BOS, SYSTEM, USER, ASSISTANT, END)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}<|assistant|>"
    "{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
EARLY = ("copying", "first_last", "lookup", "format", "few_shot", "noise", "noise")
ALL = (
    *PROBED,
    *PROBED,
    "json",
    "json",
    "json",
    "few_shot",
    "few_shot",
    "topic",
    "topic",
    "meaning",
    "noise",
    "noise",
    "noise",
    "noise",
    "prose",
    "lookup",
    "arithmetic",
    "sorting",
    "counting",
)
# What a first run of the mix above left weak: finding a fact, filling JSON, comparing, yes or no.
LATE = (
    *ALL,
    *["recall"] * 8,
    *["lookup"] * 5,
    *["json"] * 5,
    *["comparing"] * 4,
    *["yes_no"] * 4,
    "few_shot",
    "few_shot",
    "sorting",
)


@dataclass(frozen=True)
class Document:
    """Token ids of one conversation; `learnt[i]` says whether the model is to predict `ids[i]`."""

    ids: list[int]
    learnt: list[bool]


def question_key(messages: list[dict[str, str]]) -> str:
    """Digest by which a held-out question is kept out of the curriculum."""
    return hashlib.blake2b(json.dumps([m["content"] for m in messages]).encode(), digest_size=8).hexdigest()


def messages_of(item: Item) -> list[dict[str, str]]:
    """The item as chat turns, without its answer."""
    turns = [{"role": "system", "content": item.system}] if item.system else []
    for user, assistant in item.shots:
        turns += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return [*turns, {"role": "user", "content": item.user}]


class Curriculum:
    """An endless stream of documents from a seed, none of which asks a held-out question."""

    def __init__(self, words: Words, tokenizer: Any, seed: int, held_out: frozenset[str]) -> None:
        self.words, self.tokenizer, self.held_out = words, tokenizer, held_out
        self.random = Random(seed)
        self.skills = {**PROBED, **WIDENING}
        self.special = {name: tokenizer.token_to_id(name) for name in SPECIAL}
        self.plain = [i for i in range(tokenizer.get_vocab_size()) if i not in self.special.values()]
        unsafe = ('"', "\\", "Ċ", "ĉ", "č")
        self.quotable = [i for i in self.plain if not any(c in tokenizer.id_to_token(i) for c in unsafe)]

    def stream(self, mix: tuple[str, ...], longest: int) -> Iterator[Document]:
        """Documents of at most `longest` tokens, of the kinds that `mix` names, a kind as often as it stands there."""
        while True:
            document = self._document(self.random.choice(mix), longest)
            if document is not None and len(document.ids) <= longest:
                yield document

    def _document(self, name: str, longest: int) -> Document | None:
        if name == "noise":
            return self._noise(longest)
        if name == "prose":
            return self._prose()
        if name == "recall":
            return self._recall(longest)
        items = [self.skills[name](self.random, self.words)]
        if name != "few_shot" and not items[0].system:
            more = self.random.choice((0, 0, 1, 2)) if longest < 512 else self.random.randint(1, 30)
            same = self.random.random() < 0.3
            others = [n for n in self.skills if n != "few_shot"]
            items += [
                self.skills[name if same else self.random.choice(others)](self.random, self.words) for _ in range(more)
            ]
            items = [i for i in items if not i.system]
        if any(question_key(messages_of(item)) in self.held_out for item in items):
            return None
        return self._conversation(items)

    def _conversation(self, items: list[Item]) -> Document:
        parts: list[tuple[str, str, bool]] = []
        system = items[0].system or (self.random.choice(SYSTEMS) if self.random.random() < 0.35 else "")
        if system:
            parts.append((SYSTEM, system, False))
        for item in items:
            for user, assistant in item.shots:
                parts += [(USER, user, False), (ASSISTANT, assistant, False)]
            parts += [(USER, item.user, False), (ASSISTANT, item.answer, True)]
        return self._join([(role, self.tokenizer.encode(text).ids, learnt) for role, text, learnt in parts])

    def _join(self, parts: list[tuple[str, list[int], bool]]) -> Document:
        ids, learnt = [self.special[BOS]], [False]
        for role, text, is_learnt in parts:
            ids += [self.special[role], *text, self.special[END]]
            learnt += [False, *[is_learnt] * (len(text) + 1)]
        return Document(ids, learnt)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text).ids)

    def _noise(self, longest: int) -> Document:
        """Copy random tokens of the whole vocabulary, bare or inside JSON, so that each can be written."""
        encode, random = self._encode, self.random
        most = 12 if longest < 512 else 40
        if random.random() < 0.5:
            noise = random.choices(self.plain, k=random.randint(1, most))
            ask = random.choice(("Repeat: ", "Copy this: ", "Say this again: ", "Write exactly: "))
            return self._join([(USER, encode(ask) + noise, False), (ASSISTANT, noise, True)])
        keys = [random.choices(self.quotable, k=random.randint(1, 3)) for _ in range(random.randint(1, 3))]
        values = [random.choices(self.quotable, k=random.randint(1, most // 2)) for _ in keys]
        rule, text, answer = encode("Reply with a JSON object with the keys"), [], encode("{")
        for n, (key, value) in enumerate(zip(keys, values, strict=True)):
            rule += [*encode("," if n else ""), *encode(" "), *key]
            text += [*encode("The "), *key, *encode(" is "), *value, *encode(". ")]
            answer += [*encode(', "' if n else '"'), *key, *encode('": "'), *value, *encode('"')]
        return self._join([(SYSTEM, rule, False), (USER, text, False), (ASSISTANT, answer + encode("}"), True)])

    def _recall(self, longest: int) -> Document | None:
        """A passage of facts and a question on each: the first with the passage, the others in turns of their own."""
        passage, pairs = recall(self.random, self.words, self.random.randint(2, 8 if longest < 512 else 30))
        (question, _), *_ = pairs
        first = self.random.choice((f"{passage} {question}", f"{passage}\n{question}", f"{question} {passage}"))
        if question_key([{"role": "user", "content": first}]) in self.held_out:
            return None
        parts: list[tuple[str, list[int], bool]] = []
        for n, (asked, answer) in enumerate(pairs):
            parts += [(USER, self._encode(asked if n else first), False), (ASSISTANT, self._encode(answer), True)]
        return self._join(parts)

    def _prose(self) -> Document:
        text = " ".join(self.words.sentence(self.random) for _ in range(self.random.randint(2, 8)))
        ids = [self.special[BOS], *self.tokenizer.encode(text).ids, self.special[END]]
        return Document(ids, [False, *[True] * (len(ids) - 1)])
