"""General skills as questions with one right answer, made from word lists and a random source.

Each skill is a function `(random, words) -> Item`. The wording varies, the answer is computed, and nothing comes from
outside this folder. The skills are general on purpose: no label and no schema of any task appears here.
"""

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tools.curriculum.words import Words


@dataclass(frozen=True)
class Item:
    """One question and its answer.

    `check` says how an answer is judged: `exact` (the text), `choice` (one of `options`), `json` (the object).
    `system` may be empty. `shots` are earlier (user, assistant) turns of the same kind.
    """

    skill: str
    user: str
    answer: str
    system: str = ""
    check: str = "exact"
    options: tuple[str, ...] = ()
    shots: tuple[tuple[str, str], ...] = ()


Skill = Callable[[Random, Words], Item]
SYSTEMS = (
    "You are a helpful assistant.",
    "Answer briefly.",
    "You answer questions about short texts.",
    "Be exact and brief.",
    "You are a careful clerk. Do what the message asks.",
    "Give the answer and nothing else.",
    "Follow the instruction.",
    "You help visitors of a library.",
    "You work at a front desk. Be polite and precise.",
    "Reply with the answer only.",
)


def listed(random: Random, items: list[str]) -> str:
    """The items as a person would write them: with commas, spaces or `and`."""
    style = random.random()
    if style < 0.6:
        return ", ".join(items)
    if style < 0.8:
        return " ".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else items[0]


def _asides(random: Random, words: Words) -> list[str]:
    """Now and then a few sentences that have nothing to do with the question."""
    return [words.sentence(random) for _ in range(random.randint(1, 3))] if random.random() < 0.3 else []


def copying(random: Random, words: Words) -> Item:
    """Repeat a few words, a code or a sentence."""
    kind = random.random()
    if kind < 0.4:
        text = " ".join(words.some(random, random.randint(1, 7)))
    elif kind < 0.6:
        text = words.code(random)
    elif kind < 0.75:
        text = " ".join(words.foreign(random, random.randint(1, 5)))
    else:
        text = words.sentence(random)
    ask = random.choice(
        (
            "Repeat: {}",
            "Copy this: {}",
            "Say this again: {}",
            "Write exactly: {}",
            "Repeat after me: {}",
            "{}\nRepeat the line above.",
            "Copy the text between the marks: <{}>",
            "Please write this once more: {}",
            "Type this text: {}",
            "{}\nCopy that.",
        )
    )
    return Item("copying", ask.format(text), text)


def first_last(random: Random, words: Words) -> Item:
    """Name the first, last or second word of a list."""
    items = words.distinct(random, random.randint(2, 6))
    which = random.choice(("first", "last", "first", "last", "second"))
    answer = {"first": items[0], "last": items[-1], "second": items[1]}[which]
    ask = random.choice(
        (
            "What is the {w} word? {x}",
            "Name the {w} word of this list: {x}",
            "Give me the {w} one: {x}",
            "{x}\nWhich word comes {w}?",
            "From the list {x}, take the {w} word.",
            "Tell me the {w} item: {x}",
            "List: {x}. Say the {w} item.",
        )
    )
    return Item("first_last", ask.format(w=which, x=", ".join(items)), answer)


def counting(random: Random, words: Words) -> Item:
    """Count the words of a list, or how often one of them stands in it."""
    if random.random() < 0.65:
        items = words.distinct(random, random.randint(1, 6))
        ask = random.choice(
            (
                "How many words are in this list? {x}",
                "Count the items: {x}",
                "{x}\nHow many items is that?",
                "Number of words: {x}",
                "How many things do I name? {x}",
                "Count them: {x}",
            )
        )
        return Item("counting", ask.format(x=", ".join(items)), str(len(items)))
    one, *rest = words.distinct(random, random.randint(2, 4))
    times = random.randint(1, 4)
    items = [one] * times + rest
    random.shuffle(items)
    ask = random.choice(
        ("How often does {w} appear? {x}", "Count the word {w}: {x}", "How many times do I say {w}? {x}")
    )
    return Item("counting", ask.format(w=one, x=", ".join(items)), str(times))


