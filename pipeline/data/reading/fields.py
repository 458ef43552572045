"""Rows that have each field of the answer under a key (a column) of its own, and how a cell takes the type of its field."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.data.answers import WHOLE, Contract
from pipeline.data.reading.preferences import Parts, answer_turns, asked_turns
from pipeline.data.reading.rows import Row, Unreadable, as_text, shown
from pipeline.data.reading.shapes import NOTHING, instructed
from pipeline.data.reading.sources import Columns
from pipeline.data.records import Turn

INPUTS = ("input", "message", "text", "question", "prompt")
LABEL, INSTRUCTION = "label", "instruction"
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Read = Callable[[Row], Parts]
Question = Callable[[Row], list[Turn]]


def fields_columns(keys: Sequence[str], contract: Contract, is_whole: bool) -> Columns | None:
    """The columns of a row whose keys are those of the question and of the answer's fields; None where they are not.

    `is_whole` asks for every field by its name that the schema requires, or for every field if it requires none. Else any
    field does, and an answer of one field may stand under `label`. `group` and `tags` are no fields unless the schema says so.
    """
    fields = list(contract.fields)
    names = [key for key in keys if key not in fields]
    asked = next((key for key in names if key.lower() in INPUTS), None)
    if INSTRUCTION in names and asked in (None, "input"):
        asked = INSTRUCTION
    found = {name: name for name in fields if name in keys}
    has_fields = bool(contract.schema.get("properties"))
    required = contract.schema.get("required") or (fields if is_whole else [])
    if not is_whole and not found and len(fields) == 1 and LABEL in names:
        found = {fields[0]: LABEL}
    if asked is None or not found or (is_whole and not has_fields) or any(name not in found for name in required):
        return None
    extra = {name: name for name in ("group", "tags") if name in names}
    return Columns(input=asked, answer=found if has_fields else found[WHOLE], **extra)


def fields_reader(columns: Columns, contract: Contract, is_text: bool) -> Read:
    """How rows are read whose columns `fields_columns` has told."""
    name = columns.input
    if name == INSTRUCTION:
        return columns_reader(columns, contract, is_text, instructed)
    beside = "context" if "context" not in contract.fields else ""
    return columns_reader(
        columns, contract, is_text, lambda row: asked_turns(cell(row, name), name, row.get(beside) or None)
    )


def columns_reader(columns: Columns, contract: Contract, is_text: bool, question: Question | None = None) -> Read:
    """How rows with these columns are read. `is_text`: the cells are those of a CSV, where a missing one is a fault.

    `question` tells what was asked, where that is more than the column `input`.
    """
    answer, ask = columns.answer, question or (lambda row: asked_turns(cell(row, columns.input), columns.input))
    if isinstance(answer, str):
        return lambda row: ([*ask(row), *answer_turns(cell(row, answer), answer)], NOTHING, [])
    kinds = {name: contract.fields.get(name, {}).get("type") for name in answer}
    absent = {} if is_text else {name: _of_null(name, contract) for name in answer}

    def read(row: Row) -> Parts:
        turn: Turn = {"role": "assistant", "content": _answer(row, answer, kinds, absent, contract)}
        return [*ask(row), turn], NOTHING, []

    return read


def cell(row: Row, name: str) -> Any:
    """The value of a column. Raises Unreadable where the row has none."""
    value = row.get(name)
    if value is None:
        raise Unreadable(f"column {name} is missing in this row" if name in row else f"no column {name}")
    return value


def _of_null(name: str, contract: Contract) -> str:
    """What null stands for in a field: itself where the schema takes it, else nothing, unless the field is required."""
    if contract.validator.evolve(schema=contract.fields.get(name, {})).is_valid(None):
        return "null"
    return "missing" if name in contract.schema.get("required", []) else "nothing"


def _answer(
    row: Row, columns: Mapping[str, str], kinds: Mapping[str, Any], absent: Mapping[str, str], contract: Contract
) -> str:
    fields: dict[str, Any] = {}
    for field, name in columns.items():
        value = row.get(name)
        if value is None and absent.get(field) == "nothing":
            continue
        if value is None and name in row and absent.get(field) == "null":
            fields[field] = None
        else:
            fields[field] = typed(cell(row, name), kinds[field], field)
    if len(fields) == 1:
        (value,) = fields.values()
        if isinstance(value, str) and value[:1] == "{" and contract.complaint(value) is None:
            return value  # the column holds the whole answer and not its one field
    return as_text(fields, "the answer")


def typed(value: Any, kind: Any, field: str) -> Any:
    """A cell as the type that the schema gives its field; what is no text stays as it is."""
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        return int(value)  # a column of numbers in which one is missing
    if not isinstance(value, str):
        return value
    try:
        if kind == "boolean":
            return TRUTH[value.strip().lower()]
        if kind in ("integer", "number"):
            number = int(value) if kind == "integer" else float(value)
            if not math.isfinite(number):
                raise ValueError(value)
            return number
    except (KeyError, ValueError, OverflowError):
        raise Unreadable(f"{field} is {shown(value)}, not {kind}") from None
    return value
