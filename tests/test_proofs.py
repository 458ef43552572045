"""What is proved before training: on rows written down by hand, with a tokenizer that spells words."""

import pytest

from pipeline.model.rendering import Row
from pipeline.model.training.proofs import MOST, Dropped, Limit, prove_mask, prove_trainer
from pipeline.stage import Fault

END, BEGIN, BLANK = 99, 1, 98


class Words:
    """A tokenizer of numbers: 99 ends a turn, 1 begins a text, 98 is a blank. It begins a text by itself where it `begins`."""

    bos_token_id = BEGIN

    def __init__(self, begins=False):
        self.begins = begins

    def __call__(self, text):
        return {"input_ids": [*([self.bos_token_id] if self.begins else []), *map(ord, text)]}

    def decode(self, ids, skip_special_tokens=False):
        said = {END: "" if skip_special_tokens else "<end>", BEGIN: "<s>", BLANK: "\n"}
        return "".join(said.get(token, f" {token}") for token in ids)


def row(asked, *answers, source="a:1", between=(7,)):
    ids, learnt = list(asked), [False] * len(asked)
    for number, answer in enumerate(answers):
        if number:
            ids, learnt = [*ids, *between], [*learnt, *[False] * len(between)]
        ids, learnt = [*ids, *answer], [*learnt, *[True] * len(answer)]
    return Row(source, ids, learnt)


def proved(*rows, dropped=(), ends=frozenset({END})):
    return prove_mask(rows, dropped, Words(), set(ends))


def test_what_is_learnt_is_counted_and_shown():
    found = proved(
        row([BEGIN, 2, 3], [4, END]), row([BEGIN, 2], [5, END], [6, END, BLANK]), dropped=[Dropped("b:1", "long")]
    )
    assert (found["rows_in"], found["rows_trained"]) == (3, 2)
    assert found["dropped"] == [{"source": "b:1", "reason": "long"}]
    assert (found["tokens"], found["supervised_tokens"]) == (13, 7)
    assert found["first_spans"] == [" 4<end>", " 5<end> 6<end>\n"]
    assert found["end_of_turn"] == ["<end>"]
    assert found["beginnings"] == {"1": 2}


@pytest.mark.parametrize("answers", [([4],), ([4], [5, END]), ([4, END, 5],), ([4, END], [5])])
def test_an_answer_whose_end_is_not_learnt_is_refused(answers):
    with pytest.raises(Fault, match=r"has no end of turn after an answer \(a:1\): the model stops at '<end>'"):
        proved(row([2, 3, 3], *answers))


def test_a_model_that_stops_nowhere_is_refused():
    with pytest.raises(Fault, match="the model stops at no token"):
        proved(row([2, 3], [4, END]), ends=())


def test_a_row_without_a_learnt_token_is_named():
    with pytest.raises(Fault, match="b:7: has no token that is learnt"):
        proved(row([2, 3], [4, END]), row([2, 3], source="b:7"))


@pytest.mark.parametrize(("asked", "is_refused"), [(19, True), (20, False)])
def test_a_mask_that_marks_nearly_everything_is_refused(asked, is_refused):
    learnt = int(MOST * 20 * 19)
    one = row([2] * asked, [4] * (learnt - 1) + [END])
    if is_refused:
        with pytest.raises(Fault, match="of the tokens as learnt"):
            proved(one)
    else:
        assert proved(one)["supervised_share"] < MOST


def test_a_text_that_begins_twice_is_refused():
    proved(row([BEGIN, 2], [4, END]), row([2, 3], [4, END]))
    with pytest.raises(Fault, match="begins a text more than once"):
        proved(row([BEGIN, BEGIN, 2], [4, END]))


def test_a_text_that_does_not_begin_as_the_tokenizer_begins_one_is_counted():
    with_it, without = row([BEGIN, 2], [4, END]), row([2, BEGIN], [4, END])
    assert proved(with_it, without)["without_beginning"] is None  # nor does the tokenizer
    begins = Words(begins=True)
    found = prove_mask([with_it, without, without], [], begins, {END})["without_beginning"]
    assert found == {"token": "<s>", "rows": 2}
    assert prove_mask([with_it], [], begins, {END})["without_beginning"] is None
    begins.bos_token_id = None
    begins.begins = False
    assert prove_mask([without], [], begins, {END})["without_beginning"] is None  # there is no such token


def test_where_beginning_and_end_are_one_token_it_may_stand_often():
    class Same(Words):
        bos_token_id = END

    prove_mask([row([END, 2, END], [4, END])], [], Same(), {END})


def test_what_does_not_fit_is_named_or_dropped():
    short, long = row([2], [END]), row([2, 3], [END], source="b:2")
    assert Limit(3, 3).fitting([short, long], may_drop=False) == ([short, long], [])
    with pytest.raises(Fault, match=r"1 of 2 examples do not fit \(b:2 first: 3 tokens"):
        Limit(2, None).fitting([short, long], may_drop=False)
    kept, dropped = Limit(2, None).fitting([short, long], may_drop=True)
    assert kept == [short]
    assert dropped == [Dropped("b:2", "3 tokens, and train.max_length is 2")]


def test_the_context_of_the_base_counts_where_it_is_less():
    short, long = row([2], [END]), row([2, 3], [END], source="b:2")
    assert Limit(3, 2).fitting([short], may_drop=False) == ([short], [])
    with pytest.raises(Fault, match=r"b:2 first: 3 tokens, and the base reads 2\); shorten the examples, or set"):
        Limit(4, 2).fitting([short, long], may_drop=False)
    assert Limit(4, 2).fitting([short, long], may_drop=True)[1] == [Dropped("b:2", "3 tokens, and the base reads 2")]


def test_a_trainer_that_holds_other_rows_is_refused():
    one, other = row([2], [4, END]), row([2, 3], [4, END])
    held = [(one.ids, one.learnt), (other.ids, other.learnt)]
    prove_trainer(held, [one, other], in_order=True)
    prove_trainer(held[::-1], [one, other], in_order=False)
    for wrong in (held[:1], held[::-1], [(one.ids, [True] * 3), held[1]]):
        with pytest.raises(Fault, match="rows that are not the 2 that were proved"):
            prove_trainer(wrong, [one, other], in_order=True)
