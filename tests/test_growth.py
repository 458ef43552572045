"""Growing data: through ingest and split, a tenth more rows moves no earlier record and takes none away."""

import random

import pytest

from pipeline.data.answers import Contract
from pipeline.data.likeness.spool import Spool
from pipeline.data.likeness.staying import rank_of
from pipeline.data.reading.readers import read_source
from pipeline.data.records import read_records, stream_records, write_lines, write_records
from pipeline.data.reviews import Decisions
from pipeline.data.splitting.sides import SplitParams, draw_test_set
from pipeline.data.splitting.test_set import TestSet
from pipeline.ingest import IngestParams, ingest
from pipeline.split import LengthParams, NearParams, main
from tests.examples import answer, contract, source, turns, write_json
from tests.examples import write_lines as write_rows
from tests.test_ingest import POLICY

WORDS = [f"word{n}" for n in range(400)]
PARAMS = SplitParams(salt="s", test_share=0.2, validation_share=0.2)
SIDES = ("train", "validation", "test", "new")


def text(rng):
    return rng.choices(WORDS, k=rng.randint(12, 30))


def row(words, colour, group):
    return {"messages": turns(" ".join(words), answer(colour)), **({"group": group} if group else {})}


def earlier_rows(rng):
    """Rows of which some are near others, some contradict others, and some belong to a customer."""
    rows, said = [], []
    for number in range(300):
        words = text(rng)
        if said and rng.random() < 0.2:
            words = list(rng.choice(said))
            words[rng.randrange(len(words))] = f"changed{number}"
        said.append(words)
        rows.append(
            row(words, rng.choice(("red", "green", "blue")), f"customer {rng.randrange(60)}" if number % 3 else "")
        )
    return rows, said


def later_rows(rng, said):
    """A tenth more: copies, rows between two others, new members of old groups, and news."""
    rows = []
    for number in range(30):
        one, other = rng.sample(said, 2)
        between = [*one[: len(one) // 2], *other[len(other) // 2 :]]
        near = [*one[:-1], f"late{number}"]
        words = (one, between, near, text(rng))[number % 4]
        rows.append(
            row(words, rng.choice(("red", "green", "blue")), f"customer {rng.randrange(70)}" if number % 2 else "")
        )
    return rows


def placed(folder, rows, frozen, name):
    """The side of each record by id, as `ingest` and `split` place the rows; with the records."""
    place = folder / name
    write_rows(place / "rows.jsonl", *rows)
    ours: Contract = contract(folder)
    params = IngestParams(max_rejects=0, near_duplicates="drop", similarity=0.65, personal_data=POLICY)
    with Spool(place / "spool") as spool:
        rank = rank_of(frozen.ids, Decisions([], []))
        intake, near, gone = ingest(read_source(place / "rows.jsonl", source(), ours), params, ours, rank, spool)
        write_lines(place / "records.jsonl", spool.lines(without=gone))
        pairs = [
            {"first": spool.record(pair.first).id, "second": spool.record(pair.second).id, "answers": relation}
            for pair, relation in near.pairs
            if not {pair.first, pair.second} & gone
        ]
    assert intake.counts[str(place / "rows.jsonl")]["rows"] == len(rows)
    if not frozen.ids:
        return {}, read_records(place / "records.jsonl")
    write_rows(place / "near.jsonl", *pairs)
    near.template.save(place / "template.json")
    write_records(place / "approved.jsonl", [])
    (place / "test_set.txt").write_text(
        "\n".join(
            [
                *frozen.ids,
                *(f"train-group {group}" for group in frozen.kept_groups),
                *(f"test-group {group}" for group in frozen.held_groups),
            ]
        )
    )
    write_json(place / "prompts/plain.yaml", {"system": "", "few_shot": []})
    names = ("records.jsonl", "approved.jsonl", "near.jsonl", "template.json", "test_set.txt", "prompts")
    paths = [place / one for one in (*names, "prompts/plain.yaml", "probes", "cases", "base.json", "out", "out.json")]
    main(PARAMS, NearParams(similarity=0.65), LengthParams(max_length=10**6), *paths)
    sides = {record.id: side for side in SIDES for record in stream_records(place / f"out/{side}.jsonl")}
    return sides, read_records(place / "records.jsonl")


@pytest.mark.parametrize("seed", range(6))
def test_a_tenth_more_rows_moves_no_earlier_record(tmp_path, seed):
    rng = random.Random(seed)
    rows, said = earlier_rows(rng)
    _, records = placed(tmp_path, rows, TestSet(frozenset(), frozenset()), "first")
    frozen = draw_test_set(records, lambda record: record.answer, PARAMS)
    before, _ = placed(tmp_path, rows, frozen, "before")
    after, known = placed(tmp_path, [*rows, *later_rows(rng, said)], frozen, "after")
    assert set(before.values()) == {"train", "validation", "test"}
    assert {key: after.get(key) for key in before} == before
    assert len(known) > len(records)
