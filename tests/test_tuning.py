"""Tuning: on a random model, in process."""

import pytest

from pipeline.data.prompts import Prompt
from pipeline.model.recipe import TrainParams
from pipeline.stage import Fault
from pipeline.train import examples
from tests.project import random_model, record

pytestmark = pytest.mark.slow
PARAMS = {
    "seed": 1,
    "epochs": 1.0,
    "learning_rate": 0.002,
    "schedule": "cosine",
    "warmup_share": 0.1,
    "weight_decay": 0.0,
    "batch_size": 4,
    "accumulate": 1,
    "max_length": 256,
    "dtype": "auto",
    "device": "cpu",
    "threads": 0,
    "lora": {"r": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear"},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    random_model(folder)
    return folder


def tuned(base, records=12, **changes):
    from pipeline.model.base import load_tokenizer
    from pipeline.model.machine import steady
    from pipeline.model.tuning import prove, tune

    params = TrainParams.model_validate({**PARAMS, **changes})
    steady(params.threads, params.seed)
    learnt = examples([record(n) for n in range(records)], [], Prompt(system="Answer.", few_shot=[]))
    tokenizer = load_tokenizer(base)
    result = tune(base, tokenizer, learnt, learnt[:4], params, lambda *_: None)
    return result, prove(result, tokenizer, learnt)


def test_the_loss_falls_and_only_answers_are_learnt(base):
    result, proofs = tuned(base, epochs=6.0, learning_rate=0.02)
    losses = [entry["eval_loss"] for entry in result.log if "eval_loss" in entry]
    assert losses[-1] < losses[0]
    assert proofs["rows_in"] == proofs["rows_trained"] == 12
    assert 0 < proofs["supervised_share"] < 0.6
    assert all(span.startswith('{"label": ') and span.endswith("<end>") for span in proofs["first_spans"])


def test_another_seed_or_rate_gives_another_adapter_and_the_same_gives_the_same(base):
    def weights(**changes):
        result, _ = tuned(base, **changes)
        return [value.tolist() for name, value in sorted(result.model.state_dict().items()) if "lora" in name]

    first = weights()
    assert weights() == first
    assert weights(seed=2) != first
    assert weights(learning_rate=0.004) != first


def test_an_example_that_does_not_fit_stops_the_run(base):
    result, _ = tuned(base)
    longest = max(len(row["ids"]) for row in result.rows)
    tuned(base, max_length=longest)
    with pytest.raises(Fault, match=r"train\.max_length.*raise it"):
        tuned(base, max_length=longest - 1)


def test_targets_that_match_nothing_are_named(base):
    lora = {**PARAMS["lora"], "targets": ["no_such_layer"]}
    with pytest.raises(Fault, match=r"train\.lora\.targets"):
        tuned(base, lora=lora)
