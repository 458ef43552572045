"""make publish on a model that was trained: to a folder and to an S3 server, as it is and merged, and what it says where it cannot."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from dvc.repo import Repo

from pipeline import train
from pipeline.desk import accepted
from pipeline.pull_request.promoting.places import MANIFEST
from tests.lessons import params, paths, project
from tests.project import ROOT, git
from tests.s3_server import BUCKET, running_s3
from tests.verified_project import dvc

pytestmark = pytest.mark.slow
BEHIND = f"s3://{BUCKET}/released"


@pytest.fixture(scope="module")
def production(base, tmp_path_factory):
    """A repository whose accepted model is an adapter that was trained for two epochs on a random base."""
    folder = project(tmp_path_factory.mktemp("production") / "p", base)
    with contextlib.chdir(folder):
        train.main(params("lora"), *paths())
        shutil.move("out", "models/accepted")
        (folder / "data/split").mkdir(parents=True)
        for side in ("train", "validation"):
            shutil.copy(f"{side}.jsonl", "data/split")
        git(folder, "init", "-q", "-b", "main")
        Repo.init().close()
        with dvc(folder) as repo:
            repo.add(str(folder / "models/accepted"))
    pointer = accepted.pointer_of((folder / accepted.POINTER).read_text())
    record = accepted.Record(
        revision="a" * 40,
        model=pointer.digest,
        data="b" * 32,
        base={"model": "model", "revision": "", "licence": "x"},
        metrics={},
        gate=[],
        who="Asha",
        why="it names every colour",
        date="2031-01-02",
        rolled_back_from=None,
    )
    accepted.write(folder, pointer, record)
    git(folder, "add", "-A", "models", ".dvc", "data")
    git(folder, "commit", "-q", "-m", "in production")
    return folder, pointer


def publish(folder, to, form, environment=None):
    """The command as make runs it."""
    (folder / "params.yaml").write_text(
        yaml.safe_dump({"publish": {"name": "colours", "stage": "production", "to": str(to), "form": form}})
    )
    given = {**(environment or os.environ), "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "pipeline.pull_request.publish"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=given, check=False)


def is_whole(manifest, content):
    """Whether each file that the manifest tells of has the bytes that it tells."""
    return all(hashlib.sha256(content(name)).hexdigest() == one["sha256"] for name, one in manifest["files"].items())


def test_an_adapter_in_a_folder_is_what_was_trained(production, tmp_path):
    folder, pointer = production
    done = publish(folder, tmp_path / "out", "adapter")
    assert done.returncode == 0, done.stderr
    place = tmp_path / f"out/colours/{pointer.digest[:12]}-adapter"
    manifest = json.loads((place / MANIFEST).read_text())
    assert (manifest["model"], manifest["form"]) == (pointer.digest, "adapter")
    assert manifest["record"]["why"] == "it names every colour"
    trained = {path.relative_to(folder / accepted.FOLDER): path for path in (folder / accepted.FOLDER).rglob("*.*")}
    assert {path.relative_to(place) for path in place.rglob("*.*")} - {(place / MANIFEST).relative_to(place)} == set(
        trained
    )
    assert all((place / name).read_bytes() == path.read_bytes() for name, path in trained.items())
    assert is_whole(manifest, lambda name: (place / name).read_bytes())


@pytest.mark.rehearsal
def test_a_merged_model_needs_no_base_to_load_and_says_what_was_trained(production, tmp_path):
    import torch

    from pipeline.model.adapter import load_any
    from pipeline.model.base import load_model, load_tokenizer

    folder, pointer = production
    done = publish(folder, tmp_path / "out", "merged")
    assert done.returncode == 0, done.stderr
    place = tmp_path / f"out/colours/{pointer.digest[:12]}-merged"
    assert is_whole(json.loads((place / MANIFEST).read_text()), lambda name: (place / name).read_bytes())
    ids = torch.arange(3, 40)[None]
    with contextlib.chdir(folder), torch.no_grad():
        served = load_any(accepted.FOLDER, "auto", "cpu").model(ids).logits
        assert torch.equal(load_model(place, "auto", "cpu")(ids).logits, served)
    assert load_tokenizer(place).chat_template


@pytest.mark.parametrize("form", ["adapter", pytest.param("merged", marks=pytest.mark.rehearsal)])
def test_an_object_store_gets_the_manifest_last_and_what_lacks_it_is_written_again(production, s3, form):
    folder, pointer = production
    given = s3.environment | {"AWS_ENDPOINT_URL": s3.endpoint}
    prefix = f"released/colours/{pointer.digest[:12]}-{form}/"
    client = s3.client()
    client.put_object(Bucket=BUCKET, Key=f"{prefix}prompt.yaml", Body=b"of a try that was cut off")
    done = publish(folder, BEHIND, form, given)
    assert done.returncode == 0, done.stderr
    there = {
        one["Key"]: one["LastModified"] for one in client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    }

    def content(name):
        return client.get_object(Bucket=BUCKET, Key=prefix + name)["Body"].read()

    manifest = json.loads(content(MANIFEST))
    assert set(there) == {prefix + name for name in (*manifest["files"], MANIFEST)}
    assert is_whole(manifest, content)
    assert max(there.values()) == there[prefix + MANIFEST]
    again = publish(folder, BEHIND, form, given)
    assert (
        again.stdout == f"publish: {BEHIND}/colours/{prefix.split('/')[2]} has {pointer.digest[:12]}-{form} already\n"
    )


def test_a_bucket_that_is_not_there_is_named_and_not_made(production, s3):
    folder, _ = production
    done = publish(folder, "s3://no-such-bucket/x", "adapter", s3.environment | {"AWS_ENDPOINT_URL": s3.endpoint})
    assert is_a_line(done), done.stdout + done.stderr
    assert [one["Name"] for one in s3.client().list_buckets()["Buckets"]] == [BUCKET]


def test_a_store_that_lets_nobody_in_is_named(production, tmp_path):
    folder, _ = production
    with running_s3(tmp_path / "log", INITIAL_NO_AUTH_ACTION_COUNT="1") as strict:
        done = publish(folder, BEHIND, "adapter", strict.environment | {"AWS_ENDPOINT_URL": strict.endpoint})
    assert is_a_line(done), done.stdout + done.stderr


def is_a_line(done):
    """Whether the command ended with one line that names the place and what to do, and with nothing published."""
    (line,) = done.stderr.splitlines()
    said = line.startswith("publish: s3://") and "cannot be read or written (" in line and "mend the connection" in line
    return done.returncode == 1 and said and MANIFEST not in done.stdout
