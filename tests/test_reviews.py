"""Reviews: the last word of each reviewer counts, disagreement approves nothing, and an edit is a record of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.data.ledgers import Review
from pipeline.data.records import record_id
from pipeline.data.reviews import Decisions, ReviewParams, complaint_of_turns, edit_of, judged
from pipeline.stage import Fault
from tests.examples import record, turns

ONE = record(
    "the first question", "a", origin="synthetic", answered_by="model", group="g", tags=("t",), parents=("seed",)
)
TWO = edit_of(ONE, [{"role": "user", "content": "the second"}, {"role": "assistant", "content": "b"}])
THREE = edit_of(TWO, [{"role": "user", "content": "the third"}, {"role": "assistant", "content": "c"}])
HUMAN = record("a person's question", "d")
NEED = ("synthetic", "production")
LISTS = ("accepted", "waiting", "rejected", "disputed")


def word(decision, reviewer="asha", about=ONE, **changes):
    values = {"record": about.id, "decision": decision, "reviewer": reviewer, "date": "2031-01-03", "reason": ""}
    return Review(**{**values, **changes})


def edit(new, reviewer="asha", about=ONE, **changes):
    return word("edit", reviewer, about, messages=list(new.messages), **changes)


YES, NO = word("approve"), word("reject")


def placed(*words):
    return [(f"a.jsonl:{number}", review) for number, review in enumerate(words, 1)]


def found(*words, records=(ONE,), origins=NEED):
    """Ids of each list that is not empty."""
    lists = judged(records, placed(*words), origins)
    return {name: [row.id for row in getattr(lists, name)] for name in LISTS if getattr(lists, name)}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "waiting"),
        ([YES], "accepted"),
        ([NO], "rejected"),
        ([YES, NO], "rejected"),
        ([YES, NO, YES], "accepted"),
        ([NO, YES, NO], "rejected"),
        ([YES, YES], "accepted"),
        ([YES, word("approve", "ravi")], "accepted"),
        ([NO, word("reject", "ravi")], "rejected"),
        ([YES, word("reject", "ravi")], "disputed"),
        ([YES, word("reject", " ASHA ")], "rejected"),
        ([word("reject", "ravi"), YES, word("approve", "ravi")], "accepted"),
        ([NO, word("approve", "ravi"), NO], "disputed"),
        ([edit(TWO), word("approve", "ravi")], "disputed"),
        ([edit(TWO), word("reject", "ravi")], "disputed"),
        ([edit(TWO), edit(THREE, "ravi")], "disputed"),
        ([edit(TWO), NO], "rejected"),
        ([edit(TWO), YES], "accepted"),
        ([YES, word("approve", "ravi"), word("reject", "mina")], "disputed"),
        ([word("reject", about=HUMAN)], "waiting"),
    ],
)
def test_the_last_word_of_each_reviewer_counts(words, name):
    assert found(*words) == {name: [ONE.id]}


@pytest.mark.parametrize(
    "words", [[edit(TWO)], [NO, edit(TWO)], [edit(THREE), edit(TWO)], [edit(TWO), edit(TWO, "ravi")]]
)
def test_an_edit_makes_a_new_record_that_its_editor_approved(words):
    (new,) = judged([ONE], placed(*words), NEED).accepted
    assert (new.messages, new.id) == (TWO.messages, record_id(TWO.messages))
    assert (new.parents, new.answered_by) == ((ONE.id,), "corrected")
    assert (new.group, new.origin, new.source, new.tags, new.licence) == (
        "g",
        "synthetic",
        ONE.source,
        ("t",),
        ONE.licence,
    )


def test_what_a_record_is_preferred_to_and_its_tools_stay_and_count_in_the_new_id():
    tools, rejected = ({"name": "look"},), turns("", "worse")[1:]
    old = record("a", "b", origin="synthetic", tools=tools, rejected=rejected)
    new = edit_of(old, list(TWO.messages))
    (kept,) = judged([old], placed(edit(TWO, about=old, becomes=new.id)), NEED).accepted
    assert kept == new
    assert (kept.tools, kept.rejected) == (tools, rejected)
    assert kept.id == record_id(TWO.messages, rejected, tools)
    with pytest.raises(Fault, match=rf"^a\.jsonl:1: becomes: is {record_id(TWO.messages)}.* write {new.id}$"):
        judged([old], placed(edit(TWO, about=old)), NEED)


def test_an_edit_loses_the_approval_of_the_old_record_only():
    other = record("a question of its own", "e", origin="synthetic")
    assert found(edit(TWO), records=(ONE, TWO, other)) == {"accepted": [TWO.id, TWO.id], "waiting": [other.id]}
    assert found(YES, records=(ONE, TWO)) == {"accepted": [ONE.id], "waiting": [TWO.id]}


@pytest.mark.parametrize(
    ("words", "name", "left"),
    [
        ([edit(TWO), word("reject", about=TWO)], "rejected", ONE),
        ([edit(TWO), word("reject", "ravi", TWO)], "rejected", ONE),
        ([word("reject", "ravi", TWO), edit(TWO)], "rejected", ONE),
        ([edit(TWO), word("approve", "ravi", TWO)], "accepted", TWO),
        ([edit(TWO), word("approve", "ravi", TWO), word("reject", "mina", TWO)], "disputed", ONE),
        ([edit(TWO), edit(THREE, "ravi", TWO)], "accepted", THREE),
        ([edit(THREE, "ravi", TWO), edit(TWO)], "accepted", THREE),
        ([edit(TWO), edit(THREE, about=TWO), word("reject", about=THREE)], "rejected", ONE),
        ([edit(TWO), edit(ONE, about=TWO)], "disputed", ONE),
        ([edit(TWO), edit(THREE, about=TWO), edit(ONE, about=THREE)], "disputed", ONE),
        ([edit(TWO), edit(THREE, about=TWO), edit(TWO, about=THREE)], "disputed", ONE),
        ([edit(ONE)], "accepted", ONE),
        ([edit(ONE), word("approve", "ravi")], "accepted", ONE),
        ([edit(TWO), edit(ONE, about=TWO), word("approve", about=TWO)], "accepted", TWO),
    ],
)
def test_edits_are_followed_to_the_last_version(words, name, left):
    assert found(*words) == {name: [left.id]}


def test_each_version_names_the_one_before_it():
    last = Decisions(placed(edit(TWO), edit(THREE, about=TWO)), NEED).edited(ONE)
    assert (last.id, last.parents, last.group) == (THREE.id, (TWO.id,), "g")


@pytest.mark.parametrize("origin", ["human", "synthetic", "production"])
def test_only_the_named_origins_wait(origin):
    row = record("a", "b", origin=origin)
    assert found(records=[row], origins=[origin]) == {"waiting": [row.id]}
    assert found(records=[row], origins=[]) == {"accepted": [row.id]}
    assert found(word("reject", about=row), records=[row], origins=[]) == {"rejected": [row.id]}
    disputed = word("reject", about=row), word("approve", "ravi", about=row)
    assert found(*disputed, records=[row], origins=[]) == {"disputed": [row.id]}


def test_verdicts_need_no_record():
    decisions = Decisions(placed(edit(TWO), word("reject", about=HUMAN)), NEED)
    assert decisions.verdict(ONE.id, "synthetic") == "edited"
    assert decisions.verdict(TWO.id, "synthetic") == "accepted"
    assert decisions.verdict(HUMAN.id, "human") == "rejected"
    assert decisions.verdict("another", "human") == "accepted"
    assert decisions.verdict("another", "production") == "waiting"


def test_who_said_what_is_told_with_what_was_said_of_the_edits():
    words = [
        NO,
        word("approve", "ravi"),
        edit(TWO),
        edit(TWO, "ravi"),
        word("approve", "mina", TWO),
        word("reject", about=HUMAN),
    ]
    assert [(said.reviewer, said.decision) for said in Decisions(placed(*words), NEED).said(ONE.id)] == [
        ("asha", "edit"),
        ("ravi", "edit"),
        ("mina", "approve"),
    ]


ROWS = [record(f"question {n}", "x", origin=("human", "synthetic")[n % 2]) for n in range(4)]
SAID = st.lists(
    st.tuples(st.sampled_from(ROWS), st.sampled_from("ab"), st.sampled_from(["approve", "reject", *ROWS])), max_size=12
)


def spoken(said):
    return placed(
        *(word(what, who, about) if isinstance(what, str) else edit(what, who, about) for about, who, what in said)
    )


@given(SAID, st.sampled_from([(), ("synthetic",), ("human", "synthetic")]))
def test_nothing_is_lost_nothing_comes_twice_and_order_stays(said, origins):
    reviews = spoken(said)
    lists = judged(ROWS, reviews, origins)
    assert sum(len(getattr(lists, name)) for name in LISTS) == len(ROWS)
    decisions = Decisions(reviews, origins)
    for name in ("waiting", "rejected", "disputed"):
        assert getattr(lists, name) == [row for row in ROWS if decisions.verdict(row.id, row.origin) == name]
    left = [row for row in ROWS if decisions.verdict(row.id, row.origin) in ("accepted", "edited")]
    assert lists.accepted == [decisions.edited(row) for row in left]


@given(SAID, st.sampled_from([("synthetic",), ("human", "synthetic")]))
def test_what_was_accepted_is_accepted_again_as_it_is(said, origins):
    """A record that went through once, edited or not, must not wait when a later stage asks."""
    accepted = judged(ROWS, spoken(said), origins).accepted
    assert judged(accepted, spoken(said), origins).accepted == accepted


CALL = {"type": "function", "function": {"name": "look", "arguments": {"x": 1}}}
ASK, SAY = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    "talk",
    [
        [ASK, SAY],
        [{"role": "system", "content": "be kind"}, ASK, SAY, ASK, SAY],
        [
            ASK,
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "content": "1", "name": "look"},
            SAY,
        ],
        [ASK, {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": "1"}]}],
    ],
)
def test_turns_that_make_an_example_pass(talk):
    assert complaint_of_turns(talk) is None


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        ([], "is no list of turns"),
        ({}, "is no list of turns"),
        ([ASK], "does not end with the assistant's turn"),
        ([ASK, SAY, ASK], "does not end with the assistant's turn"),
        ([SAY], "has no user's turn"),
        ([ASK, "b"], "turn 2 has no role"),
        ([ASK, {"content": "b"}], "turn 2 has no role"),
        ([ASK, {**SAY, "role": "bot"}], "turn 2 has no role"),
        ([ASK, {**SAY, "role": ["assistant"]}], "turn 2 has no role"),
        ([ASK, {"role": "assistant"}], "turn 2 has no text"),
        ([ASK, {**SAY, "content": {"label": "red"}}], "turn 2 has no text"),
        ([{**ASK, "content": " \n"}, SAY], "turn 1 is empty"),
        ([ASK, {**SAY, "content": ""}], "turn 2 is empty"),
        ([ASK, {**SAY, "weight": 1}], "turn 2 has a key that no turn has"),
        ([ASK, {**SAY, "name": 1}], "turn 2 has no text"),
        ([ASK, {**SAY, "content": "\ud83d"}], "turn 2 holds half of a surrogate pair"),
        ([{**ASK, "tool_calls": [CALL]}, SAY], "turn 1 has tool_calls"),
        ([ASK, {**SAY, "tool_calls": []}], "turn 2 has tool_calls"),
        ([ASK, {**SAY, "tool_calls": [{"type": "function"}]}], "turn 2 has a tool call without"),
        (
            [ASK, {**SAY, "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}],
            "turn 2 has a tool call without",
        ),
        (
            [ASK, {**SAY, "tool_calls": [{"function": {"name": "look", "arguments": {"x": float("nan")}}}]}],
            "turn 2 holds",
        ),
    ],
)
def test_turns_that_make_none_are_a_fault_that_names_the_line_and_not_the_text(talk, said):
    assert str(complaint_of_turns(talk)).startswith(said)
    if isinstance(talk, list) and talk and all(isinstance(turn, dict) for turn in talk) and "surrogate" not in said:
        secret = [{**turn, "content": "my secret"} if turn.get("content") == "a" else turn for turn in talk]
        with pytest.raises(Fault) as raised:
            Decisions(placed(YES, word("edit", messages=secret)), NEED)
        assert str(raised.value).startswith("a.jsonl:2: messages: ")
        assert "secret" not in str(raised.value)


def test_the_section_takes_known_origins_and_none_as_well():
    assert ReviewParams(origins=[]).origins == []
    assert ReviewParams(origins=["human", "production"]).origins == ["human", "production"]
    for wrong in ({}, {"origins": ["robot"]}, {"origins": "human"}, {"origins": [], "pages": 1}):
        with pytest.raises(ValidationError):
            ReviewParams.model_validate(wrong)
