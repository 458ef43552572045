"""Remotes: one setting, nothing secret in it; pushed and pulled through a real S3 server, and what is rotten or lacking is named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.desk.remote import set_remote
from pipeline.desk.remotes.setting import without_secrets
from pipeline.stage import Fault
from tests.locked_project import cloned, lines
from tests.project import ROOT, git
from tests.s3_server import BUCKET, KEYS, running_s3
from tests.verified_project import KEPT, ROWS, copied, lock


@pytest.fixture
def desk(locked_project, tmp_path):
    return copied(locked_project, tmp_path / "desk")


def command(folder, environment, name, *arguments):
    """Run a command of the project; returns exit status and what it said."""
    module = f"pipeline.{'desk' if name == 'remote' else 'pull_request'}.{name}"
    environment = {**environment, "PYTHONPATH": str(ROOT), "DVC_SITE_CACHE_DIR": str(folder / ".dvc/tmp/site")}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def works(folder, environment, name, *arguments):
    status, said = command(folder, environment, name, *arguments)
    assert status == 0, said
    return said


@pytest.fixture
def pushed(desk, s3):
    """The author's desk with an S3 remote, pushed."""
    works(desk, s3.environment, "remote", s3.url, s3.endpoint)
    git(desk, "commit", "-q", "-a", "-m", "a remote")
    works(desk, s3.environment, "push")
    return desk


def key_of(s3, digest):
    return next(
        name
        for name in s3.names()
        if name.startswith(s3.url.split("/", 3)[3]) and name.endswith(f"{digest[:2]}/{digest[2:]}")
    )


@pytest.mark.slow
def test_a_second_clone_gets_everything_from_s3_and_runs_nothing(pushed, s3, tmp_path):
    config = (pushed / ".dvc/config").read_text()
    assert "verify = True" in config
    assert f"endpointurl = {s3.endpoint}" in config
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in config
    clone = cloned(pushed, tmp_path / "clone")
    said = works(clone, s3.environment, "verify_lock")
    assert "dvc.lock is in order" in said
    assert "all that dvc.lock names is here" in works(clone, s3.environment, "pull")
    for name in (KEPT, "models/adapter/weights.bin", "data/predictions/accepted/answers.txt"):
        assert (clone / name).read_bytes() == (pushed / name).read_bytes()
    assert (clone / ".dvc/cache/runs").is_dir()
    assert git(clone, "status", "--short") == ""
    assert "all that dvc.lock names is on the remote" in works(clone, s3.environment, "push")


@pytest.mark.rehearsal
def test_with_a_base_its_answers_come_too_and_what_lacks_is_no_fault(pushed, s3, tmp_path):
    base = git(pushed, "rev-parse", "HEAD").strip()
    answers = next(
        out["md5"]
        for stage in lock(pushed)["stages"].values()
        for out in stage.get("outs", ())
        if out["path"].startswith("data/predictions/")
    )
    clone = cloned(pushed, tmp_path / "clone")
    content = (clone / "dvc.lock").read_text()
    assert content.count(answers)
    (clone / "dvc.lock").unlink()  # a change whose own lock names none of it
    git(clone, "commit", "-q", "-a", "-m", "not run")
    works(clone, s3.environment, "pull", f"{base}...")
    assert (clone / ".dvc/cache/files/md5" / answers[:2] / answers[2:]).is_file()
    shutil.rmtree(clone / ".dvc/cache")
    s3.client().delete_object(Bucket=BUCKET, Key=key_of(s3, answers))
    assert f"pull: {base[:12]}: not all that it answered could be fetched" in works(clone, s3.environment, "pull", base)


@pytest.mark.rehearsal
def test_a_rotten_object_of_the_remote_is_refused_and_a_missing_one_is_named(pushed, s3, tmp_path):
    clone = cloned(pushed, tmp_path / "clone")
    digest = next(out["md5"] for out in lock(pushed)["stages"]["count"]["deps"] if out["path"] == KEPT)
    s3.client().put_object(Bucket=BUCKET, Key=key_of(s3, digest), Body=b"other bytes")
    status, said = command(clone, s3.environment, "pull")
    assert status == 1
    assert f"pull: {KEPT} ({KEPT}.dvc): was refused, since its object on storage (" in said
    assert "1 objects are not what their names say" in said
    assert not (clone / KEPT).exists()
    assert (clone / "models/adapter/weights.bin").exists()
    s3.client().delete_object(Bucket=BUCKET, Key=key_of(s3, digest))
    status, said = command(clone, s3.environment, "verify_lock")
    assert status == 1
    assert f"verify-lock: {KEPT} ({KEPT}.dvc): its object {digest[:2]}/{digest[2:]} is not on storage" in said
    assert f"pull: {KEPT} ({KEPT}.dvc): is not on storage (" in works(clone, s3.environment, "pull")
    works(pushed, s3.environment, "push")  # what was taken away is sent again
    works(clone, s3.environment, "verify_lock")


