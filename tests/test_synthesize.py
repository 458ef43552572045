"""Synthesize: recorded replies become candidates, and only what people approved goes on."""

import json

import pytest

from pipeline.data.ledgers import Reply
from pipeline.data.records import read_records, write_records
from pipeline.data.sides import SplitParams
from pipeline.data.similarity import overlap, triples
from pipeline.stage import Fault
from pipeline.synthesize import SynthesizeParams, main, synthesize
from tests.examples import SCHEMA, answer, contract, record, turns, write_json, write_lines

SEED = record("where is my red parcel today", answer("red"), group="customer 7", tags=("late",), licence="CC0")
TALK = record("", messages=turns("hello there my friend", "hi", "please paint the old door", answer("green")))
HELD_OUT = record("can i have the lamp in blue please", answer("blue"), source="raw/a.jsonl:3")
SPLIT = SplitParams(salt="s", test_share=0.001, validation_share=0)


def reply(message, colour="red", seed=SEED, **changes):
    """What a teacher wrote, as a line of the ledger."""
    text = json.dumps({"message": message, "answer": {"reply": "noted", "colour": colour}})
    return {"seed": seed.id, "axis": "tone", "model": "teacher-1", "date": "2031-01-02", "reply": text, **changes}


def synthesized(folder, *replies, max_overlap=0.5, records=(SEED, TALK)):
    seeds = {seed.id: seed for seed in (SEED, TALK)}
    placed = [(f"ledger.jsonl:{n}", Reply(**values)) for n, values in enumerate(replies, 1)]
    result = synthesize(placed, list(records), seeds, contract(folder), max_overlap)
    assert len(result.candidates) + result.refused.total() == len(replies)
    return result


def test_a_candidate_inherits_from_its_seed(tmp_path):
    (candidate,) = synthesized(tmp_path, reply("my crimson box never came", "red")).candidates
    assert candidate.messages[0]["content"] == "my crimson box never came"
    assert json.loads(candidate.answer) == {"reply": "noted", "colour": "red"}
    assert (candidate.group, candidate.parents) == ("customer 7", (SEED.id,))
    assert (candidate.origin, candidate.answered_by) == ("synthetic", "model")
    assert (candidate.tags, candidate.licence) == (("late",), "CC0")
    assert candidate.source == "ledger.jsonl:1"
    assert candidate.id != SEED.id


def test_a_reply_to_a_talk_replaces_its_last_two_turns(tmp_path):
    (candidate,) = synthesized(tmp_path, reply("could somebody lacquer this gate", "blue", TALK)).candidates
    assert [turn["content"] for turn in candidate.messages[:-1]] == [
        "hello there my friend",
        "hi",
        "could somebody lacquer this gate",
    ]


def test_an_answer_may_come_as_text(tmp_path):
    text = json.dumps({"message": "a new thing altogether", "answer": answer("blue")})
    (candidate,) = synthesized(tmp_path, reply("", reply=text)).candidates
    assert candidate.answer == answer("blue")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sure! Here is one:", "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"message":' * 100_000, "not JSON"),
        ('{"message": "a", "answer": ' + "1" * 5000 + "}", "not JSON"),
        ('{"message": "a", "answer": NaN}', "not JSON"),
        (r'{"message": "\ud83d", "answer": {"reply": "b", "colour": "red"}}', "not JSON"),
        (r'{"message": "a", "answer": {"reply": "\udc00", "colour": "red"}}', "not JSON"),
        ('```json\n{"message": "a"}\n```', "not JSON"),
        ("[]", "no message or no answer"),
        ("null", "no message or no answer"),
        ('{"message": "a"}', "no message or no answer"),
        ('{"message": " ", "answer": {"reply": "b", "colour": "red"}}', "no message or no answer"),
        ('{"message": ["a"], "answer": {"reply": "b", "colour": "red"}}', "no message or no answer"),
        ('{"message": "a", "answer": {"reply": "b", "colour": "pink"}}', "answer off the schema"),
        ('{"message": "a", "answer": "red"}', "answer off the schema"),
        ('{"message": "a", "answer": null}', "answer off the schema"),
    ],
)
def test_a_reply_of_another_form_is_refused_with_its_reason(tmp_path, text, reason):
    assert synthesized(tmp_path, reply("", reply=text)).refused == {reason: 1}


def test_a_seed_that_is_not_known_is_refused(tmp_path):
    assert synthesized(tmp_path, reply("a new thing altogether", seed=HELD_OUT)).refused.total() == 1


@pytest.mark.parametrize(
    "message",
    [
        "where is my red parcel today",
        "Where is my RED parcel -- today?!",
        "tell me, where is my red parcel today",
        "please paint the old door",
    ],
)
def test_a_copy_of_an_example_is_refused(tmp_path, message):
    assert synthesized(tmp_path, reply(message)).refused == {"copies an example": 1}


@pytest.mark.parametrize(
    "message",
    ["can i have the lamp in blue please", "Can I have the lamp, in BLUE?", "hello, can i have the lamp in blue"],
)
def test_a_copy_of_a_record_that_is_no_seed_is_refused(tmp_path, message):
    """What stands on the test side is not to be written again for the train side."""
    assert len(synthesized(tmp_path, reply(message)).candidates) == 1
    found = synthesized(tmp_path, reply(message), records=(SEED, TALK, HELD_OUT))
    assert (found.candidates, found.refused) == ([], {"copies an example": 1})


