"""Prompts, and the one way in which a record is rendered for training, evaluation and serving."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.data.records import Record, Turn
from pipeline.stage import Fault, checked, read_yaml


class Prompt(BaseModel):
    """What an arm puts before a question: a system turn, and examples by record id."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    system: str
    few_shot: list[str]


def load_prompt(path: Path) -> Prompt:
    """Read a prompt file. Raises Fault at a wrong key."""
    return checked(Prompt, read_yaml(path), str(path))


def few_shot_records(prompt: Prompt, pool: Iterable[Record], place: Path) -> list[Record]:
    """The prompt's examples out of `pool`, in the prompt's order. Raises Fault for an id that is not there."""
    by_id = {record.id: record for record in pool}
    missing = [name for name in prompt.few_shot if name not in by_id]
    if missing:
        raise Fault(
            place,
            f"few-shot example {missing[0]} is not a record of the train side",
            "name another id of data/split/train.jsonl",
        )
    return [by_id[name] for name in prompt.few_shot]


def rendered(prompt: Prompt, examples: Sequence[Record], asked: Sequence[Turn]) -> list[Turn]:
    """The turns that a model reads before it answers: system, examples, question."""
    system: list[Turn] = [{"role": "system", "content": prompt.system.strip()}] if prompt.system.strip() else []
    shown: list[Turn] = [turn for example in examples for turn in example.messages]
    return [*system, *shown, *asked]
