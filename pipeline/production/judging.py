"""What an answer of production failed: by the contract of an answer, by signs that need none, and by the rules of `params.yaml`.

The one judgement that the recorder and the readers of other people's logs share. It needs no reference answer, so it says what is surely
wrong, and never that an answer is right.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import regex

from pipeline.data.answers import NOT_JSON, Contract
from pipeline.scoring.checks import matches

UNJUDGED = (
    "hung_up",
    "engine_failed",
    "tool_calls",
    "function_call",
)  # finishes whose answer is no whole answer in words
CUT = ("length", "max_tokens")
REFUSALS = (  # how a text begins or goes on that refuses the task in words; in the languages of the sample
    r"\b(?:i|we)(?: am|'m| are|'re)? (?:(?:really |very |so )?sorry,? (?:but )?)?(?:i |we )?"
    r"(?:can ?not|can't|could not|couldn't|won't|will not|am not able to|'m not able to|(?:am |'m )?unable to)"
    r" (?:help|assist|answer|comply|discuss|respond|do (?:that|this)|fulfil|continue with)\b",
    r"\b(?:i|we) must (?:decline|refuse)\b|\bi (?:decline|refuse) to\b",
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b",
    r"\b(?:against|violates?) (?:my|our) (?:guidelines|policies|programming|safety)\b",
    r"\bmain (?:aapki |is mein |isme )?(?:madad|sahayata) nahi[n]? kar (?:sakta|sakti)\b",
    r"मैं (?:\S+ ){0,4}(?:मदद|सहायता) नहीं कर (?:सकता|सकती)",
    r"मी (?:\S+ ){0,4}मदत करू शकत नाही",
)
REFUSAL = "(?i)" + "|".join(REFUSALS)


class Judge:
    """Judges answers by a contract and by rules, name and pattern, of which a match anywhere in the answer is a fault.

    Raises ValueError where a pattern is none.
    """

    def __init__(self, contract: Contract, rules: Mapping[str, str]) -> None:
        self.contract = contract
        self.rules = dict(rules)
        for name, pattern in self.rules.items():
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"the rule {name} is no pattern ({error})") from None

    def verdict(self, answer: str | None, finish: str) -> tuple[bool | None, tuple[str, ...]]:
        """Whether an answer passed, and what it failed; None where there was no whole answer in words to be judged."""
        if finish in UNJUDGED:
            return None, ()
        failed = self.failed(answer, finish)
        return not failed, failed

    def failed(self, answer: str | None, finish: str) -> tuple[str, ...]:
        """What an answer failed: cut, empty, not_json, schema:<field> (whole where no field is to blame), refusal, rule:<name>."""
        if finish in UNJUDGED:
            return ()
        cut = ("cut",) if finish in CUT else ()
        if answer is None or not answer.strip():
            return (*cut, "empty")
        value = self.contract.parse(answer)
        broken = ("not_json",) if value is NOT_JSON else tuple(f"schema:{name}" for name in self._broken(value))
        refused = ("refusal",) if any(_refuses(text) for text in self._worded(answer, value)) else ()
        flagged = (f"rule:{name}" for name, rule in self.rules.items() if matches(rule, answer, in_doubt=True))
        return (*cut, *broken, *refused, *flagged)

    def _broken(self, value: Any) -> list[str]:
        """The fields that do not meet the schema, each once, sorted."""
        if self.contract.validator.is_valid(value):
            return []
        return sorted({name for error in self.contract.validator.iter_errors(value) for name in _blamed(error)})

    def _worded(self, answer: str, value: Any) -> Iterator[str]:
        """What of an answer is somebody's words: its fields of free text, or all of it where it has none to be read."""
        if self.contract.is_text or not isinstance(value, dict):
            yield answer
            return
        yield from (value[name] for name in self.contract.text_fields if isinstance(value.get(name), str))


def _blamed(error: Any) -> list[str]:
    """The fields of an answer that an error of its schema is about."""
    if error.absolute_path:
        return [str(error.absolute_path[0])]
    if error.validator == "required" and isinstance(error.instance, dict):
        return [str(name) for name in error.validator_value if name not in error.instance]
    return ["whole"]


def _refuses(text: str) -> bool:
    return matches(REFUSAL, text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), in_doubt=False)
