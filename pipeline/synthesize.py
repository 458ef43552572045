"""Turn the teacher's recorded replies into candidate examples, and let through those that a person approved.

Reads   records     validated records; seeds come from the train side only
        template    what many questions share (pipeline.data.likeness.template)
        replies     ledger of the teacher's replies (pipeline.data.ledgers.Reply)
        reviews     ledger of people's decisions (pipeline.data.ledgers.Review)
        test_set    the frozen test set
        schema      the contract of an answer
Writes  out/candidates.jsonl, out/approved.jsonl    pipeline.data.records.Record
        report      replies = candidates + refused, candidates = approved + rejected + disputed + waiting
The stage only replays: it asks nobody, costs nothing, and gives the same bytes without a network. `make ask` fills the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Reply, read_replies, read_reviews
from pipeline.data.likeness.similarity import Copies
from pipeline.data.likeness.template import Template
from pipeline.data.records import Record, stream_keys, stream_records, write_records
from pipeline.data.reviews import Judged, ReviewParams, judged
from pipeline.data.splitting.sides import Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.synthetic.candidates import (
    Demands,
    Draft,
    PersonalDataPolicy,
    Reason,
    ValidateLimits,
    candidate,
    draft_of,
)
from pipeline.data.synthetic.requests import counted, missing, shortage
from pipeline.data.synthetic.seeds import Stream, may_seed
from pipeline.remote.service import Service
from pipeline.stage import Fault, Params, run, write_report

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Instruction = Annotated[str, Field(pattern=r"\S")]
Placed = tuple[str, Reply]


class SynthesizeParams(Params):
    """Section `synthesize`. `replies`: how many the ledger is to hold; `axes`: name and instruction of what the teacher varies.

    `max_overlap`: share of word triples that a candidate may have in common with any example.
    """

    section: ClassVar[str] = "synthesize"
    replies: Annotated[int, Field(ge=0)]
    max_overlap: Annotated[float, Field(ge=0, lt=1)]
    axes: dict[Name, Instruction]
    teacher: Service


@dataclass
class Synthesis:
    """Candidates by id, the axis of each, and axis and reason of each reply that is no candidate."""

    candidates: dict[str, Record] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, Reason]] = field(default_factory=list)


def synthesize(
    replies: Sequence[Placed],
    records: Stream,
    is_train: Callable[[Record], bool],
    contract: Contract,
    limits: ValidateLimits,
    max_overlap: float,
    template: Template,
    allowed: Collection[str] = (),
) -> Synthesis:
    """Candidates out of replies. A reply needs a seed of the train side, the right form, and words of its own.

    Its words are held against those of all `records`, whatever their side, and of the candidates before it. The records are
    read once, as a stream; what all questions share counts for nothing. `allowed` are the kinds of personal data that an example may hold.
    """
    demands = Demands(contract, limits, frozenset(allowed))
    drafts = [draft_of(reply, contract) for _, reply in replies]
    copies = Copies(("" if isinstance(draft, Reason) else draft.message for draft in drafts), max_overlap, template)
    seeds, copied = _look(replies, records(), is_train, copies)
    found, taken = Synthesis(), set[int]()
    for number, ((place, reply), draft) in enumerate(zip(replies, drafts, strict=True)):
        made = _made(place, draft, seeds.get(reply.seed), demands)
        if isinstance(made, Record):
            made = copied.get(number) or made
        if isinstance(made, Record) and isinstance(draft, Draft) and not taken.isdisjoint(copies.of(draft.message)):
            made = "copies an earlier reply"
        if isinstance(made, Reason):
            found.refused.append((reply.axis, made))
        else:
            taken.add(number)
            found.candidates[made.id], found.axes[made.id] = made, reply.axis
    return found


def _look(
    replies: Sequence[Placed], records: Iterable[Record], is_train: Callable[[Record], bool], copies: Copies
) -> tuple[dict[str, Record], dict[int, Reason]]:
    """The seeds by id, and by number why a reply copies what is there; a copy of its own seed is called so first."""
    wanted = {reply.seed for _, reply in replies}
    seeds: dict[str, Record] = {}
    copied: dict[int, Reason] = {}
    for record in records:
        if record.id in wanted and is_train(record):
            seeds[record.id] = record
        for number in copies.of(_message(record)):
            if replies[number][1].seed == record.id:
                copied[number] = "copies its seed"
            else:
                copied.setdefault(number, "copies another example")
    return seeds, copied


def _message(record: Record) -> str:
    """What the user said last."""
    return next((turn["content"] for turn in reversed(record.asked) if turn["role"] == "user"), "")


def _made(place: str, draft: Draft | Reason, seed: Record | None, demands: Demands) -> Record | Reason:
    if seed is None:
        return "its seed is not on the train side"
    if not may_seed(seed):
        return "its seed cannot be varied"
    return draft if isinstance(draft, Reason) else candidate(place, draft, seed, demands)


def main(
    params: SynthesizeParams,
    split: SplitParams,
    review: ReviewParams,
    limits: ValidateLimits,
    policy: PersonalDataPolicy,
    records: Path,
    template: Path,
    replies: Path,
    reviews: Path,
    test_set: Path,
    schema: Path,
    out: Path,
    report: Path,
) -> None:
    contract, entries = Contract.load(schema), counted(read_replies(replies))
    side = Sides((key for key, _ in stream_keys(records)), TestSet.load(test_set), split)
    if len(entries) < params.replies:
        raise _shortage(params, replies, [reply for _, reply in entries], records, side, contract)
    synthesis = synthesize(
        entries,
        lambda: stream_records(records),
        lambda record: side.of(record) == "train",
        contract,
        limits,
        params.max_overlap,
        Template.load(template),
        policy.allowed,
    )
    decided = judged(synthesis.candidates.values(), read_reviews(reviews), review.origins)
    approved = {record.id: record for record in decided.accepted}
    _check_edits(approved, synthesis, contract, reviews)
    write_records(out / "candidates.jsonl", synthesis.candidates.values())
    write_records(out / "approved.jsonl", approved.values())
    write_report(report, _report([reply for _, reply in entries], synthesis, decided))
    print(f"synthesize: {len(entries)} replies, {len(synthesis.candidates)} candidates, {len(approved)} approved")


def _shortage(
    params: SynthesizeParams, place: Path, replies: list[Reply], records: Path, side: Sides, contract: Contract
) -> Fault:
    found = missing(train_side(records, side), params.axes, params.teacher, contract, replies, params.replies)
    return shortage(place, len(replies), params.replies, found, params.teacher)


def train_side(records: Path, side: Sides) -> Stream:
    """The records of the train side, to be read as often as it takes."""
    return lambda: (record for record in stream_records(records) if side.of(record) == "train")


def _check_edits(approved: Mapping[str, Record], synthesis: Synthesis, contract: Contract, place: Path) -> None:
    """What a person made out of a candidate meets the schema too. Raises Fault at the first that does not."""
    for identity, record in approved.items():
        if identity not in synthesis.candidates and contract.complaint(record.answer):
            fault = f"the edit of record {record.parents[0]} has an answer off the schema"
            raise Fault(place, fault, "review it again with make review")


def _report(replies: Sequence[Reply], synthesis: Synthesis, decided: Judged) -> dict[str, Any]:
    """The balance: replies = candidates + refused, candidates = approved + rejected + disputed + waiting; also of each axis."""
    axes: dict[str, dict[str, Any]] = defaultdict(lambda: {"candidates": 0, "refused": Counter(), "replies": 0})
    for reply in replies:
        axes[reply.axis]["replies"] += 1
    for axis in synthesis.axes.values():
        axes[axis]["candidates"] += 1
    for axis, reason in synthesis.refused:
        axes[axis]["refused"][reason] += 1
    return {
        "replies": len(replies),
        "candidates": len(synthesis.candidates),
        "refused": Counter(reason for _, reason in synthesis.refused),
        "approved": len(decided.accepted),
        "edited": sum(record.id not in synthesis.candidates for record in decided.accepted),
        "rejected": len(decided.rejected),
        "disputed": len(decided.disputed),
        "disputed_ids": sorted(record.id for record in decided.disputed),
        "waiting": len(decided.waiting),
        "axes": axes,
        "teachers": Counter(reply.model for reply in replies),
        "cost": round(sum(reply.cost for reply in replies), 6),
    }


if __name__ == "__main__":
    run(main)
