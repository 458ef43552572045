"""Which model is served: the accepted one, what a commit trained, or one that is named; by digest, commit and split."""

import hashlib
import json
import shutil

import pytest
import yaml

from pipeline.data.records import digest
from pipeline.desk.accepted import Pointer, Record, write
from pipeline.production.chosen import chosen
from pipeline.pull_request.verifying.hashes import folder_digest
from pipeline.stage import Fault
from tests.project import git


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """A repository whose dvc.lock names a trained folder in DVC's cache, accepted too."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    files = {"phases.json": b'{"phases": []}', "1-lora/adapter_config.json": b"{}"}
    listing = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    model = folder_digest(listing)
    rows = [{"md5": listing[name], "relpath": name} for name in sorted(listing)]
    objects = {
        **dict(zip(listing.values(), files.values(), strict=True)),
        model: json.dumps(rows, sort_keys=True).encode(),
    }
    for name, content in objects.items():
        place = tmp_path / ".dvc/cache/files/md5" / name[:2] / name[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (tmp_path / ".dvc/config").write_text("")
    outs = [{"path": "models/adapter", "md5": model, "size": 16, "nfiles": 2}]
    split = [{"path": "data/split", "md5": f"{digest('split')}.dir"}]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"train": {"outs": outs}, "split": {"outs": split}}}))
    told = {
        "base": {},
        "metrics": {},
        "gate": [],
        "who": "Asha",
        "why": "x",
        "date": "2026-11-27",
        "rolled_back_from": None,
    }
    (tmp_path / "models").mkdir()
    write(tmp_path, Pointer(model, 16, 2), Record(revision="1" * 40, model=model, data="d.dir", **told))
    git(tmp_path, "add", "dvc.lock", "models")
    git(tmp_path, "commit", "-q", "-m", "one")
    return files, model, split[0]["md5"]


def test_the_accepted_model_and_that_of_a_commit_are_laid_out_beside_the_tree(committed, tmp_path):
    files, model, split = committed
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    accepted, trained = (chosen(revision, "", tmp_path, print) for revision in ("", "HEAD"))
    assert (accepted.digest, accepted.revision, accepted.data) == (model, "1" * 40, "d.dir")
    assert (trained.digest, trained.revision, trained.data) == (model, head, split)
    assert {
        str(one.relative_to(trained.path)): one.read_bytes() for one in trained.path.rglob("*") if one.is_file()
    } == files
    assert accepted.path == trained.path
    assert accepted.path.is_relative_to(".cache/served")
    shutil.copytree(trained.path, tmp_path / "models/adapter")
    given = chosen("", "models/adapter", tmp_path, print)
    assert (given.digest, given.revision, given.data) == (model, head, split)
    (tmp_path / "models/adapter/phases.json").write_text("{}")
    other = chosen("", "models/adapter", tmp_path, print)
    assert (other.revision, other.data, other.digest == model) == ("", "", False)


@pytest.mark.usefixtures("committed")
def test_a_model_that_neither_cache_nor_remote_has_is_told(tmp_path):
    shutil.rmtree(tmp_path / ".dvc/cache")
    for revision, place in (("", r"models/accepted\.dvc"), ("HEAD", "REV=HEAD")):
        with pytest.raises(
            Fault, match=rf"{place}: the object \w+\.dir is not in the cache.*; run make push where it was trained"
        ):
            chosen(revision, "", tmp_path, print)
