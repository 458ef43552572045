"""The frozen test set: drawn where there is none yet, and drawn again only when somebody asks for it.

    python -m pipeline.desk.test_set

A second draw keeps every id that is still there, adds what waits in the slice `new`, and drops ids whose records are gone. What
was learnt before is never taken in, and no record of the train side is moved; the change belongs in a pull request of its own.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.records import Key, Record, read_records, stream_keys, stream_records
from pipeline.data.splitting.sides import SplitParams, draw_test_set, may_test
from pipeline.data.splitting.test_set import HELD, KEPT, TestSet
from pipeline.desk.inputs import SCHEMA, TEST_SET
from pipeline.stage import Fault, load_params

VALIDATED, NEW = Path("data/validated/records.jsonl"), Path("data/split/new.jsonl")
HEAD = """# The frozen test set: the id of a record a line. Drawn once, changed only in a pull request of its own.
# A line train-group names a group that was there at the draw and stays on the train side whatever its hash says,
# a line test-group one that stays held out, though its records be edited.
"""


def draw_if_missing(repro: Callable[[str], None]) -> None:
    """Validate the records and draw the test set, unless there is one. Raises Fault where nothing can be drawn."""
    if TEST_SET.exists() and TestSet.load(TEST_SET).ids:
        return
    if not TEST_SET.exists():
        TEST_SET.write_text(HEAD, encoding="utf-8")  # the stage `ingest` reads it
    repro("validate")
    contract, records = Contract.load(SCHEMA), read_records(VALIDATED)
    drawn = draw(records, contract, load_params(SplitParams))
    if not drawn.ids:
        raise _nothing_drawn(sum(may_test(record) for record in records))
    TEST_SET.write_text(_text(drawn, records), encoding="utf-8")
    print(f"test set: drew {len(drawn.ids)} of {len(records)} records into {TEST_SET}; commit it, it is frozen now")


def _nothing_drawn(usable: int) -> Fault:
    """What is wrong where no record was drawn, though so many may be tested on."""
    if not usable:
        return Fault(VALIDATED, "has no record that may be tested on", "add examples that a person wrote and answered")
    fault = f"gives no test set: {usable} records may be tested on, and what asks the same or is of one group stays together"
    remedy = (
        "add other questions, or raise split.test_share; a group with a record that may not be tested on is never drawn"
    )
    return Fault(VALIDATED, fault, remedy)


def draw(records: Iterable[Record], contract: Contract, params: SplitParams) -> TestSet:
    """A stratified draw: the strata are the values of the answer's first closed list."""
    return draw_test_set(records, lambda record: contract.label(record.answer) or "", params)


def extended(test_set: TestSet, there: Iterable[Key], waiting: Iterable[Record]) -> TestSet:
    """The test set with the waiting records that may be tested on, and without the ids that are no longer there.

    A group whose records wait is held out by its hash, so it stays held out.
    """
    known = {key.id for key in there}
    added = {record.id: record.group for record in waiting if may_test(record)}
    gone = test_set.ids - known  # they may come back, or be there in other words
    held = test_set.held_groups | gone | {group for name, group in added.items() if group != name}
    return TestSet((test_set.ids & known) | added.keys(), test_set.kept_groups, held)


def _text(drawn: TestSet, records: Iterable[Record | Key]) -> str:
    ids = [record.id for record in records if record.id in drawn.ids]
    groups = [
        prefix + group
        for prefix, named in ((KEPT, drawn.kept_groups), (HELD, drawn.held_groups))
        for group in sorted(named)
    ]
    return HEAD + "\n".join([*sorted(ids), *groups]) + "\n"


def _draw_again() -> str:
    before = TestSet.load(TEST_SET)
    if not before.ids:
        raise Fault(TEST_SET, "names no record yet", "run make run, which draws the test set")
    for place in (VALIDATED, NEW):
        if not place.exists():
            raise Fault(place, "no such file", "run make run first")
    keys = [key for key, _ in stream_keys(VALIDATED)]
    after = extended(before, keys, stream_records(NEW))
    if after == before:
        return "nothing waits in the slice new and nothing is gone; the test set stays as it is"
    TEST_SET.write_text(_text(after, keys), encoding="utf-8")
    added, gone = len(after.ids - before.ids), len(before.ids - after.ids)
    return (
        f"{added} records added, {gone} gone, {len(after.ids)} now; run make run, and commit {TEST_SET} with the reports in a "
        "pull request of its own: numbers on two test sets cannot be compared"
    )


def main() -> None:
    try:
        print(f"test-set: {_draw_again()}")
    except Fault as fault:
        sys.exit(f"test-set: {fault}")


if __name__ == "__main__":
    main()
