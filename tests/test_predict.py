"""Asking an arm: what is asked, and answers that do not depend on their neighbours."""

import pytest

from pipeline.data.prompts import Prompt
from pipeline.data.questions import Check, Question
from pipeline.data.texts import Text, read_texts
from pipeline.model.base import load_tokenizer
from pipeline.predict import LONGEST, conversations, text_row
from pipeline.stage import Fault
from tests.project import record


def test_the_task_is_asked_with_the_prompt_and_the_probes_bare():
    probe = Question(
        id="p", messages=[{"role": "user", "content": "hi"}], check=Check(kind="exact", value="hi"), skill="s"
    )
    case = probe.model_copy(update={"id": "c"})
    prompt = Prompt(system="Be brief.", few_shot=[])
    asked = conversations(prompt, [record(9)], [record(1)], [record(2)], [probe], [case])
    assert [(name, key) for name, key, _ in asked] == [
        ("test", record(1).id),
        ("new", record(2).id),
        ("case", "c"),
        ("probe", "p"),
    ]
    assert [len(turns) for *_, turns in asked] == [4, 4, 4, 1]


@pytest.mark.slow
def test_a_text_is_told_token_by_token_and_cut_where_it_is_long(base):
    tokenizer = load_tokenizer(base)
    row = text_row(tokenizer, Text(id="t", text="red door " * 400))
    assert (row.size, row.learnt[0], set(row.learnt[1:])) == (LONGEST, False, {True})
    short = text_row(tokenizer, Text(id="t", text="red"))
    assert short.ids == [tokenizer.bos_token_id, *tokenizer("red")["input_ids"]]
    assert short.learnt == [False, *[True] * (short.size - 1)]
    marked = text_row(tokenizer, Text(id="t", text="a<end>b"))  # what looks like a special token stays text
    assert tokenizer.eos_token_id not in marked.ids
    assert tokenizer.decode(marked.ids[1:]) == "a<end>b"


def test_texts_are_read_in_order_and_ids_are_unique(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"id": "2", "text": "b"}\n')
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "a"}\n')
    assert [one.id for one in read_texts(tmp_path)] == ["1", "2"]
    (tmp_path / "c.jsonl").write_text('{"id": "1", "text": "c"}\n')
    with pytest.raises(Fault, match=r"c\.jsonl:1: id 1 comes twice"):
        read_texts(tmp_path)
