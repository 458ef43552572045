"""Divide the records into train, validation and test.

Reads   records     validated records
        approved    synthetic records that a person approved
        test_set    ids of the frozen test set
        prompts     folder of prompts; their few-shot examples must be on the train side
Writes  out/{train,validation,test,new}.jsonl   pipeline.data.records.Record
        out/few_shot/<prompt>.jsonl             the records that a prompt shows
        report      sizes, what leaked, and what of the test set is gone
The test set is a frozen list; a later row takes its side by hash of its group, so no record ever changes side
(pipeline.data.sides). A record of the train side that asks what the test set asks leaves train.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from pipeline.data.prompts import few_shot_records, load_prompt
from pipeline.data.records import Record, read_records, write_records
from pipeline.data.sides import Side, SplitParams, TestSet, sides
from pipeline.stage import Fault, run, write_report

LEARNT: tuple[Side, ...] = ("train", "validation")
HELD_OUT: tuple[Side, ...] = ("test", "new")


@dataclass(frozen=True)
class Split:
    """Records by side, and those that left train or validation because the test set asks the same."""

    by_side: dict[Side, list[Record]]
    leaked: list[Record]


def split(records: Iterable[Record], test_set: TestSet, params: SplitParams) -> Split:
    """Each record on its side; a leak leaves train, never test."""
    records = list(records)
    side = sides(records, test_set, params)
    by_side: dict[Side, list[Record]] = {
        name: [record for record in records if side[record.id] == name] for name in (*LEARNT, *HELD_OUT)
    }
    held_out = {question(record) for name in HELD_OUT for record in by_side[name]}
    leaked = [record for name in LEARNT for record in by_side[name] if question(record) in held_out]
    gone = {record.id for record in leaked}
    kept = {name: [record for record in members if record.id not in gone] for name, members in by_side.items()}
    return Split(kept, leaked)


def question(record: Record) -> str:
    """What a record asks, composed (NFC), without case, blanks and punctuation; where nothing is left then, as it stands."""
    text = unicodedata.normalize("NFC", "\n".join(turn["content"] for turn in record.asked)).casefold()
    return regex.sub(r"[^\p{L}\p{M}\p{N}]+", " ", text).strip() or text.strip()


def main(
    params: SplitParams, records: Path, approved: Path, test_set: Path, prompts: Path, out: Path, report: Path
) -> None:
    frozen = TestSet.load(test_set)
    valid = read_records(records)
    known = {record.id for record in valid}
    everything = valid + [record for record in read_records(approved) if record.id not in known]
    result = split(everything, frozen, params)
    for name, members in result.by_side.items():
        if name in ("train", "test") and not members:
            raise Fault(
                records, f"leaves nothing for {name}", "add examples, or mend split.test_share and the test set"
            )
    for path in sorted(prompts.glob("*.yaml")):
        shown = few_shot_records(load_prompt(path), result.by_side["train"], path)
        write_records(out / "few_shot" / f"{path.stem}.jsonl", shown)
    for side, members in result.by_side.items():
        write_records(out / f"{side}.jsonl", members)
    write_report(report, _report(result, frozen, everything))
    print("split: " + ", ".join(f"{len(members)} {name}" for name, members in result.by_side.items()))


def _report(result: Split, frozen: TestSet, everything: list[Record]) -> dict[str, Any]:
    there = {record.id for record in everything}
    return {
        **{name: len(members) for name, members in result.by_side.items()},
        "leaked": {"records": len(result.leaked), "from": sorted(record.source for record in result.leaked)},
        "test_ids_gone": sorted(frozen.ids - there),
    }


if __name__ == "__main__":
    run(main)
