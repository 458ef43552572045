"""make verify-lock: silent on a clean clone, and for each way in which a lock can be wrong a line with file and stage."""

import json
import shutil
import subprocess
import sys

import pytest

from pipeline.pull_request.locking.check import look
from pipeline.stage import Fault
from tests.locked_project import cloned, digest_in, lines, param, push, remote_at, rerun
from tests.project import ROOT, git
from tests.verified_project import KEPT, ROWS, copied, dvc, edit_lock, lock

pytestmark = pytest.mark.slow
COUNT, SCORE = "reports/count.json", "reports/score.json"


@pytest.fixture(scope="module")
def honest(locked_project, tmp_path_factory):
    folder = copied(locked_project, tmp_path_factory.mktemp("honest") / "project")
    storage = folder.parent / "storage"
    storage.mkdir()
    remote_at(folder, str(storage))
    push(folder)
    return folder


@pytest.fixture
def clone(honest, tmp_path):
    """A clean clone without a cache, with a remote of its own."""
    folder = cloned(honest, tmp_path / "clone")
    shutil.copytree(honest.parent / "storage", tmp_path / "storage")
    with dvc(folder) as repo, repo.config.edit("repo") as config:
        config["remote"]["storage"]["url"] = str(tmp_path / "storage")
    return folder


@pytest.fixture
def desk(honest, tmp_path):
    """The author's own tree, with its cache."""
    return copied(honest, tmp_path / "desk")


def only(found):
    assert len(found) == 1, found
    return found[0]


def in_storage(tmp_path, digest):
    return tmp_path / "storage/files/md5" / digest[:2] / digest[2:]


def test_a_clean_clone_passes_and_the_tree_stays_as_it_is(clone):
    assert not (clone / KEPT).exists()
    assert not (clone / "models/accepted").exists()
    looked = look(clone, print)
    assert (looked.findings, looked.notes) == ([], [])
    assert looked.objects > 10
    assert git(clone, "status", "--short") == " M .dvc/config\n"


def test_the_author_s_tree_passes_too(desk):
    assert lines(desk) == []


def test_without_a_remote_it_says_so_and_checks_the_rest(clone):
    (clone / ".dvc/config").write_text("")
    looked = look(clone, print)
    assert looked.findings == []
    assert "objects cannot be looked up: no remote is set: make remote URL=" in looked.notes[0]
    assert "were compared with each other only: the list of the files of data/counted" in looked.notes[1]
    (clone / ROWS).write_text("other words\n")
    assert f"stale: {ROWS} (count): has changed since it was read" in lines(clone)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / ROWS).write_text("other\n"), [f"{ROWS} (count)", "data/raw (sizes)"]),
        (lambda folder: (folder / ROWS).unlink(), [f"{ROWS} (count): is gone", "data/raw (sizes)"]),
        (
            lambda folder: param(folder, "least: 0.1", "least: 0.2"),
            ["params.yaml: count.least (count): is 0.2 and was 0.1"],
        ),
        (
            lambda folder: (folder / "dvc.yaml").write_text(
                (folder / "dvc.yaml").read_text().replace("wc -c", "wc -l")
            ),
            ["dvc.yaml (sizes): the command of sizes has changed"],
        ),
        (lambda folder: (folder / COUNT).write_text("{}"), [f"{COUNT} (count): is not what count wrote"]),
        (lambda folder: (folder / COUNT).unlink(), [f"{COUNT} (count): is not there"]),
    ],
)
def test_what_differs_is_named_with_its_stage(clone, change, said):
    change(clone)
    found = lines(clone)
    assert len(found) == len(said), found
    assert all(any(part in line and line.startswith("stale: ") for line in found) for part in said)
    assert all("make run, and commit dvc.lock and reports" in line for line in found)


def test_code_is_named_once_for_each_stage_that_runs_it(clone):
    (clone / "code/step.py").write_text((clone / "code/step.py").read_text() + "\n")
    stages = {line.split("(")[1].split(")")[0] for line in lines(clone) if line.startswith("stale: code/step.py ")}
    assert stages == {"count", "train", "predict@tuned", "predict@other", "score"}