def sorting(random: Random, words: Words) -> Item:
    """Put numbers, letters or words in order."""
    kind = random.random()
    if kind < 0.45:
        items = [str(n) for n in random.sample(range(1, 100), random.randint(2, 4))]
        right = sorted(items, key=int)
        ask = random.choice(
            ("Sort these numbers: {x}", "Put in order, smallest first: {x}", "Order from small to large: {x}")
        )
    elif kind < 0.75:
        items = random.sample(string.ascii_lowercase, random.randint(2, 5))
        right = sorted(items)
        ask = random.choice(
            ("Sort these letters: {x}", "Put the letters in order: {x}", "Alphabetical order, please: {x}")
        )
    else:
        items = words.initials(random, random.randint(2, 3))
        right = sorted(items)
        ask = random.choice(
            ("Sort these words: {x}", "Put the words in alphabetical order: {x}", "Order these words by letter: {x}")
        )
    return Item("sorting", ask.format(x=", ".join(items)), ", ".join(right))


def arithmetic(random: Random, _words: Words) -> Item:
    """Add or take away, up to 20."""
    a, b = random.randint(0, 10), random.randint(0, 10)
    if random.random() < 0.6:
        ask = random.choice(
            (
                "{a} + {b} =",
                "What is {a} plus {b}?",
                "Add {a} and {b}.",
                "{a} and {b} more makes",
                "How much is {a}+{b}?",
            )
        )
        return Item("arithmetic", ask.format(a=a, b=b), str(a + b))
    a, b = max(a, b), min(a, b)
    ask = random.choice(
        ("{a} - {b} =", "What is {a} minus {b}?", "Take {b} from {a}.", "{a} less {b} is", "How much is {a}-{b}?")
    )
    return Item("arithmetic", ask.format(a=a, b=b), str(a - b))


def comparing(random: Random, words: Words) -> Item:
    """Say which of two numbers is larger or smaller, alone or in a small story."""
    a, b = random.sample(range(1, 100), 2)
    large = random.random() < 0.5
    if random.random() < 0.5:
        ask = random.choice(
            ("Which is {w}, {a} or {b}?", "Name the {w} number: {a} or {b}", "{a} or {b}: which one is {w}?")
        )
        answer = str(max(a, b) if large else min(a, b))
        return Item(
            "comparing",
            ask.format(w="larger" if large else "smaller", a=a, b=b),
            answer,
            check="choice",
            options=(str(a), str(b)),
        )
    one, two = words.distinct(random, 2)
    ask = random.choice(
        (
            "The {x} costs {a} and the {y} costs {b}. Which costs {w}?",
            "There are {a} of {x} and {b} of {y}. Of which are there {w}?",
            "{x}: {a}\n{y}: {b}\nWhich has {w}?",
        )
    )
    answer = one if (a > b) == large else two
    return Item(
        "comparing",
        ask.format(x=one, y=two, a=a, b=b, w="more" if large else "less"),
        answer,
        check="choice",
        options=(one, two),
    )


def lookup(random: Random, words: Words) -> Item:
    """Find a fact in a passage of a few sentences."""
    frame, question = random.choice(
        (
            ("The {k} is {v}.", "What is the {k}?"),
            ("The {k} costs {v} coins.", "What does the {k} cost?"),
            ("The {k} is in the {v}.", "Where is the {k}?"),
            ("The code of the {k} is {v}.", "Which code has the {k}?"),
            ("I keep the {k} under the {v}.", "Under what is the {k}?"),
            ("{k} = {v};", "{k} = ?"),
            ("My {k} likes the {v}.", "What does my {k} like?"),
            ("The {k} belongs to the {v}.", "To whom does the {k} belong?"),
        )
    )
    count = random.randint(2, 5) if random.random() < 0.9 else random.randint(6, 14)
    keys = words.distinct(random, count)
    values = [
        words.code(random) if "cost" in frame or "code" in frame or random.random() < 0.3 else v
        for v in words.distinct(random, count)
    ]
    lines = [frame.format(k=k, v=v) for k, v in zip(keys, values, strict=True)]
    if random.random() < 0.3:
        lines.insert(random.randrange(len(lines) + 1), words.sentence(random))
    at = random.randrange(count)
    asked = question.format(k=keys[at])
    text = " ".join(lines)
    shape = random.choice(("{t} {q}", "{t}\n{q}", "Read: {t}\nQuestion: {q}", "{q} {t}", "Text: {t} {q}"))
    return Item("lookup", shape.format(t=text, q=asked), values[at])


