"""A rollback writes two files, also after later commits, and refuses what it cannot do; the proof; tags and publishing on the way."""

import json
import shutil
from datetime import date

import pytest

from pipeline.model.base import Base
from pipeline.pull_request.promoting.lifecycle import Named, of_base, of_service, remarks
from pipeline.pull_request.promoting.places import MANIFEST, manifest_of, put, standing
from pipeline.stage import Fault
from tests.project import git
from tests.promoted_project import build, environment
from tests.verified_project import dvc

TODAY = date(2031, 1, 10)


@pytest.mark.rehearsal
def test_out_of_production_and_back_also_after_a_later_data_commit(tmp_path):
    with environment():
        project = build(tmp_path / "p", 60)
        project.add_remote(tmp_path / "remote")
        project.push()
        assert "no model was ever promoted" in project.make("rollback").stderr
        early = git(project.folder, "rev-parse", "HEAD").strip()
        first = project.promoted("the first")
        assert "there was none before it" in project.make("rollback").stderr
        assert "is from before the first promotion" in project.make("rollback", TO=early).stderr
        assert "has the model that is accepted now" in project.make("rollback", TO=first).stderr
        assert "is no revision" in project.make("rollback", TO="--all").stderr
        tagged = project.make("tag")
        assert "model@v0.0.1 is at the stage production; git push --tags" in tagged.stdout, tagged.stderr
        model = project.record()["model"]
        project.rows(80)
        project.push()
        later = project.promoted("the second")
        second = project.record()["model"]
        assert "model@v0.0.2 is at the stage production" in project.make("tag").stdout
        assert "model@v0.0.2 is at the stage production already" in project.make("tag").stdout
        project.rows(90)
        project.push()
        project.forget_cache()  # the remote has it
        with dvc(project.folder) as repo:
            repo.pull()
        done = project.make("rollback", WHY="it is rude")
        assert done.returncode == 0, done.stderr
        changed = git(project.folder, "status", "--porcelain").split()
        assert changed == ["M", "models/accepted.dvc", "M", "models/accepted.json"]
        record = project.record()
        assert (record["model"], record["rolled_back_from"], record["why"]) == (model, second, "it is rude")
        assert json.loads(project.read("models/accepted/weights.json")) == {"right": 60}
        assert project.stale() == {"predict@accepted"}
        assert "has a change that is not committed" in project.make("rollback").stderr
        project.commit("rollback")
        assert "model@v0.0.1 is at the stage production; git push" in project.make("tag").stdout
        project.repro()
        assert project.stale() == set()
        project.commit("asked again")
        assert "there was none before it" in project.make("rollback").stderr  # not the one that was rolled back
        published = project.read("params.yaml").replace('  to: "" ', f"  to: {tmp_path}/out ")
        project.write("params.yaml", published)
        project.commit("a place")
        place = tmp_path / "out/model" / f"{model[:12]}-adapter"
        assert "has " in project.make("publish").stdout
        assert json.loads((place / MANIFEST).read_text())["record"]["why"] == "it is rude"
        assert {one.name for one in place.iterdir()} == {
            MANIFEST,
            "weights.json",
            "phases.json",
            "base.json",
            "prompt.yaml",
        }
        assert "already" in project.make("publish").stdout
        project.forget_cache()
        shutil.rmtree(tmp_path / "remote")
        gone = project.make("rollback", TO=later)
        assert gone.returncode == 1
        assert "is not in the cache" in gone.stderr
        assert git(project.folder, "status", "--porcelain") == ""
        assert "prove-accepted: models/accepted.dvc: the object" in project.make("prove").stderr


def test_a_version_is_published_whole_and_never_written_over(tmp_path):
    source, place = tmp_path / "model", str(tmp_path / "out/model/a")
    (source / "deep").mkdir(parents=True)
    (source / "deep/weights").write_bytes(b"w")
    manifest = manifest_of(source, {"model": "a" * 32})
    assert not standing(place, "a" * 32)
    (tmp_path / "out/model/a").mkdir(parents=True)
    (tmp_path / "out/model/a/deep").write_text("in the way")
    with pytest.raises(Fault, match="cannot be read or written"):
        put(source, place, manifest)
    assert not standing(place, "a" * 32)  # half of it is nothing
    (tmp_path / "out/model/a/deep").unlink()
    put(source, place, manifest)
    assert standing(place, "a" * 32)
    with pytest.raises(Fault, match="another version is never written over"):
        standing(place, "b" * 32)
    with pytest.raises(Fault, match="is no place"):
        standing("nowhere://x/y", "a")


@pytest.mark.parametrize(
    ("ends", "is_over", "said"),
    [
        (date(2031, 4, 11), None, None),
        (date(2031, 4, 10), False, "in 90 days; train on another model before"),
        (date(2031, 1, 11), False, "in 1 day; train"),
        (date(2031, 1, 10), True, "the service ended m on 2031-01-10"),
        (None, False, "lifecycle.shutdown: has no day for m"),
    ],
)
def test_a_service_s_model_is_warned_of_ninety_days_ahead_and_over_on_its_day(ends, is_over, said):
    found = of_service("m", "arms.tuned", {"m": ends} if ends else {}, 90, TODAY)
    assert (found and found.is_over) == is_over
    assert found is None or said in found.said


def test_a_base_is_pinned_by_a_commit_and_its_licence_is_said():
    pinned = Base(model="o/n", revision="a" * 40, licence="mit", files={"x": "0"})
    assert list(of_base(pinned, "p")) == []
    (moves,) = of_base(pinned.model_copy(update={"revision": "main"}), "p")
    assert moves.is_over
    assert "pins o/n at 'main', which is no commit and can move" in moves.said
    (silent,) = of_base(pinned.model_copy(update={"licence": "unknown"}), "p")
    assert not silent.is_over
    folder = pinned.model_copy(update={"revision": ""})
    from pipeline.pull_request.promoting.lifecycle import LifecycleParams

    assert remarks(Named({"p": folder}, {}), LifecycleParams(warn_days=90, shutdown={}), TODAY) == []