def test_a_file_of_dvc_that_another_one_replaced(clone):
    pointer = clone / f"{KEPT}.dvc"
    pointer.write_text(pointer.read_text().replace(digest_in(clone, f"{KEPT}.dvc"), "a" * 32))
    found = lines(clone)
    assert any(f"stale: {KEPT} (count): is aaaaaaaa by dvc.lock" in line for line in found)
    assert any("stale: data/raw (sizes): has changed" in line for line in found)
    assert any(f"missing: {KEPT} ({KEPT}.dvc): its object aa/aaa" in line for line in found)


def test_a_file_of_dvc_that_was_edited_and_not_added(desk):
    (desk / KEPT).chmod(0o644)
    (desk / KEPT).write_bytes(b"edited")
    assert f"stale: {KEPT} ({KEPT}.dvc): is not what {KEPT}.dvc names; dvc add {KEPT}, then make run" in only(
        lines(desk)
    )


def test_a_lock_that_was_edited_by_hand(clone):
    edit_lock(clone, "train", "models/adapter", md5="0" * 32 + ".dir")
    found = lines(clone)
    assert any("stale: models/adapter (predict@tuned): is 00000000 by dvc.lock" in line for line in found)
    assert any("missing: models/adapter (train): its object 00/000" in line for line in found)


def test_an_output_of_one_arm_that_the_reports_do_not_know(clone):
    other = next(out["md5"] for out in lock(clone)["stages"]["count"]["outs"] if out["path"] == "data/counted")
    edit_lock(clone, "predict@tuned", "data/predictions/tuned", md5=other)
    assert "stale: data/predictions (score): has changed" in only(lines(clone))


def test_a_part_of_an_output_is_found_in_the_list_of_its_files(clone):
    edit_lock(clone, "train", "data/counted/words.txt", md5="0" * 32)
    assert "stale: data/counted/words.txt (train): has changed since it was read" in only(lines(clone))


def test_stages_that_read_different_bytes_of_one_path_are_told_apart_without_any_list(clone):
    (clone / ".dvc/config").write_text("")
    pipeline = (clone / "dvc.yaml").read_text()
    again = pipeline.split("  train:")[1].split("  predict:")[0].replace("models/adapter", "models/again")
    (clone / "dvc.yaml").write_text(pipeline.replace("  predict:", f"  again:{again}  predict:"))
    content = lock(clone)
    content["stages"]["again"] = json.loads(
        json.dumps(content["stages"]["train"]).replace("models/adapter", "models/again")
    )
    (clone / "dvc.lock").write_text(json.dumps(content))
    assert lines(clone) == []
    edit_lock(clone, "again", "data/counted/words.txt", md5="0" * 32)
    assert "data/counted/words.txt (" in only(lines(clone))


def test_a_new_stage_a_new_input_and_a_stage_that_is_no_more(clone):
    pipeline = (clone / "dvc.yaml").read_text()
    (clone / "dvc.yaml").write_text(
        pipeline.replace("deps: [data/raw]", "deps: [data/raw, params.yaml]").replace("  score:", "  judge:")
    )
    looked = look(clone, print)
    found = [str(one) for one in looked.findings]
    assert any("dvc.lock (judge): has no entry for judge" in line for line in found)
    assert any("params.yaml (sizes): has no digest in dvc.lock" in line for line in found)
    assert looked.notes == ["dvc.lock has an entry for score, which dvc.yaml does not know"]


def test_a_project_that_never_ran(clone):
    (clone / "dvc.lock").unlink()
    found = lines(clone)
    assert found[0].startswith("stale: dvc.lock: is not there: the pipeline has not been run yet; make run")
    assert len(found) == 1


def test_objects_that_the_remote_lacks_are_named_with_path_and_stage(clone, tmp_path):
    digest = next(out["md5"] for out in lock(clone)["stages"]["train"]["outs"])
    listing = {row["relpath"]: row["md5"] for row in json.loads(in_storage(tmp_path, digest).read_text())}
    in_storage(tmp_path, listing["weights.bin"]).unlink()
    in_storage(tmp_path, digest_in(clone, f"{KEPT}.dvc")).unlink()
    found = sorted(lines(clone))
    name = f"{listing['weights.bin'][:2]}/{listing['weights.bin'][2:]}"
    assert any(
        f"missing: models/adapter/weights.bin (train): its object {name} is not on storage (" in line for line in found
    )
    assert any(f"missing: {KEPT} ({KEPT}.dvc): its object " in line for line in found)
    assert all("make push where it was made" in line for line in found)
    in_storage(tmp_path, digest).unlink()
    assert any("missing: models/adapter (train): its object " in line for line in lines(clone))


