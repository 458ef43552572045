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


def test_another_start_is_another_run(trained, capsys):
    for seed in (1, 2):
        _, accepted = trained("lora", out="accepted", seed=seed)
        begun_at(accepted, "dpo")
    assert "was done before" not in capsys.readouterr().out


def test_a_start_that_is_not_there_is_named(trained, tmp_path):
    trained("lora")
    with pytest.raises(Fault, match="accepted: holds nothing that was trained; run dvc repro train"):
        begun_at(tmp_path / "accepted", "lora")
