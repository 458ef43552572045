"""Masking: what it leaves, what stays the same, and what it says of a record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.personal.finding import KINDS, Masker, PersonalDataParams, find, mask_turns
from pipeline.stage import Fault, checked
from tests.personal_values import POLICY, VALUES, WORDS

PIECES = [
    "98765",
    "43210",
    " ",
    "-",
    "+91",
    "@",
    "ybl",
    "a.in",
    "order ",
    "call ",
    "4111 1111",
    "1111 1111",
    '"',
    "{",
    "}",
    ":",
    "[PHONE_1]",
    "2341 2341 2346",
]


@given(VALUES, WORDS)
def test_masking_again_changes_nothing_and_nothing_is_left_to_find(planted, word):
    kind, value = planted
    masker = Masker(POLICY)
    masked = masker.mask(f"{word} {value} {word} {value}")
    assert masked == f"{word} [{kind.upper()}_1] {word} [{kind.upper()}_1]"
    assert masker.counts == {kind: 2}
    assert not find(masked)
    assert Masker(POLICY).mask(masked) == masked


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_whatever_is_masked_is_clean_and_stays_so(text):
    masked = Masker(POLICY).mask(text)
    assert not find(masked)
    assert Masker(POLICY).mask(masked) == masked


def test_the_same_value_has_the_same_placeholder_in_the_whole_record():
    masker = Masker(POLICY)
    assert masker.mask("call 98765 43210 or 9123456780") == "call [PHONE_1] or [PHONE_2]"
    assert masker.mask("so +91-9123456780, A@X.in") == "so [PHONE_2], [EMAIL_1]"
    assert masker.mask("a@x.in") == "[EMAIL_1]"


def test_a_placeholder_that_stands_there_already_is_not_given_to_another_value():
    assert Masker(POLICY).mask("[EMAIL_1] and a@x.in") == "[EMAIL_1] and [EMAIL_2]"


def test_what_is_rejected_is_named_and_what_is_allowed_stays():
    masker = Masker(POLICY.model_copy(update={"phone": "allow", "ip": "reject"}))
    assert masker.mask("call 9876543210 from ip 10.0.0.9, a@x.in") == "call 9876543210 from ip [IP_1], [EMAIL_1]"
    assert masker.counts == {"phone": 1, "ip": 1, "email": 1}
    assert masker.rejected == {"ip"}


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_masked_json_stays_json(planted, indent, ascii_only):
    _, value = planted
    answer = {"reply": f"write\n{value}\nplease", "escalate": True, "parts": [{"to": value}, 1.5]}
    text = json.dumps(answer, indent=indent, ensure_ascii=ascii_only)
    masked = json.loads(Masker(POLICY).mask(text))
    assert value not in json.dumps(masked, ensure_ascii=False)
    assert masked["escalate"] is True
    assert masked["parts"][1] == 1.5


def test_a_number_in_json_becomes_a_text_and_keys_say_what_it_is():
    masked = Masker(POLICY).mask('{"phone": 9876543210, "order_id": 9876543210, "n": 5}')
    assert masked == '{"phone": "[PHONE_1]", "order_id": 9876543210, "n": 5}'


def test_turns_without_anything_personal_come_back_as_they_are():
    turns = (
        {"role": "user", "content": "where is TK604817"},
        {"role": "assistant", "content": '{"reply": "on its way\\u2026"}'},
    )
    assert mask_turns(turns, Masker(POLICY)) is turns
    allowing = Masker(PersonalDataParams.model_validate(dict.fromkeys(KINDS, "allow")))
    turns = ({"role": "user", "content": "a@x.in"},)
    assert mask_turns(turns, allowing) is turns


def test_calls_of_tools_and_what_they_give_back_are_masked_at_any_depth():
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "refund", "arguments": {"to": [{"upi": "asha@ybl"}], "order_id": "9876543210"}},
    }
    turns = (
        {"role": "user", "content": "refund asha@ybl"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": '{"sent_to": "asha@ybl", "phone": 9876543210}', "tool_call_id": "c1"},
        {"role": "assistant", "content": "done"},
    )
    masked = mask_turns(turns, Masker(POLICY))
    assert masked[0]["content"] == "refund [UPI_1]"
    assert masked[1]["tool_calls"][0]["function"]["arguments"] == {"to": [{"upi": "[UPI_1]"}], "order_id": "9876543210"}
    assert masked[2] == {
        "role": "tool",
        "content": '{"sent_to": "[UPI_1]", "phone": "[PHONE_1]"}',
        "tool_call_id": "c1",
    }
    assert masked[3] is turns[3]
    assert turns[1]["tool_calls"][0]["function"]["arguments"]["to"] == [{"upi": "asha@ybl"}]


def test_each_kind_needs_a_policy_and_no_other_has_one():
    policy = dict.fromkeys(KINDS, "redact")
    for wrong in ({key: policy[key] for key in KINDS[1:]}, {**policy, "name": "redact"}, {**policy, "email": "mask"}):
        with pytest.raises(Fault):
            checked(PersonalDataParams, wrong, "params.yaml", "ingest.personal_data")
    assert set(PersonalDataParams.model_fields) == set(KINDS)
