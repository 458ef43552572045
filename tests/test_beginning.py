"""A run that begins at what was trained before, such as the model in production."""

import pytest

from pipeline.model.adapter import load_any
from pipeline.stage import Fault
from pipeline.train import main
from tests.lessons import mixed, params, paths, project

pytestmark = pytest.mark.slow
STILL = {"learning_rate": 1e-9, "epochs": 1}


def answers(folder):
    """What the model of a folder gives for a fixed text."""
    import torch

    with torch.no_grad():
        return load_any(folder, "float32", "cpu").model(torch.arange(3, 40)[None]).logits


def begun_at(accepted, phase, **changes):
    """Trains a phase from what was accepted, in the folder beside it."""
    project(accepted.parent, accepted.parent / "model", mixed() if phase == "dpo" else ())
    main(params(phase, start="accepted", **changes), *paths(start="accepted"))
    return accepted.parent / "out"


@pytest.mark.parametrize(("first", "then"), [("lora", "dpo"), ("lora", "lora"), ("full", "dpo"), ("lora", "full")])
def test_a_phase_goes_on_from_what_is_in_production(trained, first, then):
    import torch

    _, accepted = trained(first, out="accepted", **{first: {"learning_rate": 0.02}})
    out = begun_at(accepted, then, **{then: STILL})
    before, after = answers(accepted), answers(out)
    assert torch.allclose(before, after, atol=1e-4)
    assert not torch.allclose(before, answers(accepted.parent / "base.json"), atol=1e-2)
    assert [path.name for path in sorted(out.iterdir()) if path.is_dir()] == (
        ["0-start", f"1-{then}"] if first == "full" else [f"1-{then}"]
    )
    assert (out / "base.json").read_bytes() == (accepted / "base.json").read_bytes()


def test_settings_that_are_not_those_of_the_adapter_that_is_trained_on_are_refused(trained):
    _, accepted = trained("lora", out="accepted", lora=STILL, adapter={"targets": ["q_proj", "mlp.up_proj"]})
    same = {"targets": ["up_proj", "self_attn.q_proj"]}
    for change, said in (
        ({"r": 2, "dora": True}, "r is 2, and 4 in it; dora is True, and False in it"),
        ({"alpha": 9}, "alpha is 9, and 8 in it"),
        ({"dropout": 0.5}, r"dropout is 0\.5, and 0\.0 in it"),
        ({"rslora": True}, "rslora is True, and False in it"),
        ({"targets": ["q_proj"]}, r"targets are \['q_proj'\], and \['q_proj', 'up_proj'\] in it"),
        ({"targets": "all-linear"}, r"targets are all-linear, and \['q_proj', 'up_proj'\] in it"),
    ):
        with pytest.raises(Fault, match=rf"^params\.yaml: train\.adapter: is not what .*: {said}; set them to"):
            begun_at(accepted, "dpo", adapter=same | change)
    begun_at(accepted, "lora", adapter=same, lora=STILL)


def test_an_adapter_that_is_merged_may_have_had_other_settings(trained):
    _, accepted = trained("lora", out="accepted", lora=STILL)
    begun_at(accepted, "full", adapter={"r": 2}, full=STILL)


def test_another_start_is_another_run(trained, capsys):
    for seed in (1, 2):
        _, accepted = trained("lora", out="accepted", seed=seed)
        begun_at(accepted, "dpo")
    assert "was done before" not in capsys.readouterr().out


def test_a_start_that_is_not_there_is_named(trained, tmp_path):
    trained("lora")
    with pytest.raises(Fault, match="accepted: holds nothing that was trained; run dvc repro train"):
        begun_at(tmp_path / "accepted", "lora")
