"""The real pipeline under the real DVC: a team's own start on a small task and a random model, end to end."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.data.records import digest
from tests.classifiers import write_classifier
from tests.project import git, own_start, run, set_param
from tests.service import KEY, local_service, says

pytestmark = pytest.mark.slow
STAGES = [
    "ingest",
    "validate",
    "synthesize",
    "split",
    "train",
    "predict@base",
    "predict@prompted",
    "predict@tuned",
    "classify",
    "evaluate",
    "regress",
]
RUN = ("-m", "pipeline.desk.run")


def ran(output: str) -> list[str]:
    """Names of the stages that DVC ran, in order."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after its first run, committed; with what the run printed."""
    folder = own_start(tmp_path_factory.mktemp("colours"))
    first = run(folder, *RUN).stdout
    prompt = folder / "task/prompts/engineered.yaml"
    shown = [json.loads(line)["id"] for line in (folder / "data/split/train.jsonl").read_text().splitlines()[:2]]
    prompt.write_text(json.dumps({**json.loads(prompt.read_text()), "few_shot": shown}))
    second = run(folder, *RUN).stdout
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first run")
    return folder, first, second


def lock(folder: Path) -> dict:
    return yaml.safe_load((folder / "dvc.lock").read_text())


def test_every_stage_runs_and_the_table_has_every_arm(project):
    folder, first, _ = project
    assert sorted(set(ran(first))) == sorted(STAGES)
    drawn = [line for line in (folder / "task/test_set.txt").read_text().splitlines() if line and line[0] not in "#t"]
    assert f"test set: drew {len(drawn)} of 60" in first
    assert 8 <= len(drawn) <= 14
    for arm in ("base", "prompted", "tuned"):
        assert any(line.startswith(arm) for line in first.splitlines()), first
    assert "Verdict:" in first


def test_headline_numbers_are_plain_and_the_rest_stands_beside(project):
    folder, *_ = project
    evaluation = json.loads((folder / "reports/evaluation.json").read_text())
    assert set(evaluation) == {"base", "prompted", "tuned", "majority", "bag_of_words"}
    assert all(isinstance(value, float) for arm in evaluation.values() for value in arm.values())
    comparison = json.loads((folder / "reports/comparison.json").read_text())
    pair = comparison["pairs"]["tuned against prompted"]["format_accuracy"]
    assert {
        "difference",
        "low",
        "high",
        "n",
        "fixed",
        "broken",
        "p",
        "verdict",
        "detectable",
        "least_margin",
        "needed",
        "p_adjusted",
    } <= set(pair)
    shown = run(folder, "-m", "dvc", "metrics", "show").stdout
    assert "format_accuracy" in shown


@pytest.mark.rehearsal
def test_verify_recomputes_every_report_and_names_the_value_that_was_edited(project):
    folder, *_ = project
    edited = folder / "reports/evaluation.json"
    report = json.loads(edited.read_text())
    stood, report["tuned"]["format_accuracy"] = report["tuned"]["format_accuracy"], 0.1234
    edited.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
    done = run(folder, "-m", "pipeline.pull_request.verify", check=False)
    git(folder, "checkout", "-q", ".")
    found = [line for line in done.stdout.splitlines() if "; make run" in line]
    values = f"stands 0.1234, recomputed {stood}"
    assert found == [
        f"verify: reports/evaluation.json: tuned.format_accuracy: {values}; make run, and commit what it writes"
    ]
    again = next(line for line in done.stdout.splitlines() if "byte for byte" in line)
    reports = {f"reports/{path.name}" for path in (folder / "reports").glob("*.json*")}
    assert {name for name in again.split(": ", 2)[2].split(", ") if name.startswith("reports/")} == reports - {
        "reports/evaluation.json",
        "reports/run.json",
    }
    assert done.returncode == 1


def test_a_change_of_one_prompt_reruns_only_what_hangs_on_it(project):
    *_, second = project
    assert ran(second) == ["split", "predict@prompted", "classify", "evaluate", "regress"]


@pytest.mark.rehearsal
def test_a_person_s_vote_reruns_evaluate_alone(project):
    folder, *_ = project
    set_param(folder, "learning_rate", 0.3)  # so that the arms say something else
    run(folder, *RUN)
    answers = [
        {row["id"]: row["answer"] for row in map(json.loads, path.read_text().splitlines()) if row["set"] == "test"}
        for path in (folder / f"data/predictions/{arm}/answers.jsonl" for arm in ("tuned", "base"))
    ]
    asked = next(name for name, answer in answers[0].items() if answer != answers[1][name])
    first, second = (digest(given[asked]) for given in answers)
    vote = {"date": "2031-01-02", "time": "10:00:00.000000", "example": asked, "first": first, "second": second}
    ledger = folder / "data/ledgers/ratings/2031-01-02-asha.jsonl"
    ledger.write_text(json.dumps({**vote, "dimension": "correct", "vote": "first", "rater": "asha"}) + "\n")
    again = run(folder, *RUN).stdout
    people = json.loads((folder / "reports/comparison.json").read_text())["people"]
    ledger.unlink()
    git(folder, "checkout", "-q", ".")
    run(folder, "-m", "dvc", "checkout", "-q", "--force")
    assert ran(again) == ["evaluate"]
    assert people["votes"] == people["pairs"]["tuned against base"]["dimensions"]["correct"]["wins"] == 1
    assert "People's votes won by tuned against base: correct 100.0%" in again


