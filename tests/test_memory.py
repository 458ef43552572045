"""Whether a run fits: numbers against those of the model itself, and what is said where it does not."""

import pytest

from pipeline.model.base import load_model
from pipeline.model.training import memory
from pipeline.model.training.memory import GIB, Need, check, need, shape_of
from pipeline.model.training.weights import load_quantised, lora_config
from pipeline.stage import Fault
from tests.lessons import files_of, mixed, params

pytestmark = pytest.mark.slow


def test_the_shape_is_that_of_the_model(base):
    from peft import get_peft_model

    for targets in ("all-linear", ["q_proj", "mlp.down_proj"]):
        adapter = params(adapter={"targets": targets}).adapter
        shape, model = shape_of(base, adapter), load_model(base, "float32", "cpu")
        assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
        trained, _ = get_peft_model(model, lora_config(adapter)).get_nb_trainable_parameters()
        assert shape.adapter * adapter.r == trained


def test_weights_need_what_they_take(base):
    shape, recipe = shape_of(base, params().adapter), params(dtype="bfloat16")
    assert need(shape, "lora", recipe, 1).weights == pytest.approx(
        load_model(base, "bfloat16", "cpu").get_memory_footprint(), rel=0.001
    )
    quantised = load_quantised(base, "bfloat16", "cpu", "auto").get_memory_footprint()
    assert need(shape, "qlora", recipe, 1).weights == pytest.approx(
        quantised, rel=0.15
    )  # scales of so few blocks are larger
    assert need(shape, "full", recipe, 1).trained == 12 * shape.parameters


def test_a_reward_model_stands_beside_the_policy_that_answers_to_it(base, tmp_path):
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    for is_tied in (True, False):
        whole = AutoModelForCausalLM.from_pretrained(base)
        whole.config.tie_word_embeddings = is_tied
        AutoModelForCausalLM.from_config(whole.config).save_pretrained(tmp_path)
        alone, beside = params("grpo", dtype="bfloat16"), params("reward", "grpo", dtype="bfloat16")
        shape = shape_of(tmp_path, alone.adapter)
        judge = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=1, dtype="bfloat16")
        more = need(shape, "grpo", beside, 1).weights - need(shape, "grpo", alone, 1).weights
        assert more == pytest.approx(judge.get_memory_footprint(), rel=0.002)
        assert need(shape, "reward", beside, 1).weights == need(shape, "grpo", alone, 1).weights


def test_what_is_recomputed_is_kept_between_layers_only(base):
    found = need(shape_of(base, params().adapter), "lora", params(), 1000)
    assert found.recomputed < found.most
    assert found.least < found.most
    assert need(shape_of(base, params().adapter), "lora", params(), 2000).most == 2 * found.most


OWN = params().lora


@pytest.mark.parametrize(
    ("found", "is_recomputed", "phase", "remedy"),
    [
        (Need(12 * GIB, 0, 0, 0, 0), False, "full", "take lora"),
        (Need(12 * GIB, 0, 0, 0, 0), False, "lora", "take qlora"),
        (Need(12 * GIB, 0, 0, 0, 0), False, "qlora", "take a smaller base"),
        (Need(6 * GIB, 0, 8 * GIB, 9 * GIB, GIB), False, "lora", "set train.activation_checkpointing to true"),
        (
            Need(6 * GIB, 0, 8 * GIB, 9 * GIB, 7 * GIB),
            False,
            "lora",
            "set train.lora.batch_size to 2 and raise accumulate",
        ),
        (Need(9 * GIB, 0, 8 * GIB, 9 * GIB, 7 * GIB), True, "lora", "set train.lora.batch_size to 1"),
    ],
)
def test_what_does_not_fit_is_told_with_the_knob_that_helps(found, is_recomputed, phase, remedy):
    place = f"train.{phase}: needs about .* GiB .*, and 10.0 GiB are free; {remedy}"
    with pytest.raises(Fault, match=place):
        check(found, is_recomputed, 10 * GIB, phase, OWN)
    check(found, is_recomputed, 20 * GIB, phase, OWN)


def test_a_run_that_cannot_fit_says_so_before_it_loads(trained, monkeypatch):
    from pipeline.model.training import preference, supervised

    def loaded(*_):
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(memory, "free_bytes", lambda _device: 1e5)
    for place, phase in ((supervised, "lora"), (supervised, "full"), (preference, "dpo")):
        monkeypatch.setattr(place, "trainable", loaded)
        with pytest.raises(Fault, match=rf"train\.{phase}: needs about 0\.0 GiB .* are free; take"):
            trained(phase, records=mixed() if phase == "dpo" else ())


def test_activations_are_computed_twice_where_they_would_not_fit_and_change_nothing(trained, monkeypatch):
    import transformers

    turned_on = []
    original = transformers.PreTrainedModel.activation_checkpointing_enable
    monkeypatch.setattr(
        transformers.PreTrainedModel,
        "activation_checkpointing_enable",
        lambda *values, **options: (turned_on.append(1), original(*values, **options))[1],
    )
    _, out = trained(activation_checkpointing=False)
    plain = files_of(out)
    assert not turned_on
    _, out = trained(activation_checkpointing=True)
    assert turned_on
    assert files_of(out) == plain
    turned_on.clear()
    trained(activation_checkpointing="auto")
    assert not turned_on
    shape = shape_of(out.parent / "model", params().adapter)
    found = need(shape, "lora", params(), 4 * 20)
    monkeypatch.setattr(memory, "free_bytes", lambda _device: found.weights + found.trained + found.most)
    trained(activation_checkpointing="auto")
    assert turned_on