def yes_no(random: Random, words: Words) -> Item:
    """Answer yes or no: is a word in a list, a number larger, a fact stated, a thing of a kind."""
    truth = random.random() < 0.5
    answer = "yes" if truth else "no"
    kind = random.random()
    if kind < 0.4:
        items = words.distinct(random, random.randint(3, 6))
        one = random.choice(items[1:]) if truth else items[0]
        shown = items if truth else items[1:]
        ask = random.choice(
            ("Is {w} in this list? {x}", "{x}\nDo I name {w}? yes or no", "Does the list have {w}? {x}")
        )
        text = ask.format(w=one, x=", ".join(shown))
    elif kind < 0.65:
        low, high = sorted(random.sample(range(1, 100), 2))
        a, b = (high, low) if truth else (low, high)
        text = random.choice(("Is {a} larger than {b}?", "Is {a} more than {b}? yes or no")).format(a=a, b=b)
    else:
        thing, kind_of = words.kind(random)
        shown_kind = kind_of if truth else words.another_kind(random, kind_of)
        text = random.choice(("Is {t} a kind of {k}?", "{t}: is that a {k}?", "Yes or no: {t} is a {k}.")).format(
            t=thing, k=shown_kind
        )
    return Item("yes_no", text, answer, check="choice", options=("yes", "no"))


def following_format(random: Random, words: Words) -> Item:
    """Write given words in an asked form: brackets, capitals, separators, prefix, line by line, twice."""
    items = words.distinct(random, random.randint(1, 4))
    joined = ", ".join(items)
    rule, answer = random.choice(
        (
            ("Write it in brackets", f"[{joined}]"),
            ("Put a star before each word", " ".join(f"*{i}" for i in items)),
            ("Join with a dash", "-".join(items)),
            ("Write each word twice", " ".join(f"{i} {i}" for i in items)),
            ("One word a line", "\n".join(items)),
            ("End with a full stop", joined + "."),
            ("Start with Answer:", f"Answer: {joined}"),
            ("Put the words in quotes", " ".join(f'"{i}"' for i in items)),
            ("Join with a slash", "/".join(items)),
            ("Number the words", " ".join(f"{n}. {i}" for n, i in enumerate(items, 1))),
            ("Write it between < and >", f"<{joined}>"),
        )
    )
    if random.random() < 0.4:
        return Item("format", joined, answer, system=rule + ".")
    ask = random.choice(("{r}: {x}", "{x}\n{r}.", "{r}.\n{x}", "{r}, please: {x}"))
    return Item("format", ask.format(r=rule, x=joined), answer)


def json_object(random: Random, words: Words) -> Item:
    """Fill a JSON object with the keys asked for from a passage: words, numbers, true or false, one of a list."""
    count = random.randint(1, 4)
    keys, wanted, sentences, rules = words.distinct(random, count), {}, [], []
    for key in keys:
        value, sentence, rule = _json_field(random, words, key)
        wanted[key] = value
        sentences.append(sentence)
        rules.append(rule)
    if random.random() < 0.5:
        random.shuffle(sentences)
    sentences += _asides(random, words)
    named = listed(random, keys)
    rule = random.choice(
        (
            "Reply with a JSON object with the keys {k}.",
            "Answer in JSON with {k}.",
            "Give one JSON object with the keys {k}.",
            "Fill in a JSON object. Keys: {k}.",
            "You read a message and answer with one JSON object. Its keys are {k}.",
        )
    ).format(k=named)
    notes = " ".join(r for r in rules if r)
    rule = f"{rule} {notes}".strip()
    text, answer = " ".join(sentences), json.dumps(wanted, ensure_ascii=False)
    if random.random() < 0.6:
        return Item("json", text, answer, system=rule, check="json")
    return Item("json", random.choice((f"{rule}\n{text}", f"{text}\n{rule}")), answer, check="json")


