"""How likely answers are held: against the sums of the model itself, whoever stands beside them."""

import pytest

from pipeline.data.prompts import Prompt
from pipeline.model.adapter import Loaded
from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.generation import Cache, Decoding
from pipeline.model.likelihood import likelihoods
from pipeline.model.rendering import supervised
from pipeline.predict import preferences
from tests.lessons import preference
from tests.project import record

pytestmark = pytest.mark.slow
DECODING = Decoding(max_new_tokens=4, batch_size=3, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def loaded(base):
    return Loaded(load_model(base, "float32", "cpu"), load_tokenizer(base), "x")


@pytest.fixture(scope="module")
def rows(loaded):
    return [supervised(loaded.tokenizer, one.messages, 1, one.source) for one in (record(n) for n in range(7))]


def measured(loaded, rows, folder):
    return likelihoods(lambda: loaded, rows, DECODING, Cache(folder, "x", DECODING, float), lambda *_: None)


def test_a_likelihood_is_the_sum_over_the_tokens_of_the_answer(loaded, rows, tmp_path):
    import torch

    found = measured(loaded, rows, tmp_path)
    for row, value in zip(rows, found, strict=True):
        with torch.no_grad():
            told = loaded.model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        wanted = sum(told[n - 1, token].item() for n, token in enumerate(row.ids) if row.learnt[n])
        assert value == pytest.approx(wanted, abs=1e-3)


def test_it_does_not_depend_on_its_neighbours_and_is_remembered(loaded, rows, tmp_path):
    whole = measured(loaded, rows, tmp_path / "a")
    alone = [measured(loaded, [row], tmp_path / "b")[0] for row in reversed(rows)]
    assert alone[::-1] == whole

    def load():
        raise AssertionError("the model was loaded again")

    assert likelihoods(load, rows, DECODING, Cache(tmp_path / "a", "x", DECODING, float), lambda *_: None) == whole


def test_what_the_model_cannot_read_is_not_likely(loaded, rows, tmp_path):
    long = type(rows[0])("x", [5] * 600, [False] * 599 + [True])
    assert measured(loaded, [long, rows[0]], tmp_path)[0] == float("-inf")


def test_both_answers_of_a_preference_are_measured_after_its_question(loaded):
    one = preference(3)
    prompt = Prompt(system="Answer.", few_shot=[])
    found = preferences(prompt, [], [("test", [record(1), one]), ("new", [])], loaded.tokenizer)
    assert [(key, side) for key, side, _ in found] == [(("test", one.id), "chosen"), (("test", one.id), "rejected")]
    for (_, _, row), said in zip(found, (one.answer, one.rejected[0]["content"]), strict=True):
        text = loaded.tokenizer.decode(
            [token for token, is_learnt in zip(row.ids, row.learnt, strict=True) if is_learnt]
        )
        assert text == f"{said}<end>"
        assert "Answer." in loaded.tokenizer.decode(row.ids)
