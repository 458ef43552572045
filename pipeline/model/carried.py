"""What an arm puts before a question: a prompt of the task, or the one that its model carries.

An arm whose prompt is `own` is asked as production asks: with the prompt that stands in its model's folder since it was trained, and
with the examples beside it, whatever became of `task/prompts` since.
"""

from pathlib import Path

from pipeline.data.prompts import Prompt, few_shot_records, load_prompt
from pipeline.data.records import Record, read_records
from pipeline.model.adapter import PROMPT
from pipeline.stage import Fault

OWN = "own"  # the name of a prompt: the model's own. A file of that name says so to readers, and is there for DVC
FEW_SHOT = "few_shot.jsonl"


def is_own(prompt: Path) -> bool:
    """Whether an arm with this file of a prompt takes what its model carries."""
    return prompt.stem == OWN


def wording(prompt: Path, few_shot: Path, model: Path) -> tuple[Prompt, list[Record]]:
    """The prompt of an arm and its examples. Raises Fault where they cannot be had."""
    if is_own(prompt):
        return carried(model)
    found = load_prompt(prompt)
    return found, few_shot_records(found, read_records(few_shot), prompt)


def carried(model: Path) -> tuple[Prompt, list[Record]]:
    """The prompt and the examples that a trained folder carries. Raises Fault where it has none, or lacks an example."""
    place = model / PROMPT
    if not place.is_file():
        raise Fault(model, f"carries no {PROMPT}, and its arm's prompt is {OWN}", "name a prompt of task/prompts")
    found = load_prompt(place)
    file = model / FEW_SHOT
    by_id = {record.id: record for record in read_records(file)} if file.is_file() else {}
    lacking = [name for name in found.few_shot if name not in by_id]
    if lacking:
        raise Fault(place, f"names the example {lacking[0]}, and the folder does not carry it", "train it again")
    return found, [by_id[name] for name in found.few_shot]
