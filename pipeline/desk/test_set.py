"""Draw the test set, once: where `task/test_set.txt` names no record yet."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.records import Record, read_records
from pipeline.data.sides import KEPT, SplitParams, TestSet, draw_test_set
from pipeline.desk.inputs import SCHEMA, TEST_SET
from pipeline.stage import Fault, load_params

VALIDATED = Path("data/validated/records.jsonl")
HEAD = """# The frozen test set: the id of a record a line. Drawn once, changed only in a pull request of its own.
# A line train-group names a group that was there at the draw and stays on the train side whatever its hash says.
"""


def draw_if_missing(repro: Callable[[str], None]) -> None:
    """Validate the records and draw the test set, unless there is one. Raises Fault where nothing can be drawn."""
    if TEST_SET.exists() and TestSet.load(TEST_SET).ids:
        return
    repro("validate")
    contract, records = Contract.load(SCHEMA), read_records(VALIDATED)
    drawn = draw(records, contract, load_params(SplitParams))
    if not drawn.ids:
        raise Fault(
            VALIDATED,
            "has no record that may be tested on",
            "add examples that a person wrote, or raise split.test_share",
        )
    TEST_SET.write_text(_text(drawn, records), encoding="utf-8")
    print(f"test set: drew {len(drawn.ids)} of {len(records)} records into {TEST_SET}; commit it, it is frozen now")


def draw(records: Iterable[Record], contract: Contract, params: SplitParams) -> TestSet:
    """A stratified draw: the strata are the values of the answer's first closed list."""
    return draw_test_set(records, lambda record: contract.label(record.answer) or "", params)


def _text(drawn: TestSet, records: list[Record]) -> str:
    ids = [record.id for record in records if record.id in drawn.ids]
    return HEAD + "\n".join([*sorted(ids), *(KEPT + group for group in sorted(drawn.kept_groups))]) + "\n"
