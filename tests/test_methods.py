"""Each method under the real DVC, from `params.yaml` alone, on a team's own start."""

import json
import os
import shutil

import pytest
import yaml

from tests.project import COLOURS, git, own_start, question, run
from tests.tuning_service import BASE, KEY, TUNED, asked, tuning_service

pytestmark = [pytest.mark.slow, pytest.mark.rehearsal]
QUICK = {"epochs": 1, "batch_size": 8}
DRAWN = QUICK | {"generations": 4, "max_new_tokens": 8}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A project without preferences, committed."""
    return own_start(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with preferences among its data, committed."""
    folder = own_start(tmp_path_factory.mktemp("methods"))
    pairs = []
    for number in range(100, 140):
        text, colour = question(number)
        other = COLOURS[(number + 2) % len(COLOURS)]
        pairs.append(
            {"prompt": text, "chosen": json.dumps({"label": colour}), "rejected": json.dumps({"label": other})}
        )
    (folder / "data/raw/pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    run(folder, "-m", "pipeline.desk.add_source", "data/raw/pairs.jsonl")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "preferences")
    return folder


def set_train(folder, phases, **sections):
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["train"]["phases"] = phases
    values["split"]["test_share"] = 0.3
    for name in ("lora", "qlora", "full", "dpo", "reward"):
        values["train"][name] |= QUICK
    for name in ("grpo", "rloo"):
        values["train"][name] |= DRAWN
    for name, changes in sections.items():
        values["train"][name] = values["train"][name] | changes if isinstance(changes, dict) else changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


@pytest.mark.parametrize(
    "phases",
    [
        ["lora", "dpo"],
        ["qlora", "dpo"],
        ["full", "dpo"],
        ["dpo"],
        ["lora", "reward", "grpo"],
        ["reward", "rloo"],
        ["full", "reward", "grpo"],
    ],
    ids="-".join,
)
def test_a_method_runs_from_the_parameters_alone(project, phases):
    set_train(project, phases, dpo=QUICK | {"quantise": "qlora" in phases})
    said = run(project, "-m", "pipeline.desk.run").stdout
    proofs = json.loads((project / "models/adapter/proofs.json").read_text())
    assert [name.partition("-")[2] for name in proofs] == phases
    for name in proofs:
        assert f"Proved of {name}: " in said
    headline = json.loads((project / "reports/evaluation.json").read_text())
    assert 0 <= headline["tuned"]["preference_accuracy"] <= 1
    assert "preference_accuracy" in said
    again = run(project, "-m", "pipeline.desk.run").stdout
    assert "Everything is up to date." in again
    shown = run(project, "-m", "dvc", "metrics", "show").stdout
    assert "trainable_parameters" in shown


@pytest.fixture(scope="module")
def accepted(plain):
    """The project with a model that answers in the task's form now and then, which is accepted: one to begin with."""
    set_train(plain, ["full"], full={"epochs": 9, "learning_rate": 0.02}, replay=0.0)
    run(plain, "-m", "pipeline.desk.run")
    shutil.copytree(plain / "models/adapter", plain / "models/accepted")
    return plain


@pytest.mark.parametrize("phases", [["grpo"], ["lora", "grpo"]], ids="-".join)
def test_a_policy_answers_to_the_task_alone(accepted, phases):
    drawn = {"epochs": 2, "batch_size": 16, "generations": 8, "max_new_tokens": 16, "learning_rate": 0.001}
    set_train(accepted, phases, grpo=drawn, replay=0.0, start="models/accepted")
    said = run(accepted, "-m", "pipeline.desk.run").stdout
    proofs = json.loads((accepted / "models/adapter/proofs.json").read_text())
    assert [name.partition("-")[2] for name in proofs] == phases
    proof = proofs[f"{len(phases)}-grpo"]
    assert set(proof["rewards"]) == {"all", "format", "exact"}
    assert proof["rows_in"] == proof["rows_trained"] > 20
    assert proof["has_signal"]
    assert 0 < proof["rewards"]["format"][0] < 1
    assert "preference_accuracy" not in json.loads((accepted / "reports/evaluation.json").read_text())["tuned"]
    assert f"Proved of {len(phases)}-grpo: " in said
    assert "Everything is up to date." in run(accepted, "-m", "pipeline.desk.run").stdout


@pytest.mark.parametrize("method", ["supervised", "dpo"])
def test_a_service_trains_and_is_asked_under_dvc(request, monkeypatch, method):
    project = request.getfixturevalue("project" if method == "dpo" else "plain")
    with tuning_service() as service:
        own = {"base_url": service.address, "model": BASE, "price": 1.0, "poll_s": 0.05, "method": method}
        set_train(project, ["api"], api=own, start="models/base.json")
        monkeypatch.setenv("TUNING_API_KEY", KEY)
        said = run(project, "-m", "pipeline.desk.run").stdout
        assert service.complaints == []
        assert "train: api: began job job-0" in said
        assert asked(service, "job")[0]["method"]["type"] == method
        rows = asked(service, "file")[0]
        assert {"messages"} == set(rows[0]) if method == "supervised" else "preferred_output" in rows[0]
        proof = json.loads((project / "models/adapter/proofs.json").read_text())["1-api"]
        assert len(rows) == proof["rows_trained"] > 20
        assert json.loads((project / "models/adapter/1-api/hosted.json").read_text())["model"] == TUNED
        answers = (project / "data/predictions/tuned/answers.jsonl").read_text()
        assert '{\\"label\\": \\"red\\"}' in answers
        assert "Everything is up to date." in run(project, "-m", "pipeline.desk.run").stdout
        before = len(service.jobs)
        run(project, "-m", "dvc", "repro", "-q", "-f", "-s", "train")
        assert len(service.jobs) == before == 1  # asked again, the service has it already
    files = [project / name for name in git(project, "ls-files").split() if not name.startswith("tests/")]
    tracked = "".join(file.read_text(errors="ignore") for file in files if file.is_file())
    assert KEY not in tracked
    assert os.environ["TUNING_API_KEY"] == KEY