@pytest.mark.rehearsal
def test_what_is_wrong_with_a_remote_is_one_line_that_names_setting_or_variable(pushed, s3, tmp_path):
    def said(environment, name="pull"):
        status, words = command(clone, environment, name)
        assert status == 1
        return words

    clone = cloned(pushed, tmp_path / "clone")
    for name in ("pull", "push"):
        assert f"{name}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: not set, and remote storage (" in said(
            s3.nobody, name
        )
    (clone / ROWS).write_text("other\n")
    words = said(s3.nobody, "verify_lock")
    assert "verify-lock: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: not set" in words
    assert f"{ROWS} (count): has changed" in words
    config = clone / ".dvc/config"
    text = config.read_text()
    config.write_text(text.replace(f"s3://{BUCKET}", "s3://nobodys-bucket"))
    assert ".dvc/config: remote storage: url: storage (s3://nobodys-bucket/" in said(s3.environment)
    with running_s3(tmp_path / "log", INITIAL_NO_AUTH_ACTION_COUNT="1") as strict:
        config.write_text(text.replace(s3.endpoint, strict.endpoint))
        words = said(strict.environment)
    assert "pull: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: refused by remote storage (" in words
    words = said(strict.environment)  # that server is gone
    assert f".dvc/config: remote storage: endpointurl: the server {strict.endpoint} cannot be reached" in words
    assert "Traceback" not in words


@pytest.mark.slow
def test_a_folder_is_a_remote_too_and_a_late_lock_is_pushed_and_said(desk, tmp_path):
    works(desk, os.environ, "remote", "../storage")
    (desk / ROWS).write_text("other words\n")
    assert "push: dvc.lock is not of this tree (2 lines in make verify-lock)" in works(desk, os.environ, "push")
    git(desk, "checkout", "-q", "--", ROWS)
    git(desk, "commit", "-q", "-a", "-m", "a remote")
    clone = cloned(desk, tmp_path / "clone")
    works(clone, os.environ, "pull")
    assert lines(clone) == []


@pytest.mark.slow
def test_without_a_remote_push_and_pull_say_what_to_do(desk):
    for name in ("push", "pull"):
        status, said = command(desk, os.environ, name)
        assert (status, said.count("\n")) == (1, 1)
        assert f"{name}: .dvc/config: names no remote; make remote URL=" in said


@pytest.mark.parametrize(
    ("url", "endpoint", "said"),
    [
        ("s3://key:s3cr3t@bucket/x", "", r"^URL=s3://bucket/x: carries a password"),
        ("s3://key@bucket/x", "", r"^URL=s3://bucket/x: carries a name or a key"),
        ("azure://box/x?sv=1&sig=s3cr3t", "", r"^URL=azure://box/x: carries a query"),
        ("s3://bucket/x", "http://key:s3cr3t@host", r"^ENDPOINT=http://host: carries a password"),
        ("ssh://name:s3cr3t@host/x", "", r"^URL=ssh://host/x: carries a password"),
        ("s3://bucket/x", "host:9000", r"^ENDPOINT=host:9000: is no address of a server"),
        ("ssh://host/x", "http://host", r"^ENDPOINT: is for s3:// and gs://"),
        ("ftp://host/x", "", r"^URL=ftp://host/x: is none of s3://, gs://, azure://, ssh://"),
        ("s3://", "", r"^URL=s3://: names no bucket"),
        ("inside", "", r"^URL=inside: lies in the project"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(tmp_path, url, endpoint, said):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    analytics = false\n")
    with pytest.raises(Fault, match=said) as fault:
        set_remote(tmp_path, url, endpoint)
    assert "s3cr3t" not in str(fault.value)
    assert (tmp_path / ".dvc/config").read_text() == "[core]\n    analytics = false\n"


def test_without_an_address_it_is_a_folder_beside_the_project_until_there_is_a_remote(tmp_path, monkeypatch):
    project = tmp_path / "our model"
    (project / ".dvc").mkdir(parents=True)
    (project / ".dvc/config").write_text("")
    monkeypatch.chdir(project)
    set_remote(project, " ", "")
    assert "url = ../../our model-objects\n" in (project / ".dvc/config").read_text()
    assert (tmp_path / "our model-objects").is_dir()
    with pytest.raises(Fault, match=r"^URL: is not set \(the remote is storage \(.*our model-objects\)\)"):
        set_remote(project, "", "")


def test_another_address_keeps_the_remote_s_name_and_the_rest_of_the_settings(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    remote = ours\n['remote \"ours\"']\n    url = /nowhere\n")
    setting = set_remote(tmp_path, "s3://bucket/x", "http://127.0.0.1:1")
    assert (setting.name, setting.url, setting.endpoint, setting.is_verified) == (
        "ours",
        "s3://bucket/x",
        "http://127.0.0.1:1",
        True,
    )
    assert without_secrets("s3://a:b@c/d?e#f") == "s3://c/d"


def test_setup_reads_the_scheme_of_the_remote(tmp_path):
    """A fresh clone gets the plugin: the script is run with a python that only writes down what it is asked."""
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("curriculum"))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "venv/bin").mkdir(parents=True)
    for place in (tmp_path / "python", tmp_path / "venv/bin/python"):
        place.write_text('#!/bin/sh\necho "$@" >> asked\n')
        place.chmod(0o755)
    for config, wanted in (("", ""), ("['remote \"x\"']\n    url = s3://bucket/x\n", "-r requirements/remote-s3.txt")):
        (tmp_path / ".dvc/config").write_text(config)
        (tmp_path / "asked").unlink(missing_ok=True)
        subprocess.run(["sh", "tools/setup.sh", "./python", "venv", "x"], cwd=tmp_path, check=True, capture_output=True)
        asked = Path(tmp_path / "asked").read_text()
        assert "-r requirements/dev.txt" in asked
        assert ("remote-" in asked) == bool(wanted)
        assert wanted in asked