def test_a_copy_of_another_candidate_is_refused_and_the_first_stays(tmp_path):
    first, second = reply("my crimson box never came"), reply("My crimson box never came.", "blue", TALK)
    result = synthesized(tmp_path, first, second)
    assert [json.loads(row.answer)["colour"] for row in result.candidates] == ["red"]
    assert result.refused == {"copies an example": 1}


def test_overlap_on_the_bound_passes_and_past_it_is_refused(tmp_path):
    half = reply("where is my hat")
    assert overlap(triples("where is my hat"), triples(SEED.messages[0]["content"])) == 0.5
    assert len(synthesized(tmp_path, half, max_overlap=0.5).candidates) == 1
    assert synthesized(tmp_path, half, max_overlap=0.49).refused == {"copies an example": 1}


def test_overlap_counts_words_of_any_script():
    assert overlap(triples("मेरा ऑर्डर कहाँ है"), triples("मेरा ऑर्डर कहाँ, है?")) == 1
    assert overlap(triples("ok"), triples("fine")) == 0
    assert overlap(triples("OK!"), triples("ok")) == 1
    assert overlap(triples(""), triples("a b c")) == 0


CANDIDATES = {
    name: f"{name} is one quite different message" for name in ("approved", "rejected", "torn", "again", "new")
}


def run_main(folder, replies, out="out"):
    write_records(folder / "records.jsonl", [SEED, TALK, HELD_OUT])
    write_lines(folder / "teacher/2031-01-02.jsonl", *replies)
    (folder / "reviews").mkdir(exist_ok=True)
    (folder / "test_set.txt").write_text(f"# frozen\n{HELD_OUT.id}\n")
    main(
        SynthesizeParams(max_overlap=0.8),
        SPLIT,
        folder / "records.jsonl",
        folder / "teacher",
        folder / "reviews",
        folder / "test_set.txt",
        write_json(folder / "schema.json", SCHEMA),
        folder / out,
        folder / f"{out}.json",
    )
    return json.loads((folder / f"{out}.json").read_text())


def review(identity, decision, reviewer="asha", **changes):
    values = {"record": identity, "decision": decision, "reviewer": reviewer, "date": "2031-01-03", "reason": ""}
    return {**values, **changes}


def ids_of(folder, name="out/candidates.jsonl"):
    """Id of each candidate by the first word of its message."""
    return {row.messages[-2]["content"].split()[0]: row.id for row in read_records(folder / name)}


def test_only_what_every_reviewer_approved_at_last_goes_on(tmp_path):
    replies = [reply(message) for message in CANDIDATES.values()]
    assert run_main(tmp_path, replies)["approved"] == 0
    ids = ids_of(tmp_path)
    assert set(ids) == set(CANDIDATES)
    first = [review(ids[name], "approve") for name in ("approved", "torn", "again")]
    second = [review(ids["torn"], "reject", "ravi"), review(ids["approved"], "approve", "ravi")]
    write_lines(tmp_path / "reviews/1.jsonl", *first, *second, review(ids["rejected"], "reject"))
    write_lines(tmp_path / "reviews/2.jsonl", review(ids["again"], "reject", reason="on second thought"))
    report = run_main(tmp_path, replies)
    assert set(ids_of(tmp_path, "out/approved.jsonl")) == {"approved"}
    assert report["disputed_ids"] == [ids["torn"]]
    assert (report["replies"], report["candidates"], report["refused"]) == (5, 5, {})
    assert [report[key] for key in ("approved", "rejected", "disputed", "waiting")] == [1, 2, 1, 1]
    assert report["teachers"] == {"teacher-1": 5}
    write_lines(tmp_path / "reviews/3.jsonl", review(ids["torn"], "approve", "ravi", date="2031-01-04"))
    report = run_main(tmp_path, replies)
    assert report["disputed_ids"] == []
    assert [report[key] for key in ("approved", "rejected", "disputed", "waiting")] == [2, 2, 0, 1]
    assert set(ids_of(tmp_path, "out/approved.jsonl")) == {"approved", "torn"}


def test_no_candidate_comes_from_the_test_side(tmp_path):
    report = run_main(tmp_path, [reply("my crimson box never came"), reply("wholly new words here", seed=HELD_OUT)])
    assert report["refused"] == {"its seed is not on the train side": 1}
    assert [row.parents for row in read_records(tmp_path / "out/candidates.jsonl")] == [(SEED.id,)]


def test_a_copy_of_the_test_side_is_no_candidate(tmp_path):
    report = run_main(tmp_path, [reply("Can i have the lamp in blue, please?"), reply("wholly new words here")])
    assert (report["replies"], report["candidates"], report["refused"]) == (2, 1, {"copies an example": 1})


def test_a_line_that_two_branches_brought_counts_once_and_bytes_stay(tmp_path):
    replies = [reply(message) for message in CANDIDATES.values()]
    report = run_main(tmp_path, replies, "one")
    assert run_main(tmp_path, [*replies, replies[0]], "two") == report
    for name in ("candidates.jsonl", "approved.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_wrong_line_of_a_ledger_is_a_fault_with_its_line(tmp_path):
    with pytest.raises(Fault, match=r"2031-01-02\.jsonl:2\b.*is not a known key"):
        run_main(tmp_path, [reply("a"), reply("b", mood=1)])
    write_lines(tmp_path / "reviews/1.jsonl", review(SEED.id, "maybe"))
    with pytest.raises(Fault, match=r"1\.jsonl:1\b.*decision"):
        run_main(tmp_path, [reply("a")])
