"""The base model: pinned with its digests, refused when it is another, and a hub that answers in every way it can.

The hub is a real server on this machine; `make base` runs as a process of its own, as at a desk.
"""

import hashlib
import shutil
from pathlib import Path

import pytest

from pipeline.desk.base import pinned
from pipeline.model.base import Base, base_folder, load_base, sha256
from pipeline.stage import Fault
from tests.hub import FILES, NEEDED, SHA, last_line, make

pytestmark = pytest.mark.slow


def make_base(folder, hub, model):
    """What `make base` does."""
    return make(folder, hub, "-m", "pipeline.desk.base", model)


def test_good_model_is_pinned_with_revision_licence_and_digests(tmp_path, hub):
    assert make_base(tmp_path, hub, "toy/good").returncode == 0
    base = load_base(tmp_path / "models/base.json")
    assert (base.model, base.revision, base.licence) == ("toy/good", SHA, "mit")
    assert base.files == {name: hashlib.sha256(FILES[name]).hexdigest() for name in NEEDED}
    assert not list((tmp_path / "cache").rglob("*.bin"))


USE = """
import sys; from pathlib import Path; from pipeline.model.base import *; from pipeline.stage import Fault
place = Path("models/base.json")
try: base_folder(load_base(place), place)
except Fault as fault: sys.exit(str(fault))
"""
IMPATIENT = "import time; time.sleep = lambda _: None"  # the hub's client waits 20 seconds between its tries


def test_pinned_model_comes_from_the_cache_alone_when_the_hub_is_down(tmp_path, hub):
    assert make_base(tmp_path, hub, "toy/good").returncode == 0
    hub.stop()
    done = make(tmp_path, hub, "-c", USE)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "cache")
    said = last_line(make(tmp_path, hub, "-c", IMPATIENT + USE))
    assert said.startswith("models/base.json: ")
    assert "HF_HOME" in said


@pytest.mark.parametrize("model", ["toy/gated", "toy/shut"])
def test_gated_model_names_the_licence_page_and_the_token(model, tmp_path, hub):
    said = last_line(make_base(tmp_path, hub, model))
    assert f"https://huggingface.co/{model}" in said
    assert "HF_TOKEN" in said
    assert not (tmp_path / "models/base.json").exists()


@pytest.mark.parametrize("model", ["toy/none", "toy/secret"])
def test_model_that_is_not_there_says_mend_the_id(model, tmp_path, hub):
    assert f"{model} is neither a folder nor a model on the hub; mend the id" in last_line(
        make_base(tmp_path, hub, model)
    )


def test_hub_that_is_down_names_the_cache(tmp_path, hub):
    hub.stop()
    assert "cannot be reached" in (said := last_line(make_base(tmp_path, hub, "toy/good")))
    assert "HF_HOME" in said


@pytest.mark.parametrize(
    "model", ["toy/bare", "toy/broken", "", "gpt2", "./gone", "a/b/c", "own er/name", "own/na--me"]
)
def test_anything_else_is_said_in_a_line(model, tmp_path, hub):
    assert f"base: {model or 'MODEL'}: " in last_line(make_base(tmp_path, hub, model))


@pytest.fixture
def folder(tmp_path):
    """A model in a folder."""
    for name, content in FILES.items():
        (tmp_path / "toy").mkdir(exist_ok=True)
        (tmp_path / "toy" / name).write_bytes(content)
    (tmp_path / "toy/training.json").write_text("{}")
    return tmp_path / "toy"


def test_folder_is_pinned_with_licence_and_digests(folder):
    base = Base(**pinned(str(folder)))
    assert (base.is_folder, base.licence) == (True, "mit")
    assert base.files == {name: sha256(folder / name) for name in NEEDED}
    assert base_folder(base, Path("models/base.json")) == folder


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_folder_without_model_is_refused(name, folder):
    (folder / name).unlink()
    with pytest.raises(Fault, match="holds no model"):
        pinned(str(folder))


def test_file_that_changed_after_the_pin_is_refused(folder):
    base = Base(**pinned(str(folder)))
    (folder / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(Fault, match=r"model\.safetensors: is not the file that models/base\.json pins"):
        base_folder(base, Path("models/base.json"))


def test_file_or_folder_that_is_gone_is_named(folder):
    base = Base(**pinned(str(folder)))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(Fault, match=r"tokenizer\.json: is pinned in models/base\.json and is not there"):
        base_folder(base, Path("models/base.json"))
    folder.rename(folder.with_name("moved"))
    with pytest.raises(Fault, match="no such folder"):
        base_folder(base, Path("models/base.json"))


@pytest.mark.parametrize("text", ["{", "[]", '{"model": "x"}', '{"model": 1, "revision": "", "licence": ""}'])
def test_pin_that_is_none_is_named(text, tmp_path):
    path = tmp_path / "base.json"
    with pytest.raises(Fault, match=r"base\.json: no such file.*make base"):
        load_base(path)
    path.write_text(text)
    with pytest.raises(Fault, match=r"base\.json"):
        load_base(path)