@pytest.mark.rehearsal
def test_a_classifier_reruns_itself_and_evaluate_and_is_verified_and_known_to_the_baseline(project):
    folder, *_ = project
    write_classifier(folder / "models/classifiers/tone")
    settings = yaml.safe_load((folder / "params.yaml").read_text())
    one = {"model": "models/classifiers/tone", "label": "polite", "is_wanted": True, "field": "", "pair": True}
    settings["classify"]["classifiers"] = {"tone": one | {"max_length": 64, "batch_size": 4}}
    settings["evaluate"]["targets"]["classifier_tone"] = 0.9
    settings["gate"]["rules"] = [{"rule": "target", "metric": "classifier_tone", "needs": "no_worse", "margin": 0.9}]
    settings["gate"]["rules"][0]["on_cannot_tell"] = "warn"
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    first = run(folder, *RUN).stdout
    comparison = json.loads((folder / "reports/comparison.json").read_text())
    scores = [json.loads(line) for line in (folder / "data/classified/scores.jsonl").read_text().splitlines()]
    said = {
        name: run(folder, "-m", f"pipeline.{name}", check=False).stdout
        for name in ("desk.baseline", "pull_request.gate")
    }
    verified = run(folder, "-m", "pipeline.pull_request.verify", check=False)
    again = ran(run(folder, *RUN).stdout)
    shutil.rmtree(folder / "models/classifiers/tone")
    git(folder, "checkout", "-q", ".")
    run(folder, "-m", "dvc", "checkout", "-q", "--force")
    assert ran(first) == ["classify", "evaluate"]
    assert again == []
    assert {row["arm"] for row in scores} == {"base", "prompted", "tuned"}
    of_tuned = [row["score"] for row in scores if (row["arm"], row["set"]) == ("tuned", "test")]
    mean = comparison["arms"]["tuned"]["classifier_tone"]["mean"]
    assert mean == pytest.approx(sum(of_tuned) / len(of_tuned), abs=1e-4)
    assert "classifier_tone" in comparison["pairs"]["tuned against base"]
    assert "base misses" in said["desk.baseline"]
    assert "classifier_tone" in said["desk.baseline"]
    assert "classifier_tone, tuned against its target of 90%" in said["pull_request.gate"]
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "data/classified" in next(line for line in verified.stdout.splitlines() if "digest alone" in line)


@pytest.mark.rehearsal
def test_a_judge_stops_the_run_with_its_price_and_once_asked_is_replayed_and_verified(project, monkeypatch):
    folder, *_ = project
    set_param(folder, "learning_rate", 0.3)  # so that the arms say something else
    run(folder, *RUN)
    params, report = folder / "params.yaml", folder / "reports/comparison.json"
    before = report.read_text()
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    with local_service(says('{"reason": "none is better", "winner": "tie"}')) as local:
        text = params.read_text().replace("  pairs: []", "  pairs: [[tuned, base]]")
        judge = text[text.index("\njudge:") :].replace('base_url: ""', f"base_url: {local.address}", 1)
        params.write_text(text[: text.index("\njudge:")] + judge.replace('model: ""', "model: judge-1", 1))
        stopped = run(folder, *RUN, check=False)
        assert (stopped.returncode, report.read_text()) == (1, before)
        command = re.search(
            r"data/ledgers/judge: lacks .* run make ask MAX_COST=(\S+) ", stopped.stdout + stopped.stderr
        )
        run(folder, "-m", "pipeline.desk.ask", command[1])
        asked = len(local.asked)
    again = run(folder, *RUN).stdout
    verified = run(folder, "-m", "pipeline.pull_request.verify", check=False).stdout
    found = json.loads(report.read_text())["judge"]
    shutil.rmtree(folder / "data/ledgers/judge")
    git(folder, "checkout", "-q", ".")
    run(folder, "-m", "dvc", "checkout", "-q", "--force")
    assert ran(again) == ["evaluate"]
    assert found["replies"] == asked > 0
    assert "The judge on correct 50.0%" in again
    assert "reports/comparison.json" in next(line for line in verified.splitlines() if "byte for byte" in line)


def test_a_second_run_does_nothing_and_says_so(project):
    folder, *_ = project
    again = run(folder, *RUN).stdout
    assert ran(again) == []
    assert "up to date" in again
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.rehearsal
def test_a_change_of_the_learning_rate_reruns_what_it_must_and_back_reruns_nothing(project):
    folder, *_ = project
    before = lock(folder)
    set_param(folder, "learning_rate", 0.01)
    assert ran(run(folder, *RUN).stdout) == ["train", "predict@tuned", "classify", "evaluate", "regress"]
    git(folder, "checkout", "-q", "params.yaml")
    assert ran(run(folder, *RUN).stdout) == []
    assert lock(folder) == before
    git(folder, "checkout", "-q", ".")


