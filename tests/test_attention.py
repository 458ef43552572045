"""Attention example by example: the same learning as with padding, where a model can do so and nowhere else."""

import pytest

from pipeline.model.base import load_model
from pipeline.model.rendering import Row
from pipeline.model.training import packing
from pipeline.model.training.attention import by_example
from tests.families import FAMILIES, write_family
from tests.project import record

pytestmark = pytest.mark.slow
SIZES = (5, 21, 11)
ROWS = [Row(f"a:{size}", [size, *range(6, 5 + size)], [True] * size) for size in SIZES]
LONG = Row("a:long", list(range(6, 46)), [True] * 40)


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return lambda name: load_model(write_family(FAMILIES[name], folder / name), "float32", "cpu")


def unpadded(rows):
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(columns(rows))


def padded(rows):
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(pad_token_id=0)(columns(rows))


def columns(rows):
    return [{"input_ids": row.ids, "labels": row.ids} for row in rows]


def step(model, batch):
    """Loss and gradients of a batch."""
    model.zero_grad()
    loss = model(**batch, use_cache=False).loss
    loss.backward()
    return loss.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("name", ["llama-3-8b", "qwen-2.5", "mistral"])
def test_loss_and_gradients_are_those_of_padded_rows(model_of, name):
    model = model_of(name)
    loss, gradients = step(model, padded(ROWS))
    with by_example(model, ROWS, is_wanted=True) as is_unpadded:
        assert is_unpadded
        found, others = step(model, unpadded(ROWS))
    assert found == pytest.approx(loss, abs=1e-5)
    for place, gradient in gradients.items():
        assert (others[place] - gradient).abs().max() < 1e-4, place


@pytest.mark.parametrize(
    ("name", "rows"),
    [("falcon", ROWS), ("gemma-2", ROWS), pytest.param("mistral", [*ROWS, LONG], id="beyond mistral's window")],
)
def test_a_model_that_would_attend_otherwise_stays_as_it_is(model_of, name, rows):
    model = model_of(name)
    usual = model.config._attn_implementation
    with by_example(model, rows, is_wanted=True) as is_unpadded:
        assert not is_unpadded
        assert model.config._attn_implementation == usual


def test_the_model_attends_as_before_afterwards(model_of):
    model = model_of("llama-3-8b")
    seen = []

    def fails():
        with by_example(model, ROWS, is_wanted=True):
            seen.append(model.config._attn_implementation)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert seen == ["by_example"]
    assert model.config._attn_implementation == "sdpa"
    assert "by_example" not in model.config.to_json_string()


def test_the_trial_holds_no_table_of_all_tokens_by_vocabulary_and_finds_the_same(model_of, monkeypatch):
    model = model_of("llama-3-8b")
    vocabulary, values, found = model.config.vocab_size, [], []
    model.lm_head.register_forward_hook(lambda _head, _asked, logits: values.append(logits.numel()))
    for places in (100, 3):
        monkeypatch.setattr(packing, "VALUES", places * vocabulary)
        values.clear()
        with by_example(model, ROWS, is_wanted=True) as is_unpadded:
            assert is_unpadded
        found.append(packing.shift(model, ROWS))
        assert max(values) == min(places, max(SIZES)) * vocabulary
    assert found[0].joined == pytest.approx(found[1].joined, rel=1e-4)
    assert found[0].beside == pytest.approx(found[1].beside, abs=1e-6)


@pytest.mark.parametrize("phase", ["lora", "qlora", "full"])
def test_a_run_without_padding_learns_what_a_padded_one_does(trained, phase):
    records = [record(n) for n in range(16)]
    losses = {}
    for attention in ("auto", "sdpa"):
        whole = {phase: {"epochs": 1, "batch_size": 16}, "save_every": 1, "attention": attention}
        proofs, out = trained(phase, records=records, **whole)
        losses[attention] = float((out / "loss.tsv").read_text().splitlines()[1].split("\t")[2])
        assert proofs[f"1-{phase}"]["is_unpadded"] == (attention == "auto")
    assert losses["auto"] == pytest.approx(losses["sdpa"], abs=1e-3 if phase == "qlora" else 1e-5)
