"""Synthesize: recorded replies become candidates, and only what people approved goes on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.ledgers import Reply
from pipeline.data.likeness.similarity import Copies, overlap, triples
from pipeline.data.likeness.template import NO_TEMPLATE
from pipeline.data.records import read_records, record_id, write_records
from pipeline.data.reviews import ReviewParams
from pipeline.data.splitting.sides import SplitParams
from pipeline.data.synthetic.candidates import PersonalDataPolicy, ValidateLimits
from pipeline.stage import Fault, checked, load_params
from pipeline.synthesize import SynthesizeParams, main, synthesize
from tests.examples import SCHEMA, answer, contract, record, turns, write_json, write_lines
from tests.service import service

SEED = record("where is my red parcel today", answer("red"), group="customer 7", tags=("late",), licence="CC0")
TALK = record("", messages=turns("hello there my friend", "hi", "please paint the old door", answer("green")))
HELD_OUT = record("can i have the lamp in blue please", answer("blue"), source="raw/a.jsonl:3")
SPLIT = SplitParams(salt="s", test_share=0.001, validation_share=0)
POLICY = PersonalDataPolicy(personal_data={"email": "redact"})
LIMITS = ValidateLimits(max_question_chars=200, max_answer_chars=100)
COLOURS = {SEED.id: "red", TALK.id: "green", HELD_OUT.id: "blue"}


def reply(message="", seed=SEED, colour=None, said=None, **changes):
    """What a teacher wrote, as a line of the ledger; without `colour` in the category of its seed."""
    value = {"message": message, "answer": {"reply": "noted", "colour": colour or COLOURS[seed.id]}}
    text = json.dumps(value) if said is None else said
    values = {"axis": "tone", "model": "teacher-1", "date": "2031-01-02", "reply": text, "seed": seed.id}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25}
    values |= usage | changes
    return {"request": f"{values['seed']} {values['axis']} {text}", **values}


def synthesized(
    folder,
    *replies,
    max_overlap=0.5,
    records=(SEED, TALK, HELD_OUT),
    limits=LIMITS,
    schema=SCHEMA,
    policy=POLICY,
    template=NO_TEMPLATE,
):
    placed = [(f"ledger.jsonl:{n}", Reply(**values)) for n, values in enumerate(replies, 1)]
    result = synthesize(
        placed,
        lambda: iter(records),
        lambda seed: seed is not HELD_OUT,
        contract(folder, schema),
        limits,
        max_overlap,
        template,
        policy.allowed,
    )
    assert len(result.candidates) + len(result.refused) == len(replies)
    assert set(result.axes) == set(result.candidates)
    return result


def candidates(*arguments, **changes):
    return list(synthesized(*arguments, **changes).candidates.values())


def reasons(*arguments, **changes):
    return [reason for _, reason in synthesized(*arguments, **changes).refused]


def test_a_candidate_inherits_from_its_seed(tmp_path):
    (candidate,) = candidates(tmp_path, reply("my crimson box never came"))
    assert candidate.messages[0]["content"] == "my crimson box never came"
    assert json.loads(candidate.answer) == {"reply": "noted", "colour": "red"}
    assert (candidate.group, candidate.parents) == ("customer 7", (SEED.id,))
    assert (candidate.origin, candidate.answered_by) == ("synthetic", "model")
    assert candidate.licence == "CC0"
    assert candidate.tags == ()  # what a seed was tagged with need not hold for what was made of it
    assert candidate.source == "ledger.jsonl:1"
    assert candidate.id != SEED.id


def test_a_reply_to_a_talk_replaces_its_last_two_turns(tmp_path):
    (candidate,) = candidates(tmp_path, reply("could somebody lacquer this gate", TALK))
    assert [turn["content"] for turn in candidate.asked] == [
        "hello there my friend",
        "hi",
        "could somebody lacquer this gate",
    ]
    assert [turn["role"] for turn in candidate.messages] == ["user", "assistant"] * 2


def test_the_tools_of_a_seed_stay_with_the_candidate(tmp_path):
    seed = record("find me a red lamp", answer("red"), tools=({"type": "function", "function": {"name": "find"}},))
    (candidate,) = candidates(tmp_path, reply("a new thing altogether", SEED) | {"seed": seed.id}, records=[seed])
    assert candidate.tools == seed.tools
    assert candidate.id == record_id(candidate.messages, (), seed.tools)


def test_an_answer_may_come_as_text(tmp_path):
    text = json.dumps({"message": "a new thing altogether", "answer": answer("red")})
    (candidate,) = candidates(tmp_path, reply(said=text))
    assert candidate.answer == answer("red")


def test_a_task_of_plain_text_takes_plain_text(tmp_path):
    text = {"type": "string", "minLength": 3}
    (candidate,) = candidates(tmp_path, reply(said='{"message": "a thing", "answer": "very well"}'), schema=text)
    assert candidate.answer == "very well"
    for said in ('{"message": "a thing", "answer": "no"}', '{"message": "a thing", "answer": {"a": 1}}'):
        assert reasons(tmp_path, reply(said=said), schema=text) == ["answer off the schema"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sure! Here is one:", "not JSON"),
        ("", "not JSON"),
        ('{"message": "cut off in the mid', "not JSON"),
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
        ('{"message": "a", "answer": " "}', "no message or no answer"),
        ('{"message": " ", "answer": {"reply": "b", "colour": "red"}}', "no message or no answer"),
        ('{"message": ["a"], "answer": {"reply": "b", "colour": "red"}}', "no message or no answer"),
        ('{"message": "a", "answer": {"reply": "b", "colour": "pink"}}', "answer off the schema"),
        ('{"message": "a", "answer": "red"}', "answer off the schema"),
        ('{"message": "a", "answer": null}', "answer off the schema"),
        ('{"message": "a", "answer": {"reply": "b", "colour": "blue"}}', "another category than its seed"),
        ('{"message": "mail ravi.kumar@zeta.in", "answer": {"reply": "b", "colour": "red"}}', "personal data (email)"),
        ('{"message": "a", "answer": {"reply": "ravi.kumar@zeta.in", "colour": "red"}}', "personal data (email)"),
    ],
)
def test_a_reply_that_is_no_example_is_refused_with_its_reason(tmp_path, text, reason):
    assert reasons(tmp_path, reply(said=text)) == [reason]


@pytest.mark.parametrize(("rule", "is_refused"), [("redact", True), ("reject", True), ("allow", False)])
def test_personal_data_that_may_stay_in_examples_may_stay_in_candidates(tmp_path, rule, is_refused):
    policy = PersonalDataPolicy(personal_data={"email": rule})
    assert (
        reasons(tmp_path, reply("write to ravi.kumar@zeta.in"), policy=policy) == ["personal data (email)"] * is_refused
    )


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(json.dumps)
    | st.tuples(st.text(), st.sampled_from(["red", "blue"])).map(lambda pair: reply(pair[0], colour=pair[1])["reply"])
)
def test_whatever_a_teacher_writes_is_a_candidate_or_refused(tmp_path_factory, text):
    result = synthesized(tmp_path_factory.getbasetemp(), reply(said=text))
    assert len(result.candidates) + len(result.refused) == 1
    assert not [reason for _, reason in result.refused if len(reason) > 60]


def test_a_task_without_categories_asks_for_none(tmp_path):
    schema = {"type": "object", "properties": {"reply": {"type": "string"}, "colour": {"type": "string"}}}
    assert candidates(tmp_path, reply("a new thing altogether", colour="mauve"), schema=schema)


@pytest.mark.parametrize(("seed", "before"), [(SEED, 0), (TALK, len("hello there my friend\nhi\n"))])
def test_lengths_on_the_bound_pass_and_past_it_are_refused(tmp_path, seed, before):
    message = "an entirely new thing"
    size, answered = len(message) + before, len(json.dumps(json.loads(reply(seed=seed)["reply"])["answer"]))

    def limits(question, answer):
        return ValidateLimits(max_question_chars=question, max_answer_chars=answer)

    assert candidates(tmp_path, reply(message, seed), limits=limits(size, answered))
    assert reasons(tmp_path, reply(message, seed), limits=limits(size - 1, answered)) == ["message too long"]
    assert reasons(tmp_path, reply(message, seed), limits=limits(size, answered - 1)) == ["answer too long"]


@pytest.mark.parametrize("seed", [HELD_OUT.id, "0123456789abcdef"])
def test_a_seed_that_is_not_on_the_train_side_is_refused(tmp_path, seed):
    said = reasons(tmp_path, {**reply("a new thing altogether"), "seed": seed})
    assert said == ["its seed is not on the train side"]


def test_a_seed_that_was_made_up_itself_is_refused(tmp_path):
    seed = record("where is my red parcel today", answer("red"), origin="synthetic")
    assert reasons(tmp_path, reply("a new thing altogether"), records=[seed]) == ["its seed cannot be varied"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("where is my red parcel today", "copies its seed"),
        ("Where is my RED parcel -- today?!", "copies its seed"),
        ("tell me, where is my red parcel today", "copies its seed"),
        ("please paint the old door", "copies another example"),
        ("can i have the lamp in blue please", "copies another example"),
        ("Can I have the lamp, in BLUE?", "copies another example"),
        ("where is my red parcel today and can i have the lamp in blue", "copies its seed"),
    ],
)
def test_a_copy_of_an_example_is_refused_whatever_its_side(tmp_path, message, reason):
    for records in ([SEED, TALK, HELD_OUT], [HELD_OUT, TALK, SEED]):
        assert reasons(tmp_path, reply(message), records=records) == [reason]


def test_a_copy_of_another_candidate_is_refused_and_the_first_stays(tmp_path):
    first, second = reply("my crimson box never came"), reply("My crimson box never came.", TALK)
    result = synthesized(tmp_path, first, second)
    assert [row.parents for row in result.candidates.values()] == [(SEED.id,)]
    assert result.refused == [("tone", "copies an earlier reply")]


def test_a_copy_of_a_refused_reply_is_no_copy(tmp_path):
    refused, good = reply("my crimson box never came", colour="blue"), reply("my crimson box never came")
    result = synthesized(tmp_path, refused, good)
    assert len(result.candidates) == 1
    assert result.refused == [("tone", "another category than its seed")]


def test_overlap_on_the_bound_passes_and_past_it_is_refused(tmp_path):
    half = reply("where is my hat")
    assert overlap(triples("where is my hat"), triples(SEED.messages[0]["content"])) == 0.5
    assert len(candidates(tmp_path, half, max_overlap=0.5)) == 1
    assert reasons(tmp_path, half, max_overlap=0.49) == ["copies its seed"]
    one, other = reply("the first of two new ones"), reply("the first of many other things")
    assert overlap(triples("the first of two new ones"), triples("the first of many other things")) == 0.25
    assert len(candidates(tmp_path, one, other, max_overlap=0.25)) == 2
    assert reasons(tmp_path, one, other, max_overlap=0.24) == ["copies an earlier reply"]


def test_overlap_counts_words_of_any_script():
    assert overlap(triples("मेरा ऑर्डर कहाँ है"), triples("मेरा ऑर्डर कहाँ, है?")) == 1
    assert overlap(triples("我的包裹在哪里"), triples("我的包裹在哪里？")) == 1
    assert overlap(triples("ok"), triples("fine")) == 0
    assert overlap(triples("OK!"), triples("ok")) == 1
    assert overlap(triples(""), triples("a b c")) == 0


SHORT = st.lists(st.sampled_from("abc"), max_size=8).map(" ".join)


@given(st.lists(SHORT, max_size=6), SHORT, st.sampled_from([0.0, 0.3, 0.5, 0.99]))
def test_the_index_finds_what_comparing_each_with_each_finds(texts, text, bound):
    each = [n for n, other in enumerate(texts) if overlap(triples(other), triples(text)) > bound]
    assert Copies(texts, bound).of(text) == each


def test_the_records_are_read_once(tmp_path):
    passes = []

    def stream():
        passes.append(1)
        yield from (SEED, TALK)

    placed = [(str(n), Reply(**reply(f"{n} is one quite new message"))) for n in range(3)]
    synthesize(placed, stream, lambda _: True, contract(tmp_path), LIMITS, 0.5, NO_TEMPLATE)
    assert passes == [1]


CANDIDATES = {
    name: f"{name} is one quite different message" for name in ("approved", "rejected", "torn", "again", "new")
}


def params(**changes):
    values = {"replies": 0, "max_overlap": 0.8, "axes": {"tone": "Say it angrily."}, "teacher": service().model_dump()}
    return SynthesizeParams.model_validate({**values, **changes})


def run_main(folder, entries, out="out", origins=("synthetic",), **changes):
    write_records(folder / "records.jsonl", [SEED, TALK, HELD_OUT])
    NO_TEMPLATE.save(folder / "template.json")
    write_lines(folder / "teacher/2031-01-02.jsonl", *entries)
    (folder / "reviews").mkdir(exist_ok=True)
    (folder / "test_set.txt").write_text(f"# frozen\n{HELD_OUT.id}\n")
    main(
        params(**changes),
        SPLIT,
        ReviewParams(origins=list(origins)),
        LIMITS,
        POLICY,
        folder / "records.jsonl",
        folder / "template.json",
        folder / "teacher",
        folder / "reviews",
        folder / "test_set.txt",
        write_json(folder / "schema.json", SCHEMA),
        folder / out,
        folder / f"{out}.json",
    )
    report = json.loads((folder / f"{out}.json").read_text())
    decided = ("approved", "rejected", "disputed", "waiting")
    assert report["replies"] == report["candidates"] + sum(report["refused"].values())
    assert report["candidates"] == sum(report[key] for key in decided)
    for key in ("replies", "candidates"):
        assert report[key] == sum(axis[key] for axis in report["axes"].values())
    return report


def review(identity, decision, reviewer="asha", **changes):
    values = {"record": identity, "decision": decision, "reviewer": reviewer, "date": "2031-01-03", "reason": ""}
    return {**values, **changes}


def ids_of(folder, name="out/candidates.jsonl"):
    """Id of each candidate by the first word of its message."""
    return {row.messages[-2]["content"].split()[0]: row.id for row in read_records(folder / name)}


def counts(report):
    return [report[key] for key in ("approved", "edited", "rejected", "disputed", "waiting")]


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
    assert counts(report) == [1, 0, 2, 1, 1]
    write_lines(tmp_path / "reviews/3.jsonl", review(ids["torn"], "approve", "ravi", date="2031-01-04"))
    report = run_main(tmp_path, replies)
    assert report["disputed_ids"] == []
    assert counts(report) == [2, 0, 2, 0, 1]
    assert set(ids_of(tmp_path, "out/approved.jsonl")) == {"approved", "torn"}


def test_an_edit_takes_the_place_of_its_candidate(tmp_path):
    replies = [reply(CANDIDATES["new"])]
    run_main(tmp_path, replies)
    (old,) = ids_of(tmp_path).values()
    better = turns("mended is one quite different message", answer("red", "we look"))
    write_lines(tmp_path / "reviews/1.jsonl", review(old, "edit", messages=better))
    assert counts(run_main(tmp_path, replies)) == [1, 1, 0, 0, 0]
    (made,) = read_records(tmp_path / "out/approved.jsonl")
    assert (made.messages, made.parents, made.group) == (better, (old,), SEED.group)
    assert ids_of(tmp_path) == {"new": old}, "the candidate stays what it was"


def test_an_edit_off_the_schema_is_a_fault(tmp_path):
    replies = [reply(CANDIDATES["new"])]
    run_main(tmp_path, replies)
    (old,) = ids_of(tmp_path).values()
    write_lines(tmp_path / "reviews/1.jsonl", review(old, "edit", messages=turns("a", answer("pink"))))
    with pytest.raises(Fault, match=rf"reviews: the edit of record {old} has an answer off the schema"):
        run_main(tmp_path, replies)


def test_a_team_may_let_candidates_through_without_a_review(tmp_path):
    replies = [reply(message) for message in CANDIDATES.values()]
    assert counts(run_main(tmp_path, replies, origins=["production"])) == [5, 0, 0, 0, 0]
    assert len(read_records(tmp_path / "out/approved.jsonl")) == 5


def test_the_report_counts_by_axis_and_reason(tmp_path):
    replies = [
        reply("my crimson box never came", axis="tone"),
        reply("where is my red parcel today", axis="tone"),
        reply("Can i have the lamp in blue, please?", axis="length"),
        reply("wholly new words here", seed=HELD_OUT, axis="length"),
        reply(said="no", axis="length", model="teacher-2"),
        reply(said="no ", axis="length"),
    ]
    report = run_main(tmp_path, replies)
    seed, unread = "its seed is not on the train side", "not JSON"
    assert report["refused"] == {"copies its seed": 1, "copies another example": 1, seed: 1, unread: 2}
    assert report["axes"] == {
        "tone": {"replies": 2, "candidates": 1, "refused": {"copies its seed": 1}},
        "length": {"replies": 4, "candidates": 0, "refused": {"copies another example": 1, seed: 1, unread: 2}},
    }
    assert report["teachers"] == {"teacher-1": 5, "teacher-2": 1}
    assert report["cost"] == 1.5
    assert [row.parents for row in read_records(tmp_path / "out/candidates.jsonl")] == [(SEED.id,)]


def test_what_two_branches_brought_counts_once_and_bytes_stay(tmp_path):
    replies = [reply(message) for message in CANDIDATES.values()]
    report = run_main(tmp_path, replies, "one")
    paid_again = {**reply("another reply to the same request"), "request": replies[1]["request"]}
    assert run_main(tmp_path, [*replies, replies[0], paid_again], "two") == report
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    for name in ("candidates.jsonl", "approved.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_as_many_replies_as_wanted_are_enough_and_one_less_is_a_fault(tmp_path):
    replies = [reply("my crimson box never came"), reply(said="no")]
    assert run_main(tmp_path, replies, replies=2)["replies"] == 2
    assert run_main(tmp_path, replies, replies=1)["replies"] == 2
    said = (
        r"teacher: holds 2 of the 3 replies .* run make ask MAX_COST=0\.\d+ \(1 request, at most \$0\.\d+\), or lower"
    )
    with pytest.raises(Fault, match=said):
        run_main(tmp_path, replies, replies=3)
    with pytest.raises(Fault, match=r"holds 2 of the 300 replies .* give only 1 more"):
        run_main(tmp_path, replies, replies=300)


def test_a_project_without_a_teacher_has_nothing_to_replay(tmp_path):
    report = run_main(tmp_path, [], axes={}, replies=0)
    assert (report["replies"], report["candidates"]) == (0, 0)


def test_a_wrong_line_of_a_ledger_is_a_fault_with_its_line(tmp_path):
    with pytest.raises(Fault, match=r"2031-01-02\.jsonl:2\b.*is not a known key"):
        run_main(tmp_path, [reply("a"), reply("b", mood=1)])
    with pytest.raises(Fault, match=r"2031-01-02\.jsonl:2: is not JSON.*; mend the line or drop it"):
        run_main(tmp_path, [reply("a"), '{"axis": "to'])
    write_lines(tmp_path / "reviews/1.jsonl", review(SEED.id, "maybe"))
    with pytest.raises(Fault, match=r"1\.jsonl:1\b.*decision"):
        run_main(tmp_path, [reply("a")])


@pytest.mark.parametrize(
    "changes",
    [
        {"replies": -1},
        {"max_overlap": 1.0},
        {"axes": {"tone": " "}},
        {"axes": {"": "x"}},
        {"axes": {"a b": "x"}},
        {"teacher": {**service().model_dump(), "max_tokens": 0}},
        {"teacher": {**service().model_dump(), "price_in": -1.0}},
        {"teacher": {**service().model_dump(), "mood": 1}},
    ],
)
def test_a_wrong_parameter_is_a_fault(changes):
    with pytest.raises(Fault, match="params"):
        checked(SynthesizeParams, {**params().model_dump(), **changes}, "params")


def test_only_the_lengths_are_read_of_the_section_validate(tmp_path):
    values = {"max_question_chars": 5, "max_answer_chars": 6, "min_examples": 7}
    assert load_params(ValidateLimits, write_json(tmp_path / "p.yaml", {"validate": values})).max_answer_chars == 6
    with pytest.raises(Fault, match=r"validate\.max_answer_chars"):
        load_params(ValidateLimits, write_json(tmp_path / "p.yaml", {"validate": {"max_question_chars": 5}}))
