"""Instructions that somebody put into what is to be learnt: told by patterns of `params.yaml`, and by signs that need none.

What shows a sign is no proof of an attack, and what shows none is no proof of the contrary: such a request is told in the report with the
reason, and never proposed to a reviewer by itself.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import regex

from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate
from pipeline.data.likeness.shingles import words
from pipeline.data.plain_text import UNSAFE
from pipeline.desk.forgetting.terms import leaves
from pipeline.scoring.checks import matches
from pipeline.stage import Fault

TOKENS = regex.compile(  # what chat templates write between turns
    r"<\|[\w ]{1,40}\|>|<\uff5c[^\uff5c>]{1,40}\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>|\[gMASK\]"
)
ROLES = regex.compile(  # a line that begins as a turn of somebody else, or a turn as XML or JSON
    r"(?im)^\s*(?:[#>*\[<(]+\s*)?(?:system|assistant|developer|system prompt|instructions?)\s*[\])>*]*\s*(?::|\]|###)\s*\S"
    r"|^[ \t]*(?:#{1,6}|[-=*]{2,})[ \t]*(?:system|assistant|developer)(?: (?:prompt|message))?[ \t]*[-=#*]*[ \t]*$"  # or is its heading
    r"|</?(?:system|assistant|developer)(?:_prompt)?>"
    r"|[\"']role[\"']\s*:\s*[\"'](?:system|assistant|developer)[\"']"
)
# Besides what UNSAFE has: fillers that show nothing, and after a Latin letter what shapes letters of other scripts or emoji
HIDDEN = regex.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]|(?<=\p{Latin})[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
MARKS = str.maketrans(dict.fromkeys("*_~`", " "))
TOKEN, ROLE, INVISIBLE, REPEATED = "chat_token", "role", "invisible", "repeated_correction"


class Signs:
    """The signs in a text. `patterns` are those of the team by name. Raises Fault for one that is none."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._patterns = dict(patterns)
        for name, pattern in self._patterns.items():
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise Fault(f"params.yaml: feedback.injections.{name}", f"is no pattern ({error})", "mend it") from None

    def of(self, texts: Iterable[str]) -> list[str]:
        """Names of the signs that one of the texts shows, sorted."""
        return sorted({name for text in texts for name in self._in(text)})

    def _in(self, text: str) -> Iterator[str]:
        if TOKENS.search(text):
            yield TOKEN
        if ROLES.search(text):
            yield ROLE
        if UNSAFE.search(text.replace("\r", "").replace("\ufeff", "")) or HIDDEN.search(text):
            yield INVISIBLE
        forms = dict.fromkeys(_forms(text))
        for name, pattern in self._patterns.items():
            if any(matches(pattern, form, in_doubt=True) for form in forms):
                yield name


def _forms(text: str) -> Iterator[str]:
    """A text without what is hidden between its letters; in plain letters; and on one line, without the marks of Markdown."""
    plain = HIDDEN.sub("", UNSAFE.sub("", text))
    yield plain
    yield (folded := unicodedata.normalize("NFKC", plain))
    yield " ".join(folded.translate(MARKS).split())


def texts_of(candidate: Candidate) -> Iterator[str]:
    """What people wrote of a candidate, and a model may be told by: its question, what is to be learnt, what was said.

    Earlier answers are among it, since they are what a client sent as such.
    """
    asked = [str(turn["content"]) for turn in candidate.messages if turn["role"] != "system"]
    for text in (*asked, candidate.proposal, candidate.said):
        yield from leaves(text)  # an escape within JSON hides nothing


def repeated(candidates: Iterable[Candidate], contract: Contract, most: int) -> set[str]:
    """Ids of records whose user gave the same words as the answer to `most` different questions or more.

    Only free text counts: that five questions have one label is nothing strange. Unknown users count as one.
    """
    asked: dict[tuple[str, tuple[str, ...]], dict[str, str]] = defaultdict(dict)
    for one in candidates:
        if said := _free_words(one.proposal, contract):
            asked[one.user, said][one.record] = " ".join(words(str(one.messages[-1]["content"])))
    return {name for found in asked.values() if len(set(found.values())) >= most for name in found}


def _free_words(answer: str, contract: Contract) -> tuple[str, ...]:
    value = contract.parse(answer)
    if not isinstance(value, dict):
        return tuple(words(answer)) if contract.is_text or not contract.exact_fields else ()
    return tuple(word for name in contract.text_fields for word in words(str(value.get(name, ""))))
