"""The comment of a pull request: what it tells of a change, and that it reads well where something is missing."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from pipeline.pull_request.report import OUT
from pipeline.pull_request.reporting.blocks import ELSEWHERE, LIMIT, MARKER
from tests.compared_project import copied, right, wrong
from tests.project import ROOT, git
from tests.reported_project import RULES, flip, run_once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return run_once(tmp_path_factory.mktemp("reported"))


@pytest.fixture
def project(first, tmp_path):
    return copied(first, tmp_path / "project")


@pytest.fixture(scope="module")
def changed(first, tmp_path_factory):
    """A model that is worse on some, trained with another parameter, with a case that fails; and its comment."""
    project = copied(first, tmp_path_factory.mktemp("changed") / "project")
    project.model("m2", lambda one: wrong(one) if one.id < "8" else right(one))
    project.params["predict"]["max_new_tokens"] = 9
    project.params["regress"]["margin"] = 0.07
    project.failed, project.right = ("stays",), {"base": 2, "tuned": 11}
    project.curve = project.curve.replace("1.2", "1.1")
    project.run()
    project.rows = sum(one.id < "8" for one in project.tests)
    return project, project.report()


def part(comment, title):
    return comment.split(f"\n### {title}\n", 1)[1].split("\n### ", 1)[0]


def heads(comment):
    return re.findall(r"(?m)^### (.*)$", comment)


def test_a_change_is_told_in_the_order_of_what_a_reviewer_asks(changed):
    _, comment = changed
    assert comment.startswith(f"{MARKER}\n\n## ❌ The gate is red\n")
    assert "- ❌ `cases`: `1 of 1 fail (stays)`" in comment.split("<details>")[0]
    assert heads(comment) == [
        "Metrics",
        "Parameters",
        "Examples fixed and broken",
        "Forgetting",
        "Cost and latency",
        "What ran again, and why",
        "Training",
    ]
    assert "No change: data." in comment


def test_metrics_are_paired_with_the_base_where_its_answers_are_in_the_cache(changed):
    project, comment = changed
    share = 1 - project.rows / 20
    line = next(line for line in part(comment, "Metrics").splitlines() if line.startswith("| `exact_label` | 100.0%"))
    assert f"| {share:.1%} | {(share - 1) * 100:+.1f} [" in line
    assert line.endswith("| 20 | ❌ worse |")
    assert "| `exact_label` | 10.0% | 55.0% | +45.0 [" in comment  # against the other arm of this run


def test_parameters_that_no_stage_reads_stand_apart(changed):
    project, _ = changed
    other = copied(project, project.folder.with_name("apart"))
    other.params["gate"]["rules"] = RULES[:1]
    other.write("params.yaml", json.dumps(other.params))
    said = part(other.report(), "Parameters")
    read, unread = said.split("Read by no stage")
    assert "| `predict.max_new_tokens` | `8` | `9` |" in read
    assert "gate.rules" in unread
    assert "gate.rules" not in read


def test_broken_examples_stand_with_both_answers(changed):
    project, comment = changed
    said = part(comment, "Examples fixed and broken")
    assert f"**{project.rows} broken, 0 fixed**" in said
    assert '  before     {"label": "red"}\n  after      {"label": "blue"}' in said


def test_cases_that_fail_now_and_did_not_before_are_named(changed):
    assert "1 of 1 fail (`stays`); against the base 1 more (`stays`), 0 fewer" in part(changed[1], "Forgetting")


def test_what_ran_again_is_told_with_its_cause(changed):
    said = part(changed[1], "What ran again, and why")
    assert "| `predict@tuned` | `predict.max_new_tokens` `8` → `9` | `data/predictions/tuned` |" in said
    assert "| `predict@base` | `predict.max_new_tokens` `8` → `9` | the same bytes |" in said
    assert "`split`" not in said


def test_the_curve_is_text_until_the_plots_have_an_address(changed):
    project, comment = changed
    assert re.search(r"validation at the base +\S+ +1.500 to 1.200", comment)
    assert "![" not in comment
    shown = project.report(images="https://example.org/plots")
    assert "![loss by step](https://example.org/plots/loss-1.svg)" in shown
    names = set(re.findall(r"plots/([\w.-]+)\)", shown))
    assert names == {path.name for path in (project.folder / OUT / "plots").iterdir()} == {"loss-1.svg", "change.svg"}


def test_the_same_files_give_the_same_bytes(changed):
    project, comment = changed
    page = project.page
    assert project.report() == comment
    assert project.page == page


def test_nothing_changed(project):
    comment = project.report()
    assert "## ✅ The gate is green" in comment
    assert "Nothing that a stage reads differs from the base." in comment
    assert "the same model, and equal on every example" in comment
    assert "No change: parameters, data, examples fixed and broken, what ran again, and why." in comment


def test_the_first_commit_has_no_base(project):
    shutil.rmtree(project.folder / ".git")
    git(project.folder, "init", "-q", "-b", "trunk")
    project.commit()
    comment = project.report("")
    assert "There is no commit before this one" in comment
    assert "`tuned` against `base`:" in comment
    assert "Within this run, `base` against `tuned`: **0 broken, 1 fixed**." in comment
    assert not {"Parameters", "Data", "What ran again, and why"} & set(heads(comment))


def test_a_base_that_nobody_has_run(project):
    for name in ("reports", "dvc.lock"):
        git(project.folder, "rm", "-rq", "--cached", name)
    git(project.folder, "commit", "-q", "-m", "as before the first run")
    comment = project.report("HEAD")
    assert "The base has no reports of `tuned`" in comment
    assert "The base has no `dvc.lock`; here all 6 stages ran." in comment


def test_without_remote_and_cache_git_is_enough(project, tmp_path):
    project.right = {"base": 2, "tuned": 11}
    project.model("m2", wrong)
    project.run()
    project.commit("a change")
    comment = project.clone(tmp_path / "clone").report("HEAD~1")
    assert "means from `reports/` in git, not paired, so no verdict" in comment
    assert re.search(r"\| `exact_label` \| 90.0% \[.*\], n 20 \| 55.0% \[.*\], n 20 \|", comment)
    assert "no DVC remote is set (`core.remote` in `.dvc/config`)" in comment
    assert "The loss curve is not here" in comment
    assert "The base's answers are not here, so within this run" in comment
    assert "have no result" not in comment  # what is not fetched is no stage without a result


def test_a_remote_that_needs_a_key_names_it(project, tmp_path, monkeypatch):
    clone = project.clone(tmp_path / "clone")
    clone.write(".dvc/config", '[core]\n    remote = far\n[remote "far"]\n    url = s3://bucket/x\n')
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    comment = clone.report()
    assert "`far`" in comment
    assert "not set here: `AWS_ACCESS_KEY_ID`" in comment
    assert "AWS_SECRET" not in comment


def test_a_stage_without_a_result_is_named_and_the_rest_is_shown(project):
    project.write("task/prompts/plain.yaml", json.dumps({"system": "other", "few_shot": []}))
    (project.folder / "reports/forgetting.json").unlink()
    comment = project.report()
    assert "- `predict@tuned`: `task/prompts/plain.yaml: has changed since it was read: " in comment
    assert re.search(r"- `evaluate`: reads from `predict@base`, `predict@tuned`", comment)
    assert "- `regress`: `reports/forgetting.json: is not there`" in comment
    assert "- `train`" not in comment
    assert "## ❌ The gate cannot be judged" in comment
    assert "stage `regress` has no result" in part(comment, "Forgetting")
    assert "`tuned` against `tuned` of the base" in comment


def test_a_report_that_somebody_edited_is_no_result(project):
    text = (project.folder / "reports/evaluation.json").read_text(encoding="utf-8")
    project.write("reports/evaluation.json", text.replace("0.9", "0.99", 1))
    comment = project.report()
    assert "- `evaluate`: `reports/evaluation.json: is not what evaluate wrote: dvc.lock names other bytes`" in comment


def test_a_green_gate_on_stale_results_is_no_plain_green(project):
    project.write("pipeline/predict.py", "# asks otherwise\n")
    assert "## ⚠️ The gate is green, on results of an earlier state" in project.report()


def test_a_report_that_is_no_json_hides_no_other_part(project):
    project.write("reports/run.json", "{")
    comment = project.report()
    assert "⚠️ Cannot be shown: `reports/run.json: is not JSON" in part(comment, "Cost and latency")
    assert "### Training" in comment


def test_ten_thousand_flips_fit_and_what_is_cut_is_said(project, tmp_path):
    long = "word @team " * 200
    project.flips = [flip("base", n, "broken", before=long, after=long, question=long) for n in range(10_000)]
    project.run()
    project.commit()
    comment = project.clone(tmp_path / "clone").report()
    assert len(comment.encode("utf-16-le")) // 2 <= LIMIT
    assert "**10,000 broken, 0 fixed**" in comment
    assert "of 10,000" in comment
    assert ELSEWHERE in comment or "examples.html" in comment
    assert comment.count("<details>") == comment.count("</details>")
    assert comment.count("```") % 2 == 0


def test_the_model_in_production_is_what_a_change_is_compared_with(project):
    project.params["arms"]["accepted"] = {"model": "models/adapter", "prompt": "plain"}
    project.arms["accepted"], project.right = ("m1", right), {"base": 2, "accepted": 18, "tuned": 18}
    project.run()
    said = part(project.report(), "Metrics")
    assert "**`tuned` against `accepted`, the model in production**" in said
    assert "| `exact_label` | 90.0% | 90.0% | +0.0 [" in said
    assert "Slice `new`" not in said


def test_rows_that_came_since_the_test_set_was_drawn_have_a_table_of_their_own(project):
    project.since = {"base": 1, "tuned": 11}
    project.params["arms"]["accepted"] = {"model": "models/adapter", "prompt": "plain"}
    project.arms["accepted"], project.right = ("m1", right), {"base": 2, "accepted": 18, "tuned": 18}
    project.run()
    assert "Slice `new`" not in project.report()  # neither of production nor of a prompt
    project.since = {"accepted": 0, "prompted": 3, "tuned": 12}
    project.run()
    said = part(project.report(), "Metrics")
    assert "**Slice `new`: held-out rows that came since the test set was drawn**, `tuned` against `accepted`" in said
    assert "| `exact_label` | 0.0% | 100.0% | +100.0 [" in said


def test_what_waits_for_the_accepted_model_alone_makes_a_green_gate_no_less_green(project):
    project.params["arms"]["accepted"] = {"model": "models/adapter", "prompt": "plain"}
    project.arms["accepted"], project.right = ("m1", right), {"base": 2, "accepted": 18, "tuned": 18}
    project.run()
    lock = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))
    next(dep for dep in lock["stages"]["predict@accepted"]["deps"] if dep["path"].endswith(".py"))["md5"] = "0" * 32
    project.write("dvc.lock", yaml.safe_dump(lock))
    comment = project.report()
    assert "## ✅ The gate is green\n" in comment
    assert "until `make run` asks it: `predict@accepted`" in comment


def test_a_curve_that_is_none_is_told(project):
    (project.folder / "models/adapter/loss.tsv").unlink()
    project.write("models/adapter/loss.tsv", "no table\n1\n")
    assert "is no table of steps and losses" in part(project.report(), "Training")


def test_the_command_writes_the_files_and_refuses_what_is_no_address(project):
    def command(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        line = [sys.executable, "-m", "pipeline.pull_request.report", *arguments]
        return subprocess.run(line, cwd=project.folder, capture_output=True, text=True, env=environment, check=False)

    for images in ("javascript:alert(1)", "https://x.example/a)b", "http://x.example"):
        refused = command("HEAD", images)
        assert refused.returncode == 1
        assert refused.stderr.strip().endswith("is no address of a folder; give one that begins with https://")
    assert "is no revision" in command("nowhere").stderr
    done = command("HEAD", "https://x.example/p/")
    assert done.returncode == 0
    assert "report: build/report/comment.md" in done.stdout
    assert "(https://x.example/p/loss-1.svg)" in (project.folder / OUT / "comment.md").read_text(encoding="utf-8")


def test_the_project_is_left_as_it_was(project):
    before = git(project.folder, "status", "--porcelain", "--ignored")
    project.report()
    after = git(project.folder, "status", "--porcelain", "--ignored")
    assert set(after.splitlines()) - set(before.splitlines()) == {"!! build/"}
