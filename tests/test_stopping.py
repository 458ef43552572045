"""How long a phase trains, and which of its checkpoints it keeps."""

import itertools
import json
import shutil
from types import SimpleNamespace

import msgspec
import pytest

from pipeline.data.records import record_id
from pipeline.train import RUNS, main
from tests.lessons import files_of, params, paths, project
from tests.project import COLOURS, record
from tests.test_crash import interrupted

pytestmark = pytest.mark.slow
STEADY = {"schedule": "constant", "warmup_share": 0.0}


def contradicted(number):
    """A question of the training data with an answer of another kind: the better that one is learnt, the worse this one is told."""
    one = record(number)
    turns = (*one.asked, {"role": "assistant", "content": "no colour, the river is " + COLOURS[number % 5]})
    return msgspec.structs.replace(one, messages=turns, id=record_id(turns))


def weights(out):
    return (out / "1-full/model.safetensors").read_bytes()


@pytest.fixture
def overfitted(trained):
    def run(epochs=8, **changes):
        full = {"epochs": epochs, "learning_rate": 0.02}
        found, out = trained("full", checked=[contradicted(n) for n in range(6)], full=full, **STEADY, **changes)
        return found["1-full"], out

    return run


def test_the_best_checkpoint_is_kept_as_if_training_had_ended_there(overfitted, capsys):
    best, out = overfitted(keep="best")
    kept = weights(out)
    assert 0 < best["kept_step"] < best["steps"] == 32
    assert best["overfit"]["best_step"] == best["kept_step"]
    assert best["overfit"]["best_validation_loss"] == pytest.approx(best["validation_loss"], abs=1e-4)
    assert "learns by heart: validation loss rose from" in capsys.readouterr().out
    ended, out = overfitted(epochs=best["kept_step"] // 4, keep="last")
    assert ended["kept_step"] == ended["steps"] == best["kept_step"]
    assert weights(out) == kept
    last, out = overfitted(keep="last")
    assert last["kept_step"] == 32
    assert weights(out) != kept


def test_a_phase_that_gets_no_better_stops(overfitted):
    whole, out = overfitted(keep="best")
    kept = weights(out)
    stopped, out = overfitted(keep="best", patience=2)
    assert stopped["steps"] == whole["kept_step"] + 8 < 32
    assert weights(out) == kept
    last, _ = overfitted(keep="last", patience=1)
    assert last["steps"] == last["kept_step"] == whole["kept_step"] + 4


def test_without_validation_the_last_step_is_kept(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path, base)
    (tmp_path / "validation.jsonl").write_text("")
    main(params(keep="best", patience=1), *paths())
    found = json.loads((tmp_path / "out/proofs.json").read_text())["1-lora"]
    assert (found["kept_step"], found["steps"], found["validation_loss"], found["overfit"]) == (8, 8, None, None)


@pytest.mark.rehearsal
@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_run_that_stopped_early_and_was_killed_is_taken_up_where_it_stopped(base, tmp_path, keep):
    folder = project(tmp_path / "project", base, checked=[contradicted(n) for n in range(6)])
    changes = STEADY | {"patience": 1, "keep": keep, "full": {"epochs": 8, "learning_rate": 0.02}}
    plan = [[["done", "result"], ["done", "result"]], [["save", "optimizer", 3]]]
    hits, said = interrupted(folder, plan, "full", changes=changes)
    assert hits == 3
    assert "is passed over" in said
    assert files_of(folder / "out-0")


@pytest.mark.parametrize("phase", ["grpo", pytest.param("lora", marks=pytest.mark.rehearsal)])
def test_the_pace_that_is_told_after_a_kill_is_that_of_the_steps_since(trained, tmp_path, monkeypatch, phase):
    import transformers

    from pipeline import train
    from pipeline.model.training import trainer

    told, ticks, step = [], itertools.count(), transformers.Trainer.training_step
    own = {"epochs": 2} | ({"max_new_tokens": 2, "batch_size": 4} if phase == "grpo" else {})
    records, changes = [record(n) for n in range(4)], {"save_every": 1, "keep": "last", phase: own}
    monkeypatch.setattr(train, "progress", lambda _name, _first: lambda done, _all, said: told.append((done, said)))
    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    trained(phase, records=records, **changes)
    whole = dict(told)
    shutil.rmtree(tmp_path / RUNS)
    told.clear()

    def killed(self, *values):
        if self.state.global_step == 1:
            raise KeyboardInterrupt
        return step(self, *values)

    monkeypatch.setattr(transformers.Trainer, "training_step", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(phase, records=records, **changes)
    monkeypatch.setattr(transformers.Trainer, "training_step", step)
    trained(phase, records=records, **changes)
    assert "tokens/s" in whole[2]
    assert dict(told) == whole