def test_a_list_of_files_that_was_tampered_with_on_the_remote(clone, tmp_path):
    digest = next(out["md5"] for out in lock(clone)["stages"]["train"]["outs"])
    place = in_storage(tmp_path, digest)
    place.chmod(0o644)
    place.write_text("[]")
    assert any(
        "missing: models/adapter (train): the list of its files on storage (" in line and "is rotten" in line
        for line in lines(clone)
    )


def test_a_remote_that_is_not_there_is_one_line_and_the_rest_is_told(clone, tmp_path):
    shutil.rmtree(tmp_path / "storage")
    (clone / ROWS).write_text("other\n")
    found = lines(clone)
    assert any(
        f".dvc/config: remote storage: url: {tmp_path}/storage is not there; mount or create" in line for line in found
    )
    assert any(f"{ROWS} (count)" in line for line in found)
    assert sum(line.startswith("missing") for line in found) == 1


@pytest.mark.parametrize("settings", [{"secret_access_key": "x"}, {"url": "s3://name:word@bucket/x"}])
def test_a_secret_in_the_configuration_is_refused(clone, settings):
    with dvc(clone) as repo, repo.config.edit("repo", validate=False) as config:
        config["remote"]["storage"] = {"url": "s3://bucket/x", **settings}
    with pytest.raises(
        Fault, match=r"\.dvc/config: remote storage: (holds secret_access_key|carries a password)"
    ) as fault:
        look(clone, print)
    assert "word@" not in str(fault.value)


def test_late_answers_of_the_accepted_model_are_pending_and_what_waits_for_them_too(desk):
    older = (desk / "models/accepted.dvc").read_text()
    (desk / "models/accepted/metrics.json").chmod(0o644)
    (desk / "models/accepted/metrics.json").write_text('{"loss": 0.4}\n')
    with dvc(desk) as repo:
        repo.add(str(desk / "models/accepted"))
        repo.push()
    assert "pending: models/accepted (predict@accepted): is " in only(lines(desk))
    (desk / "models/accepted.dvc").write_text(older)
    shutil.rmtree(desk / "models/accepted")
    assert lines(desk) == []
    content = lock(desk)
    del content["stages"]["predict@accepted"]
    (desk / "dvc.lock").write_text(json.dumps(content))
    assert {line.split(":")[0] for line in lines(desk)} == {"pending", "stale"}  # score has read its answers
    shutil.rmtree(desk / "data/predictions/accepted")
    rerun(desk, "scores without it", "score")
    assert "pending: dvc.lock (predict@accepted): has no entry for predict@accepted" in only(lines(desk))


def test_scores_that_were_made_before_the_accepted_model_answered_are_pending(desk):
    shutil.rmtree(desk / "data/predictions/accepted")
    param(desk, ", accepted: {model: models/accepted}", "")
    rerun(desk, "scores without it", "score")
    param(desk, "arms: {", "arms: {accepted: {model: models/accepted}, ")
    rerun(desk, "it answers", "predict@accepted")
    push(desk)
    assert "pending: data/predictions (score): has changed" in only(lines(desk))


def test_the_command_exits_one_on_what_is_stale_and_zero_on_what_is_pending(clone):
    def run():
        command = [sys.executable, "-m", "pipeline.pull_request.verify_lock"]
        return subprocess.run(
            command, cwd=clone, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True
        )

    assert (done := run()).returncode == 0, done.stderr
    assert "verify-lock: dvc.lock is in order" in done.stdout
    edit_lock(clone, "predict@accepted", "models/accepted", md5="0" * 32 + ".dir")
    assert (done := run()).returncode == 0
    assert "verify-lock: pending: models/accepted (predict@accepted): " in done.stdout
    assert "verify-lock: dvc.lock is in order; 1 pending" in done.stdout
    (clone / "dvc.lock").write_text("<<<<<<< HEAD\n")
    assert (done := run()).stderr == "verify-lock: dvc.lock: holds a merge conflict; run make merge-lock\n"
    assert done.returncode == 1
