"""Divide the records into train, validation and test, and take out of train what the test set knows.

Reads   records     validated records
        approved    synthetic records that a person approved
        near        pairs of records that ask nearly the same (pipeline.ingest)
        template    what many questions share (pipeline.data.likeness.template)
        test_set    ids of the frozen test set
        prompts     folder of prompts; their few-shot examples must be on the train side
        tuned       the prompt that the adapter is trained with
        probes, cases   questions with a check; none of them may be learnt
        base        base.json, for the lengths in its tokens
Writes  out/{train,validation,test,new}.jsonl   pipeline.data.records.Record
        out/few_shot/<prompt>.jsonl             the records that a prompt shows
        out/leaks.jsonl                         pipeline.data.splitting.leaks.Leak
        report      sizes, what leaked, what would be cut, and what of the test set is gone
The test set is a frozen list; a later row takes its side by hash of its group, so no record ever changes side
(pipeline.data.splitting.sides). A record of the train side that says what is held out leaves train.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.data.likeness.template import Template
from pipeline.data.prompts import Prompt, few_shot_records, load_prompt, rendered
from pipeline.data.questions import read_questions
from pipeline.data.records import Record, read_jsonl, stream_keys, write_jsonl, write_records
from pipeline.data.splitting.leak_search import find_leaks
from pipeline.data.splitting.leaks import Leak
from pipeline.data.splitting.sided import SIDES, Sided
from pipeline.data.splitting.sides import Side, SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.model.lengths import Lengths
from pipeline.stage import Fault, Params, run, write_report

USUAL_SHARE = (0.1, 0.2)  # of the records that are held out


class NearParams(Params):
    """What `split` reads of section `ingest`: the share of word pairs from which two questions are nearly the same."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "ingest"
    similarity: Annotated[float, Field(ge=0.5, le=1)]


class LengthParams(Params):
    """What `split` reads of section `train`: how many tokens an example may have."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "train"
    max_length: Annotated[int, Field(ge=8)]


def near_ids(near: Path) -> Iterator[tuple[str, str]]:
    """Ids of records that ask nearly the same, but for those whose answers contradict each other: they teach the difference."""
    for _, pair in read_jsonl(near):
        if pair["answers"] != "other":
            yield pair["first"], pair["second"]


def main(
    params: SplitParams,
    nearness: NearParams,
    length: LengthParams,
    records: Path,
    approved: Path,
    near: Path,
    template: Path,
    test_set: Path,
    prompts: Path,
    tuned: Path,
    probes: Path,
    cases: Path,
    base: Path,
    out: Path,
    report: Path,
) -> None:
    frozen = TestSet.load(test_set)
    everything = Sided(records, approved, frozen, params)
    wordings = {path: load_prompt(path) for path in sorted(prompts.glob("*.yaml"))}
    shown = everything.named({name for wording in wordings.values() for name in wording.few_shot})
    lengths = Lengths(length.max_length, lambda: _tokenizer(base))
    wording = load_prompt(tuned)
    examples = [shown[name][1] for name in wording.few_shot if name in shown]

    def watch(record: Record) -> None:
        lengths.add(record.id, record.source, [*rendered(wording, examples, record.asked), record.messages[-1]])

    questions = {"probes": read_questions(probes), "cases": read_questions(cases)}
    leaks = find_leaks(
        everything.lines,
        everything.unpaired,
        near_ids(near),
        questions,
        nearness.similarity,
        Template.load(template),
        watch,
    )
    gone = {leak.id for leak in leaks}
    lengths.forget(gone)
    for path, prompt in wordings.items():
        write_records(out / "few_shot" / f"{path.stem}.jsonl", _few_shot(path, prompt, shown, gone))
    sizes = everything.write(out, gone)
    write_jsonl(out / "leaks.jsonl", (asdict(leak) for leak in leaks))
    _check_sizes(sizes, leaks, records, out)
    lost = sorted(frozen.ids - {key.id for key, _ in stream_keys(out / "test.jsonl")})
    write_report(report, _report(sizes, leaks, lengths, lost))
    _tell(sizes, leaks, lengths, lost)


def _check_sizes(sizes: Counter[str], leaks: list[Leak], records: Path, out: Path) -> None:
    """Raises Fault where nothing is left to learn from or to test on."""
    leaving = {leak.id for leak in leaks if leak.against != "train"}
    if not sizes["train"] and leaving:
        raise Fault(
            records,
            f"leaves nothing for train: {len(leaving)} records ask what is held out, and left as leaks",
            f"read {out / 'leaks.jsonl'}; where few questions have many answers, take in more questions and empty the test set, "
            "which is then drawn so that what asks the same stays together",
        )
    for name in ("train", "test"):
        if not sizes[name]:
            raise Fault(
                records, f"leaves nothing for {name}", "add examples, or mend split.test_share and the test set"
            )


def _tokenizer(base: Path) -> Any:
    from pipeline.model.base import load_base, load_tokenizer, tokenizer_folder

    return load_tokenizer(tokenizer_folder(load_base(base), base))


def _few_shot(path: Path, prompt: Prompt, shown: dict[str, tuple[Side, Record]], gone: Collection[str]) -> list[Record]:
    """The examples of a prompt. Raises Fault for one that is not learnt from, and says where it is."""
    for name in prompt.few_shot:
        if name in gone:
            raise Fault(
                path, f"few-shot example {name} left train as a leak", "name the id of a record of the train side"
            )
        if name in shown and shown[name][0] != "train":
            fault = f"few-shot example {name} is on the side {shown[name][0]}"
            raise Fault(path, fault, "name the id of a record of the train side")
    return few_shot_records(prompt, (record for _, record in shown.values()), path)


def _report(sizes: Counter[str], leaks: list[Leak], lengths: Lengths, lost: list[str]) -> dict[str, Any]:
    """Sizes of the sides, the leaks by what they were seen by and what they repeat, lengths, and test ids without a record."""
    first = {leak.id: leak for leak in reversed(leaks)}
    return {
        **{name: sizes[name] for name in SIDES},
        "held_out_share": round(_share(sizes), 4),
        "leaked": {
            "records": len(first),
            "how": dict(Counter(leak.how for leak in first.values())),
            "against": dict(Counter(leak.against for leak in leaks)),
            "from": sorted(leak.source for leak in first.values())[:50],
        },
        "tokens": lengths.report(),
        "test_ids_gone": lost,
    }


def _share(sizes: Counter[str]) -> float:
    return (sizes["test"] + sizes["new"]) / max(1, sizes.total())


def _tell(sizes: Counter[str], leaks: list[Leak], lengths: Lengths, lost: list[str]) -> None:
    low, high = USUAL_SHARE
    if not low <= _share(sizes) <= high:
        print(f"split: warning: {_share(sizes):.0%} of the records are held out; {low:.0%} to {high:.0%} is usual")
    if lost:
        print(f"split: warning: {len(lost)} records of the test set are gone from the sources, {lost[0]} first")
    if lengths.too_long:
        place, tokens = next(iter(lengths.too_long.values()))
        print(
            f"split: warning: {len(lengths.too_long)} examples do not fit into train.max_length, "
            f"{place} first with {tokens} tokens"
        )
    told = ", ".join(f"{sizes[name]} {name}" for name in SIDES)
    print(f"split: {told}; {len({leak.id for leak in leaks})} left because of a leak")


if __name__ == "__main__":
    run(main)