@pytest.mark.rehearsal
def test_the_same_bytes_from_scratch(project):
    folder, *_ = project
    before = lock(folder)
    for name in (
        ".cache",
        ".dvc/cache",
        ".dvc/tmp",
        "data/records",
        "data/validated",
        "data/synthetic",
        "data/split",
        "data/predictions",
        "data/evaluated",
        "data/classified",
        "models/adapter",
    ):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "dvc.lock").unlink()
    assert sorted(ran(run(folder, *RUN).stdout)) == sorted(STAGES)
    assert lock(folder) == before
    git(folder, "checkout", "-q", ".")


def test_a_stage_that_fails_leaves_the_earlier_outputs_in_place(project):
    folder, *_ = project
    adapter = (folder / "models/adapter/1-lora/adapter_model.safetensors").read_bytes()
    reports = {path.name: path.read_bytes() for path in (folder / "reports").glob("*.json")}
    set_param(folder, "min_examples", 1000)
    failed = run(folder, *RUN, check=False)
    set_param(folder, "min_examples", 20)
    assert failed.returncode == 1
    assert "expect_table_row_count_to_be_between" in failed.stderr
    assert "add examples" in failed.stderr
    assert (folder / "data/validated/records.jsonl").is_file()
    assert (folder / "models/adapter/1-lora/adapter_model.safetensors").read_bytes() == adapter
    assert {path.name: path.read_bytes() for path in (folder / "reports").glob("*.json")} == reports
    git(folder, "checkout", "-q", ".")


def test_bad_input_is_said_before_anything_is_deleted(project):
    folder, *_ = project
    source = folder / "data/raw/colours.csv"
    rows = source.read_bytes()
    source.write_bytes(rows + b"a green wall,purple,too much\n")
    failed = run(folder, *RUN, check=False)
    source.write_bytes(rows)
    assert failed.returncode == 1
    assert failed.stderr.strip() == (
        f"run: data/raw/colours.csv:{len(rows.splitlines()) + 1}: more cells than columns; "
        "mend or drop the row, or raise ingest.max_rejects (0)"
    )
    assert (folder / "data/records/records.jsonl").is_file()


def test_the_baseline_says_what_the_prompt_reaches(project):
    folder, *_ = project
    said = run(folder, "-m", "pipeline.desk.baseline").stdout
    assert ran(said) == []
    assert "format_accuracy" in said
    assert "tuned" not in said.split("arm ")[-1].split("Exhaust")[0]
    assert "Exhaust the prompt first" in said


def test_the_adapter_is_portable_and_proved(project):
    folder, *_ = project
    adapter = folder / "models/adapter"
    config = json.loads((adapter / "1-lora/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "models/random"
    assert not list(adapter.rglob("*.bin"))
    assert str(folder) not in "".join(path.read_text(errors="ignore") for path in adapter.rglob("*") if path.is_file())
    proofs = json.loads((adapter / "proofs.json").read_text())["1-lora"]
    assert proofs["rows_in"] == proofs["rows_trained"] > 0
    assert all(span.endswith("<end>") and '"label"' in span for span in proofs["first_spans"])
    assert (adapter / "base.json").read_text() == (folder / "models/base.json").read_text()


@pytest.mark.rehearsal
def test_all_fast_tests_pass_in_a_project_of_ones_own(project):
    done = run(project[0], "-m", "pytest", "-m", "not slow", "-x", "-q", "-p", "no:cacheprovider", check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.rehearsal
def test_seeds_are_trained_beside_the_work_tree_and_kept(project):
    folder, *_ = project
    before = lock(folder)
    first = run(folder, "-m", "pipeline.desk.seeds", "2").stdout
    found = json.loads((folder / "reports/seeds.json").read_text())
    own = yaml.safe_load((folder / "params.yaml").read_text())["train"]["seed"]
    assert found["seeds"] == [own, own + 1]
    tuned = json.loads((folder / "reports/evaluation.json").read_text())["tuned"]
    assert {name: one["values"][0] for name, one in found["metrics"].items() if name != "probes"} == tuned
    assert "With 2 seeds the tuned arm reaches:" in first
    assert lock(folder) == before
    assert git(folder, "status", "--short").split() == ["??", "reports/seeds.json"]
    again = run(folder, "-m", "pipeline.desk.seeds", "2").stdout
    assert "steps, loss" not in again  # both are restored
    (folder / "reports/seeds.json").unlink()


def test_a_number_of_seeds_is_asked_for(project):
    folder, *_ = project
    for text in ("", "1", "x"):
        done = run(folder, "-m", "pipeline.desk.seeds", text, check=False)
        assert (done.returncode, done.stderr.startswith(f"seeds: N={text}: is no number of seeds")) == (1, True)