def _json_field(random: Random, words: Words, key: str) -> tuple[Any, str, str]:
    """A value, the sentence that states it, and the rule that the instruction needs (or none)."""
    kind = random.random()
    if kind < 0.3:
        value = words.one(random)
        return (
            value,
            random.choice(("The {k} is {v}.", "My {k} is {v}.", "{k}: {v}.", "I have {v} as {k}.")).format(
                k=key, v=value
            ),
            "",
        )
    if kind < 0.5:
        number = random.randint(1, 99)
        return (
            number,
            random.choice(("The {k} is {v}.", "{k}: {v}.", "It has {v} for {k}.")).format(k=key, v=number),
            "",
        )
    if kind < 0.7:
        truth = random.random() < 0.5
        sentence = random.choice(("The {k} is {n}there.", "There is {n}{k}.", "I {m} {k}.")).format(
            k=key, n="" if truth else ("not " if random.random() < 0.5 else "no "), m="have" if truth else "have no"
        )
        return truth, sentence, f"{key} is true or false."
    if kind < 0.85:
        options = words.some_kinds(random, random.randint(2, 5))
        right = random.choice(options)
        sentence = words.sentence_about(random, right)
        return right, sentence, f"{key} is one of {', '.join(options)}."
    sentence = words.sentence(random)
    return sentence, sentence, f"{key} repeats the sentence."


def topic(random: Random, words: Words) -> Item:
    """Choose the topic of a word or a sentence from a closed list."""
    options = words.some_kinds(random, random.randint(2, 8))
    right = random.choice(options)
    text = (
        words.member(random, right)
        if random.random() < 0.4
        else " ".join([words.sentence_about(random, right), *_asides(random, words)])
    )
    rule = random.choice(
        (
            "Choose the topic: {o}.",
            "Which topic fits? {o}",
            "Topics: {o}. Name the one that fits.",
            "Sort the message under one of {o}.",
        )
    ).format(o=listed(random, options))
    if random.random() < 0.5:
        return Item("topic", text, right, system=rule, check="choice", options=tuple(options))
    return Item("topic", f"{rule}\n{text}", right, check="choice", options=tuple(options))


def meaning(random: Random, words: Words) -> Item:
    """Opposites, words of like meaning, and whether two sentences say the same."""
    kind = random.random()
    if kind < 0.3:
        a, b = words.opposite(random)
        return Item(
            "meaning", random.choice(("What is the opposite of {}?", "Opposite of {}:", "Not {}, but")).format(a), b
        )
    if kind < 0.55:
        a, b = words.synonym(random)
        return Item(
            "meaning",
            random.choice(("Another word for {}:", "Say {} with another word.", "What else means {}?")).format(a),
            b,
        )
    one, same, different = words.paraphrase(random)
    if kind < 0.75:
        ask = random.choice(("Say it in other words: {}", "Put this differently: {}"))
        return Item("meaning", ask.format(one), same)
    truth = random.random() < 0.5
    ask = random.choice(("Do these mean the same? {} / {}", "Same meaning, yes or no? {} {}"))
    return Item(
        "meaning",
        ask.format(one, same if truth else different),
        "yes" if truth else "no",
        check="choice",
        options=("yes", "no"),
    )


def few_shot(random: Random, words: Words) -> Item:
    """Learn a rule from two or more earlier turns and follow it."""
    rule = random.choice(FEW_SHOT_RULES)
    shots = random.randint(2, 5) if random.random() < 0.85 else random.randint(6, 14)
    pairs = rule(random, words, shots + 1)
    *earlier, (user, answer) = pairs
    return Item("few_shot", user, answer, shots=tuple(earlier))


