"""What a model answered under one prompt and one decoding, from whichever predictions have it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.predictions import Predictions
from pipeline.data.questions import Question
from pipeline.data.records import Record, digest
from pipeline.data.reports import Part
from pipeline.data.texts import Text
from pipeline.pull_request.comparing.yardstick import Yardstick, question_of

SETS = ("test", "new")


class Facts(Part):
    """What shaped the answers of an arm, by digest: `arm.json`, and `yardstick` in a comparison."""

    model: str
    prompt: str
    decoding: dict[str, Any]


@dataclass(frozen=True)
class Given:
    """The answers of an arm, and the yardstick whose questions it was asked."""

    facts: Facts
    predictions: Predictions
    asked: Yardstick


@dataclass
class Said:
    """Answers by id and by question of a test example, by question of a case and a probe, and the token chance of a text.

    An id is a digest of the whole example, so it asks the same on both sides; where a reference answer was edited, the question still
    is the same. Cases are asked with the prompt; probes and texts without, so any prompt's do.
    """

    by_id: dict[str, str] = field(default_factory=dict)
    by_question: dict[str, str] = field(default_factory=dict)
    preferred: dict[str, bool] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    def answer(self, record: Record) -> str | None:
        """The answer to a test example, None where the model was not asked."""
        return self.by_id.get(record.id, self.by_question.get(question_of(record)))


def said(facts: Facts, given: Iterable[Given], records: Mapping[str, Record]) -> Said:
    """What the model of these facts answered; of two answers to the same the first counts. `records` are all that are known."""
    found = Said()
    for one in given:
        if (one.facts.model, one.facts.decoding) == (facts.model, facts.decoding):
            _take_bare(found, one)
            if one.facts.prompt == facts.prompt:
                _take_task(found, one, records)
    return found


def _take_bare(found: Said, one: Given) -> None:
    for key, answer in _asked(one, "probe", one.asked.probes):
        found.probes.setdefault(key, answer)
    for name, text in one.asked.texts.items():
        if name in one.predictions.told:
            found.told.setdefault(prose_of(text), one.predictions.told[name])


def _take_task(found: Said, one: Given, records: Mapping[str, Record]) -> None:
    for key, text in _asked(one, "case", one.asked.cases):
        found.cases.setdefault(key, text)
    for (name, identity), text in one.predictions.answers.items():
        if name in SETS:
            found.by_id.setdefault(identity, text)
            if identity in records:
                found.by_question.setdefault(question_of(records[identity]), text)
    for (name, identity), is_preferred in one.predictions.preferred.items():
        if name in SETS:
            found.preferred.setdefault(identity, is_preferred)


def _asked(one: Given, name: str, questions: Mapping[str, Question]) -> Iterable[tuple[str, str]]:
    """Question and answer of those of a set that were answered."""
    answers = one.predictions.answers
    return ((turns_of(questions[key]), answers[name, key]) for key in questions if (name, key) in answers)


def turns_of(question: Question) -> str:
    """What tells one probe or case from another, whatever its check is."""
    return digest(list(question.messages))


def prose_of(text: Text) -> str:
    return digest(text.text)
