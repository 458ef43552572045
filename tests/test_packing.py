"""Packed rows: what is learnt from them is what is learnt from the same examples one by one."""

import pytest

from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.rendering import Row
from pipeline.model.training.packing import prove_packing
from pipeline.stage import Fault
from tests.project import record

pytestmark = pytest.mark.slow
ROWS = [Row("a:1", [1, 7, 8, 9, 2], [False, False, True, True, True]), Row("a:2", [1, 9, 9, 30, 31, 2], [True] * 6)]


def first_loss(out):
    return float((out / "loss.tsv").read_text().splitlines()[1].split("\t")[2])


@pytest.mark.parametrize("phase", ["lora", "qlora"])
def test_a_step_on_packed_rows_has_the_loss_of_the_same_examples_padded(trained, phase):
    records = [record(n) for n in range(8)]
    whole = {phase: {"epochs": 1, "batch_size": 8}, "save_every": 1}
    padded, out = trained(phase, records=records, **whole)
    loss = first_loss(out)
    packed, out = trained(phase, records=records, packing=True, **whole)
    padded, packed = padded[f"1-{phase}"], packed[f"1-{phase}"]
    assert packed["packed_rows"] < packed["rows_trained"] == 8
    assert (packed["steps"], padded["steps"]) == (1, 1)
    assert (packed["tokens"], packed["supervised_tokens"]) == (padded["tokens"], padded["supervised_tokens"])
    assert first_loss(out) == pytest.approx(loss, abs=1e-3 if phase == "qlora" else 1e-5)
    assert packed["packing"]["beside_another"] < 0.05 * packed["packing"]["as_one_text"]


def test_a_model_that_does_not_tell_packed_examples_apart_is_refused(base):
    import torch

    model = load_model(base, "float32", "cpu")
    prove_packing(model, ROWS)

    class Blind(torch.nn.Module):
        device, config = model.device, model.config

        def forward(self, input_ids, position_ids, use_cache, logits_to_keep, **_):
            assert position_ids is not None
            return model(input_ids=input_ids, use_cache=use_cache, logits_to_keep=logits_to_keep)

    with pytest.raises(Fault, match=r"train\.packing: lets packed examples see each other on this model"):
        prove_packing(Blind(), ROWS)


def test_only_what_is_learnt_is_projected_and_the_loss_is_the_same(base):
    import torch
    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    from pipeline.model.training.supervised import score_what_is_learnt

    tokenizer, model = load_tokenizer(base), load_model(base, "float32", "cpu")
    ids = torch.tensor([tokenizer("my red apple broke, bring the door")["input_ids"]])
    labels = ids.clone()
    labels[:, :5] = -100
    projected = []
    original = utils._ChunkedLogProbFunction.apply
    losses = []
    for prepare in (lambda: setattr(utils, "_use_triton", chunked_logprob._use_triton), score_what_is_learnt):
        prepare()
        utils.add_fused_lm_head(model)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                utils._ChunkedLogProbFunction,
                "apply",
                lambda *values: (projected.append(len(values[0])), original(*values))[1],
            )
            losses.append(model(input_ids=ids, labels=labels, fused_lm_head=True).loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert projected == [ids.shape[1] - 1, ids.shape[1] - 5]