Pairs = list[tuple[str, str]]


def _wrap(random: Random, words: Words, count: int) -> Pairs:
    left, right = random.choice(("[]", "()", "<>", "**", "##", '""', "{}"))
    return [(w, f"{left}{w}{right}") for w in words.distinct(random, count)]


def _affix(random: Random, words: Words, count: int) -> Pairs:
    mark = words.one(random)
    before = random.random() < 0.5
    return [(w, f"{mark} {w}" if before else f"{w} {mark}") for w in words.distinct(random, count)]


def _pick(random: Random, words: Words, count: int) -> Pairs:
    at = random.choice((0, -1))
    rows = [words.distinct(random, 3) for _ in range(count)]
    return [(" ".join(row), row[at]) for row in rows]


def _kinds(random: Random, words: Words, count: int) -> Pairs:
    kinds = words.some_kinds(random, 2)
    chosen = [random.choice(kinds) for _ in range(count - 1)]
    chosen.append(random.choice(chosen))
    return [(words.member(random, k), k) for k in chosen]


def _object(random: Random, words: Words, count: int) -> Pairs:
    key, fixed = words.distinct(random, 2)
    truth = random.random() < 0.5
    return [
        (f"{v} {n}", json.dumps({key: v, fixed: truth} if truth else {key: v, fixed: n}))
        for v, n in ((w, random.randint(1, 99)) for w in words.distinct(random, count))
    ]


def _labelled(random: Random, words: Words, count: int) -> Pairs:
    key, flag, copy = words.distinct(random, 3)
    kinds = words.some_kinds(random, 3)
    pairs = []
    for _ in range(count):
        kind, truth = random.choice(kinds), random.random() < 0.5
        text = " ".join([words.sentence_about(random, kind), *_asides(random, words)])
        said = words.one(random)
        asked = f"{text} {copy} {said}" + (f" {flag}" if truth else "")
        pairs.append((asked, json.dumps({key: kind, copy: said, flag: truth})))
    return pairs


FEW_SHOT_RULES: tuple[Callable[[Random, Words, int], Pairs], ...] = (_wrap, _affix, _pick, _kinds, _object, _labelled)

FACTS = (
    ("{k} {v}", "{k}?"),
    ("{k}: {v}", "{k}?"),
    ("{k} = {v}", "{k} ="),
    ("the {k} is {v}", "What is the {k}?"),
    ("the {k} costs {v}", "What does the {k} cost?"),
    ("the {k} is in the {v}", "Where is the {k}?"),
    ("my {k} likes the {v}", "What does my {k} like?"),
    ("the {k} belongs to the {v}", "To whom does the {k} belong?"),
    ("I keep the {k} under the {v}", "Under what is the {k}?"),
    ("the code of the {k} is {v}", "Which code has the {k}?"),
)


def recall(random: Random, words: Words, count: int) -> tuple[str, list[tuple[str, str]]]:
    """A passage of `count` facts, and a question with its answer for each, in an order of their own."""
    frame, question = random.choice(FACTS)
    keys = words.distinct(random, count)
    with_codes = random.random() < 0.4
    values = [words.code(random) if with_codes else words.one(random) for _ in keys]
    mark = random.choice((". ", ", ", "; ", "\n"))
    passage = mark.join(frame.format(k=k, v=v) for k, v in zip(keys, values, strict=True))
    pairs = [(question.format(k=k), v) for k, v in zip(keys, values, strict=True)]
    random.shuffle(pairs)
    return passage + mark.strip(" "), pairs


# Skills that the held-out probes measure, and those that only widen the vocabulary of the base.
PROBED: dict[str, Skill] = {
    "copying": copying,
    "first_last": first_last,
    "counting": counting,
    "sorting": sorting,
    "arithmetic": arithmetic,
    "comparing": comparing,
    "lookup": lookup,
    "yes_no": yes_no,
    "format": following_format,
    "json": json_object,
    "few_shot": few_shot,
}
WIDENING: dict[str, Skill] = {"topic": topic, "meaning": meaning}
