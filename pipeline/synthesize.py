"""Turn the teacher's recorded replies into candidate examples, and let through those that a person approved.

Reads   records     validated records; seeds come from the train side only
        replies     ledger of the teacher's replies (pipeline.data.ledgers.Reply)
        reviews     ledger of people's decisions (pipeline.data.ledgers.Review)
        test_set    the frozen test set
        schema      the contract of an answer
Writes  out/candidates.jsonl, out/approved.jsonl    pipeline.data.records.Record
        report      replies = candidates + refused, by reason
The stage only replays: it asks nobody, costs nothing, and gives the same bytes without a network.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Decisions, Reply, read_decisions, read_replies
from pipeline.data.records import Record, Turn, parse_json, read_records, record_id, write_records
from pipeline.data.sides import SplitParams, TestSet, sides
from pipeline.data.similarity import overlap, triples
from pipeline.stage import Params, run, write_report


class SynthesizeParams(Params):
    """Section `synthesize`. `max_overlap`: share of word triples that a candidate may have in common with any example."""

    section: ClassVar[str] = "synthesize"
    max_overlap: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Synthesis:
    """Candidates, and the reason for which each of the other replies was refused."""

    candidates: list[Record]
    refused: Counter[str]


def synthesize(
    replies: list[tuple[str, Reply]],
    records: list[Record],
    seeds: dict[str, Record],
    contract: Contract,
    max_overlap: float,
) -> Synthesis:
    """Candidates out of replies. A reply needs a seed out of `seeds`, the right form, and words of its own.

    Its words are held against those of all `records`, whatever their side, and of the candidates before it.
    """
    candidates: dict[str, Record] = {}
    said = [triples(record.asked[-1]["content"]) for record in records if record.asked]
    refused: Counter[str] = Counter()
    for place, reply in replies:
        seed = seeds.get(reply.seed)
        if seed is None:
            refused["its seed is not on the train side"] += 1
            continue
        turns, complaint = _turns(reply, seed, contract)
        if complaint:
            refused[complaint] += 1
            continue
        words = triples(turns[-2]["content"])
        if any(overlap(words, other) > max_overlap for other in said):
            refused["copies an example"] += 1
            continue
        said.append(words)
        identity = record_id(turns)
        candidates[identity] = Record(
            id=identity,
            messages=turns,
            origin="synthetic",
            answered_by="model",
            source=place,
            group=seed.group,
            parents=(seed.id,),
            tags=seed.tags,
            licence=seed.licence,
        )
    return Synthesis(list(candidates.values()), refused)


def _turns(reply: Reply, seed: Record, contract: Contract) -> tuple[tuple[Turn, ...], str]:
    """The seed's conversation with the reply's message and answer in place of the last two turns, or a complaint."""
    try:
        value = parse_json(reply.reply)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return (), "not JSON"
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("message"), str)
        or not value["message"].strip()
        or "answer" not in value
    ):
        return (), "no message or no answer"
    answer = value["answer"] if isinstance(value["answer"], str) else json.dumps(value["answer"], ensure_ascii=False)
    if contract.complaint(answer):
        return (), "answer off the schema"
    last: tuple[Turn, Turn] = ({"role": "user", "content": value["message"]}, {"role": "assistant", "content": answer})
    return (*seed.messages[:-2], *last), ""


def main(
    params: SynthesizeParams,
    split: SplitParams,
    records: Path,
    replies: Path,
    reviews: Path,
    test_set: Path,
    schema: Path,
    out: Path,
    report: Path,
) -> None:
    valid = read_records(records)
    side = sides(valid, TestSet.load(test_set), split)
    seeds = {record.id: record for record in valid if side[record.id] == "train"}
    asked = read_replies(replies)
    synthesis = synthesize(asked, valid, seeds, Contract.load(schema), params.max_overlap)
    decisions = read_decisions(reviews)
    let_through = [record for record in synthesis.candidates if record.id in decisions.approved]
    write_records(out / "candidates.jsonl", synthesis.candidates)
    write_records(out / "approved.jsonl", let_through)
    write_report(report, _report(asked, synthesis, decisions))
    print(f"synthesize: {len(asked)} replies, {len(synthesis.candidates)} candidates, {len(let_through)} approved")


def _report(asked: list[tuple[str, Reply]], synthesis: Synthesis, decisions: Decisions) -> dict[str, Any]:
    """The balance: replies = candidates + refused, candidates = approved + rejected + disputed + waiting."""
    candidates = {record.id for record in synthesis.candidates}
    decided = {
        "approved": len(candidates & decisions.approved),
        "rejected": len(candidates & decisions.rejected),
        "disputed": len(candidates & decisions.disputed),
    }
    return {
        "replies": len(asked),
        "candidates": len(candidates),
        **decided,
        "waiting": len(candidates) - sum(decided.values()),
        "disputed_ids": sorted(candidates & decisions.disputed),
        "refused": dict(synthesis.refused),
        "teachers": dict(Counter(reply.model for _, reply in asked)),
    }


if __name__ == "__main__":
    run(main)
