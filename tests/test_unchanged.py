"""A run that has nothing to do is told from the state of the files; any change of one is seen."""

import os
from pathlib import Path

import pytest
import yaml

from pipeline.desk import unchanged

STAGES = {
    "count": {
        "cmd": "count",
        "deps": [{"path": "data/rows", "md5": "a"}, {"path": "code.py", "md5": "b"}],
        "outs": [{"path": "reports/count.json", "md5": "c"}],
    }
}


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data/rows/one.jsonl", "code.py", "reports/count.json", "dvc.yaml", "params.yaml", "models/a.dvc"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x", encoding="utf-8")
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": STAGES}), encoding="utf-8")
    unchanged.remember()


def test_what_is_as_it_was_is_unchanged_and_before_the_first_run_nothing_is():
    assert unchanged.is_unchanged()
    assert unchanged.is_unchanged()
    unchanged.forget()
    assert not unchanged.is_unchanged()


@pytest.mark.parametrize(
    "name",
    ["data/rows/one.jsonl", "code.py", "reports/count.json", "dvc.yaml", "dvc.lock", "params.yaml", "models/a.dvc"],
)
def test_a_file_that_was_written_or_deleted_is_seen(name):
    before, text = Path(name).stat(), Path(name).read_text(encoding="utf-8")
    os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not unchanged.is_unchanged()
    os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert unchanged.is_unchanged()
    Path("other").write_text(text, encoding="utf-8")
    os.utime("other", ns=(before.st_atime_ns, before.st_mtime_ns))
    Path("other").replace(name)
    assert not unchanged.is_unchanged()
    Path(name).unlink()
    assert not unchanged.is_unchanged()


@pytest.mark.parametrize("name", ["data/rows/two.jsonl", "data/rows/deep/three.jsonl", "data/raw/b.dvc", ".dvc/config"])
def test_a_file_that_was_added_is_seen(name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("x", encoding="utf-8")
    assert not unchanged.is_unchanged()


def test_a_file_that_no_stage_knows_changes_nothing():
    Path("README.md").write_text("x", encoding="utf-8")
    assert unchanged.is_unchanged()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"paths": 3, "files": {}}'])
def test_a_note_that_is_torn_is_no_note(text):
    unchanged.STATE.write_text(text, encoding="utf-8")
    assert not unchanged.is_unchanged()


def test_a_stage_that_runs_each_time_is_never_unchanged():
    unchanged.forget()
    Path("dvc.yaml").write_text("stages: {a: {always_changed: true}}", encoding="utf-8")
    unchanged.remember()
    assert not unchanged.is_unchanged()
