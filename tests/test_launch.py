"""More than one process: two of them learn what one learns, and what is launched is said in a line where it fails."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from pipeline.stage import ENVIRONMENT, Fault
from pipeline.train import main
from tests.lessons import NAMES, mixed, params, paths, project
from tests.project import ROOT, record

pytestmark = pytest.mark.slow
TWO = {"device": "cpu", "schedule": "constant", "warmup_share": 0.0, "keep": "last", "save_every": 100}


def trained_apart(folder, launch, *phases, check=True, **changes):
    """The stage as `dvc.yaml` runs it, in a process of its own."""
    values = params(*phases, launch=launch, **TWO | changes).model_dump()
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": values}))
    out, keys = f"out-{launch}", ("train", "validation", "few-shot", "prompt", "schema", "replay")
    given = dict(zip(keys, NAMES, strict=False)) | {"launch": f"{launch}.yaml", "start": "base.json", "out": out}
    shutil.rmtree(folder / out, ignore_errors=True)
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    arguments = [word for key, value in given.items() for word in (f"--{key}", value)]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.train", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("train: 1-") == 1, done.stdout
    return done, folder / out


def losses(out):
    rows = [line.split("\t") for line in (out / "loss.tsv").read_text().splitlines()[1:]]
    return {
        (row[0], kind): float(cell) for row in rows for kind, cell in (("loss", row[2]), ("validation", row[3])) if cell
    }


@pytest.fixture
def folder(base, tmp_path):
    project(tmp_path, base, [record(n) for n in range(32)], [record(n) for n in range(40, 44)])
    for path in (ROOT / "launch").glob("*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def compare(folder, *phases, **changes):
    """Two processes of four rows a step against one of eight."""
    from safetensors.torch import load_file

    several = {phase: {"batch_size": 4, **changes} for phase in phases}
    whole = {phase: {"batch_size": 8, **changes} for phase in phases}
    _, two = trained_apart(folder, "ddp", *phases, **several)
    _, one = trained_apart(folder, "single", *phases, **whole)
    first, second = losses(two), losses(one)
    assert first.keys() == second.keys()
    for key, value in second.items():
        if key[1] == "loss":
            assert first[key] == pytest.approx(value, rel=1e-4), key
    found, wanted = (load_file(next(out.rglob("*.safetensors"))) for out in (two, one))
    assert all((found[name] - wanted[name]).abs().max() < 1e-3 for name in wanted)
    proofs = [json.loads((out / "proofs.json").read_text()) for out in (two, one)]
    for name in proofs[0]:
        assert [proof[name]["steps"] for proof in proofs] == [proofs[0][name]["steps"]] * 2
        assert [proof[name]["rows_trained"] for proof in proofs] == [proofs[0][name]["rows_trained"]] * 2


@pytest.mark.rehearsal
def test_two_processes_learn_what_one_learns(folder):
    compare(folder, "lora", epochs=2)


@pytest.mark.rehearsal
def test_two_processes_learn_what_one_learns_with_all_weights(folder):
    compare(folder, "full", epochs=2)


@pytest.mark.rehearsal
def test_two_processes_learn_from_preferences(folder, base):
    project(folder, base, [*mixed(), *mixed(100)], mixed(200))
    compare(folder, "dpo", epochs=2)


@pytest.mark.rehearsal
def test_a_fault_of_a_process_is_told_once_and_in_a_line(folder):
    done, out = trained_apart(folder, "ddp", "lora", check=False, adapter={"targets": ["no_such_layer"]})
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("train: params.yaml: train.adapter.targets: ['no_such_layer'] match no module")
    assert not out.exists()


def test_a_file_that_is_not_there_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    places = paths()
    places[6] = folder / "other.yaml"
    with pytest.raises(Fault, match=r"train\.launch: there is no .*other\.yaml"):
        main(params("lora", launch="other"), *places)


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_launch_file_is_one_that_accelerate_reads(path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_machines == 1
    assert (config.num_processes > 1) == (path.stem != "single")
    kinds = {"single": "NO", "ddp": "MULTI_GPU", "fsdp": "FSDP", "zero3": "DEEPSPEED"}
    assert config.distributed_type == kinds[path.stem]
