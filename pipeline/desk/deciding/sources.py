"""The task's examples as the sources have them now, before any run: how many, what people said, and what they state."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.checking.language import Guess, language_guess
from pipeline.data.ledgers import read_reviews
from pipeline.data.prompts import load_prompt
from pipeline.data.records import Record, stream_records
from pipeline.data.reviews import Decisions, ReviewParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.desk.deciding.data_checks import Facts, Reviewed, Supply
from pipeline.desk.deciding.facts import Said, unprompted
from pipeline.desk.deciding.reports import Synthesis, read
from pipeline.desk.inputs import FEEDBACK, PROMPTS, REVIEWS, SCHEMA, SOURCES, TEST_SET
from pipeline.desk.reviewing.shown import masked, shown
from pipeline.ingest import IngestParams, Intake, check_rejects, rows_of
from pipeline.ingest import read as read_rows
from pipeline.stage import PARAMS_FILE, Fault, load_params, read_yaml
from pipeline.validate import ValidateParams

LOOKED_AT = 5000  # examples whose answers are looked at: those of the lowest id, a digest, so drawn by chance and always the same
SHOWN, LONGEST = 3, 100  # examples of facts that are shown, and characters of each
SYNTHESIS, APPROVED = Path("reports/synthesis.json"), Path("data/synthetic/approved.jsonl")


@dataclass(frozen=True)
class Task:
    """What the checks of the data need."""

    supply: Supply
    reviewed: Reviewed
    facts: Facts


@dataclass
class Seen:
    """What is counted on the way through the records; `slices` as `validate` has them: tags, labels, languages.

    `drawn`: those whose answers are looked at, the highest id on top.
    """

    contract: Contract
    guess: Guess
    size: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    slices: Counter[str] = field(default_factory=Counter)
    drawn: list[tuple[int, Record]] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    ids: set[int] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Count a record that may be learnt."""
        label = self.contract.label(record.answer) or ""
        self.size += 1
        self.labels[label] += 1
        self.slices.update({*record.tags, label, self.guess(record.question)})

    def draw(self, record: Record) -> None:
        entry = (-int(record.id, 16), record)
        if len(self.drawn) < LOOKED_AT:
            heapq.heappush(self.drawn, entry)
        elif entry > self.drawn[0]:
            heapq.heapreplace(self.drawn, entry)


def task(common_share: float) -> Task:
    """Read the sources, reviews and prompts. Raises Fault for what cannot be read."""
    contract, review, validation = Contract.load(SCHEMA), load_params(ReviewParams), load_params(ValidateParams)
    seen = Seen(contract, language_guess(validation.languages))
    decisions, held_out = Decisions(read_reviews(REVIEWS), review.origins), _test_ids()
    for record in _records(contract):
        _take(record, decisions, held_out, seen)
    made = list(stream_records(APPROVED)) if APPROVED.is_file() else []
    for record in made:
        seen.add(record)
    required = validation.required_slices.items()
    short = [f"{name} has {seen.slices[name]:,} of {least:,}" for name, least in required if seen.slices[name] < least]
    supply = Supply(seen.size, _labels(contract, seen.labels), short, len(made))
    drawn = [record for _, record in sorted(seen.drawn, reverse=True)]
    return Task(supply, _reviewed(seen.verdicts), _facts(drawn, contract, common_share))


def _records(contract: Contract) -> Iterator[Record]:
    """The records of the sources, masked; none where no source is listed yet."""
    listed = read_yaml(SOURCES)
    if isinstance(listed, dict) and listed.get("sources") == [] and not any(FEEDBACK.glob("*.jsonl")):
        return
    params, intake = load_params(IngestParams), Intake()
    yield from read_rows(rows_of(SOURCES, FEEDBACK, contract, {}), params.personal_data, intake)
    check_rejects(intake.rejects, params.max_rejects)


def _take(record: Record, decisions: Decisions, held_out: frozenset[str], seen: Seen) -> None:
    """Count a record by what people decided, once; what may be learnt is counted by label and slice, too."""
    if (identity := int(record.id, 16)) in seen.ids:
        return
    seen.ids.add(identity)
    verdict = decisions.verdict(record.id, record.origin)
    seen.verdicts[verdict] += 1
    if verdict not in ("accepted", "edited"):
        return
    seen.verdicts["approved"] += bool(decisions.said(record.id))
    record = decisions.edited(record)
    if record.messages[-1]["content"]:
        seen.draw(record)
    if record.id not in held_out:
        seen.add(record)


def _test_ids() -> frozenset[str]:
    return TestSet.load(TEST_SET).ids if TEST_SET.exists() else frozenset()


def _labels(contract: Contract, counts: Counter[str]) -> dict[str, int] | None:
    """How many examples each value of the label has, those without any among them."""
    if contract.label_field is None:
        return None
    values = contract.fields[contract.label_field]["enum"]
    return {str(value): counts[str(value)] for value in values if value is not None}


def _reviewed(verdicts: Counter[str]) -> Reviewed:
    """With the synthetic examples, as the last run left them."""
    made = read(Synthesis, SYNTHESIS) or Synthesis(approved=0, waiting=0, disputed=0)
    return Reviewed(
        verdicts["accepted"] + verdicts["edited"] + made.approved,
        verdicts["approved"] + made.approved,
        verdicts["waiting"] + made.waiting,
        verdicts["disputed"] + made.disputed,
    )


def _facts(records: list[Record], contract: Contract, common_share: float) -> Facts:
    if not contract.text_fields:
        return Facts(0, 0, blind="the answer has no field of free text, and of other fields nothing can be seen")
    said = [
        Said(record.source, record.question, text)
        for record in records
        if (text := _free_text(contract, record.answer))
    ]
    stating = list(unprompted(said, "\n".join(_prompts()), common_share))
    return Facts(len(said), len(stating), [_line(one, terms) for one, terms in stating[:SHOWN]])


def _line(one: Said, terms: list[str]) -> str:
    return f"{one.place}: {shown(masked(', '.join(terms)), LONGEST)}"


def _free_text(contract: Contract, answer: str) -> str:
    """What the fields of free text say; nothing where there are none."""
    found: list[Any] = [contract.field(answer, name) for name in contract.text_fields]
    return "\n".join(text for text in found if isinstance(text, str) and text.strip())


def _prompts() -> list[str]:
    """What the system turns of all arms say: a fact that one of them tells need not be looked up."""
    arms = (read_yaml(PARAMS_FILE) or {}).get("arms")
    if not isinstance(arms, dict) or not all(
        isinstance(arm, dict) and isinstance(arm.get("prompt"), str) for arm in arms.values()
    ):
        raise Fault(f"{PARAMS_FILE}: arms", "is no mapping of arms, each with a prompt", "restore it from git")
    return [
        load_prompt(PROMPTS / f"{name}.yaml").system for name in dict.fromkeys(arm["prompt"] for arm in arms.values())
    ]
