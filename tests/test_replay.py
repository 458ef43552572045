"""General examples mixed into training: how many, which ones, and that they are learnt as they stand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.replay import General, drawn, read_replay
from pipeline.model.base import load_tokenizer
from pipeline.model.rendering import Example, row_of
from pipeline.stage import Fault
from pipeline.train import replayed
from tests.lessons import params, write_replay
from tests.project import record
from tools.curriculum.probes import held_out_probes, over_refusal_twins
from tools.curriculum.words import Words
from tools.general import general, texts
from tools.tiny_base import WORDS, Recipe


def talks(count):
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    return [General(messages=turns, source=f"g:{n}") for n in range(count)]


@given(st.integers(1, 100), st.floats(0, 0.6), st.integers(0, 3))
def test_the_share_is_that_of_all_rows_and_none_comes_twice(beside, share, seed):
    rows = drawn(talks(160), share, beside, seed, "replay")
    assert abs(len(rows) - share * (len(rows) + beside)) < 1
    sources = [row.source for row in rows]
    assert len(set(sources)) == len(sources)
    assert rows == drawn(talks(160), share, beside, seed, "replay")


def test_another_seed_draws_others():
    assert drawn(talks(50), 0.5, 10, 1, "replay") != drawn(talks(50), 0.5, 10, 2, "replay")


def test_too_few_general_examples_are_said_with_both_numbers():
    with pytest.raises(
        Fault, match=r"train\.replay: asks for 30 general examples beside 30 of the task, and replay has 29"
    ):
        drawn(talks(29), 0.5, 30, 1, "replay")


def test_a_question_that_comes_again_is_taken_once_and_a_row_without_an_answer_is_named(tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    (tmp_path / "a.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 2)
    assert [row.source for row in read_replay(tmp_path)] == ["a.jsonl:1"]
    (tmp_path / "b.jsonl").write_text(json.dumps({"messages": turns[:1]}) + "\n")
    with pytest.raises(Fault, match=r"b\.jsonl:1.*ends with an answer"):
        read_replay(tmp_path)


@pytest.mark.parametrize("phases", [["dpo"], ["reward", "grpo"]])
def test_phases_that_learn_no_answers_take_none(tmp_path, phases):
    write_replay(tmp_path)
    assert replayed(params("lora", replay=0.5), tmp_path, 8)
    assert replayed(params(*phases, replay=0.5), tmp_path, 8) == []


def test_a_text_is_a_row_of_its_own_and_a_service_gets_talks_alone(tmp_path):
    write_replay(tmp_path, 4)
    (tmp_path / "prose.jsonl").write_text("".join(json.dumps({"text": f"A red door {n}."}) + "\n" for n in range(4)))
    found = replayed(params("lora", replay=0.5), tmp_path, 8)
    assert [bool(one.text) for one in found] == [False] * 4 + [True] * 4
    with pytest.raises(Fault, match="replay: asks for 8 general examples beside 8"):
        replayed(params("api", replay=0.5), tmp_path, 8)
    for row in ({"text": " "}, {}, {"text": "a", "messages": talks(1)[0].messages}):
        (tmp_path / "prose.jsonl").write_text(json.dumps(row) + "\n")
        with pytest.raises(Fault, match=r"prose\.jsonl:1.*messages, or a text"):
            read_replay(tmp_path)


@pytest.mark.slow
def test_a_text_is_learnt_from_its_second_token_to_its_end(base):
    tokenizer = load_tokenizer(base)
    row = row_of(tokenizer, Example("p:1", [], 0, [], "A red door."))
    assert (row.ids[0], row.ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert row.learnt == [False, *[True] * (row.size - 1)]
    assert tokenizer.decode(row.ids[1:-1]) == "A red door."


@pytest.mark.slow
def test_general_examples_are_trained_without_the_prompt_and_counted(trained):
    records = [record(n) for n in range(8)]
    proofs, _ = trained("lora", records=records, replay=0.5, too_long="stop")
    proof = proofs["1-lora"]
    assert (proof["rows_trained"], proof["rows_in"], proof["replayed"]) == (16, 16, 8)
    without, _ = trained("lora", records=records, replay=0.0)
    assert (without["1-lora"]["rows_in"], without["1-lora"]["replayed"]) == (8, 0)
    assert 0 < proof["tokens"] - without["1-lora"]["tokens"] < without["1-lora"]["tokens"]


def test_what_the_embedded_base_is_reminded_of_asks_no_probe():
    rows = general(600, 1)
    questions = {json.dumps(row["messages"][:-1]) for row in rows}
    assert len(questions) == 600
    words = Words.load(WORDS)
    probes = held_out_probes(words, Recipe().seed) + over_refusal_twins(words, Recipe().seed)
    assert questions.isdisjoint(json.dumps(probe["messages"]) for probe in probes)
    assert rows == general(600, 1)


def test_general_texts_are_prose_with_ids_of_their_own():
    rows = texts(50, 1)
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == 50
    assert rows == texts(50, 1) != texts(50, 2)
