"""The model that is served, written out whole: it says what was trained, and nothing half-written is left."""

import json
import shutil

import pytest

from pipeline.desk import export as desk
from pipeline.model import export as exporting
from pipeline.model.adapter import load_any
from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.parity import WORSE, Told, parity
from pipeline.stage import Fault
from tests.lessons import files_of

pytestmark = pytest.mark.slow


@pytest.fixture
def exported(trained, tmp_path):
    """Trains, puts what was made where the desk looks for it, and exports."""

    def run(phase="lora", max_worse=None, **changes):
        _, out = trained(phase, **changes)
        shutil.rmtree(tmp_path / "models", ignore_errors=True)
        shutil.copytree(out, tmp_path / "models/adapter")
        (tmp_path / "data/split").mkdir(parents=True, exist_ok=True)
        for side in ("train", "validation"):
            shutil.copy(tmp_path / f"{side}.jsonl", tmp_path / "data/split")
        desk.run(tmp_path / "export", "auto", "cpu", max_worse)
        return tmp_path / "export"

    return run


@pytest.mark.parametrize("phase", ["lora", "qlora", pytest.param("full", marks=pytest.mark.rehearsal)])
def test_what_is_written_is_whole_and_says_what_is_served(exported, tmp_path, phase):
    import torch

    out = exported(phase)
    names = {path.name for path in out.iterdir()}
    assert {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "chat_template.jinja",
        "README.md",
        "parity.json",
    } <= names
    assert not {name for name in names if name.endswith((".bin", ".pt", ".part"))}
    assert str(tmp_path) not in "".join(
        path.read_text(errors="ignore") for path in out.iterdir() if path.suffix in (".json", ".md")
    )
    assert load_tokenizer(out).chat_template
    served = load_any(tmp_path / "models/adapter", "auto", "cpu").model
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        assert torch.equal(load_model(out, "auto", "cpu")(ids).logits, served(ids).logits)
    found = json.loads((out / "parity.json").read_text())
    assert found["is_within_bound"]
    assert found["trained_in"] == ("NF4" if phase == "qlora" else "float32")
    assert found["mean_difference"] < (0.1 if phase == "qlora" else 1e-5)
    assert "base_model: model" in (out / "README.md").read_text()


def test_an_export_takes_the_place_of_an_older_one_and_of_nothing_else(exported):
    out = exported()
    first = files_of(out)
    (out / "stale.txt").write_text("x")
    assert files_of(exported()) == first
    shutil.rmtree(out)
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(Fault, match="export: is there, and is no export; name another folder with OUT="):
        exported()
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_model_beyond_the_bound_is_not_written_unless_that_is_allowed(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(
        exporting, "_trained", lambda wanted: (Told([-0.1] * count(wanted), [1] * count(wanted)), False)
    )
    with pytest.raises(Fault, match=r"the merged model: is .* nats a token from .*; train it with lora, or allow it"):
        exported()
    assert not (tmp_path / "export").exists()
    assert not list(tmp_path.glob("*.part"))
    assert exported(max_worse=100.0).is_dir()


def count(wanted):
    return sum(is_learnt for row in wanted.rows for is_learnt in row.learnt)


def test_a_full_disk_leaves_nothing(exported, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_compare", full)
    with pytest.raises(OSError, match="No space"):
        exported()
    assert not list(tmp_path.glob("export*"))


def test_nothing_trained_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Fault, match="holds nothing that was trained"):
        desk.run(tmp_path / "export", "auto", "cpu", None)


@pytest.mark.parametrize(
    ("right", "is_quantised", "is_within"),
    [
        ([-1.0, -2.0], False, True),
        ([-1.0, -2.01], False, False),
        ([-1.0, -2.01], True, True),
        ([-1.0, -2.0 - 2 * WORSE + 0.001], True, True),
        ([-1.0, -2.0 - 2 * WORSE - 0.001], True, False),
        ([-0.1, -0.2], True, True),
        ([-0.1, -0.2], False, False),
    ],
)
def test_the_bound_is_rounding_and_from_four_bits_what_is_worse(right, is_quantised, is_within):
    found = parity(Told([-1.0, -2.0], [3, 4]), Told(right, [3, 5]), "float32", is_quantised)
    assert found["is_within_bound"] is is_within
    assert found["same_likeliest_token"] == 0.5
