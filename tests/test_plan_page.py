"""The page of make plan: what it takes, by earlier figures and never by guesses, and text of a branch that stays text."""

import json

import pytest

from pipeline.pull_request.plan import plan
from pipeline.stage import Fault
from tests.planned_project import EPOCHS, PARAMS, ROWS, RUN, STAGES, built, changed, write
from tests.project import git
from tests.verified_project import copied, dvc

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with built(tmp_path_factory.mktemp("whole")) as project:
        yield project


@pytest.fixture
def project(whole, tmp_path):
    return copied(whole, tmp_path / "project")


def figures(folder, stage):
    """A row of the second table: time, memory, tokens, cost, and how they are reckoned."""
    text = plan(folder, "").partition("## What it would take")[2]
    line = next(line for line in text.splitlines() if line.startswith(f"| `{stage}` |"))
    return line.strip("| ").split(" | ")[1:]


def test_time_grows_with_the_epochs_and_what_is_not_measured_is_not_known(project):
    write(project, EPOCHS)
    assert figures(project, "train") == [
        "12.0 min GPU",
        "2,000 MiB, GPU 20.0 GiB",
        "-",
        "-",
        "times 1.20 for the epochs; it may stop before",
    ]
    assert figures(project, "predict@tuned") == ["20 s CPU", "300 MiB", "1,000, 200", "-", "as it was"]
    assert figures(project, "evaluate")[0] == "not known"
    text = plan(project, "")
    assert "- Time: about 12.0 GPU minutes and about 20 CPU seconds and 1 stage of which nothing was measured" in text
    assert "- GPU: about US$ 0.60 for sure" in text
    assert "- Services: no stage of these asks a paid one." in text


def test_a_price_that_nobody_looked_up_is_not_made_up(project):
    write(project, changed(EPOCHS, "plan", "gpu_usd_per_hour", to=None))
    assert "- GPU: its price is not known (`plan.gpu_usd_per_hour` in `params.yaml`)." in plan(project, "")


def test_another_knob_of_the_training_is_a_plain_earlier_figure(project):
    write(project, changed(PARAMS, "train", "lora", to={"epochs": 5, "batch_size": 2}))
    assert figures(project, "train")[0] == "10.0 min GPU"
    assert figures(project, "train")[-1] == "as it was, but `train.lora.batch_size` changed"
    write(project, changed(PARAMS, "train", "seed", to=2))
    assert figures(project, "train")[-1] == "as it was"


def test_rows_count_where_they_are_known_and_else_that_is_said(project, tmp_path, monkeypatch):
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    (project / ROWS).write_text('{"a": 1}\n' * 3)
    assert figures(project, "train")[-1].startswith("as it was; the size of `data/split/train.jsonl` is known once")
    with dvc(project) as repo:
        repo.reproduce("split")
    assert figures(project, "train")[0] == "30.0 min GPU"
    assert figures(project, "train")[-1] == "times 3.00 for the size of `data/split/train.jsonl`"


def test_a_service_costs_what_it_cost_and_no_more_than_its_cap(project):
    hosted = {"base_url": "http://x", "model": "m"}
    (project / "models/base.json").write_text(json.dumps(hosted))
    run = changed(RUN, "arms", "base", to={**RUN["arms"]["tuned"], "engine": "service", "cost": 0.25})
    (project / "reports/run.json").write_text(json.dumps(run))
    assert figures(project, "predict@base")[3] == "US$ 0.25, capped at US$ 1.50"
    (project / "reports/run.json").write_text(json.dumps(changed(run, "arms", "base", "engine", to="transformers")))
    assert figures(project, "predict@base")[0] == "not known"
    assert figures(project, "predict@base")[3] == "not known, capped at US$ 1.50"
    assert "- Services: 1 of 1 not known, no more than US$ 1.50 by its cap." in plan(project, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "is not there"), ("{", "cannot be read"), ('{"stages": {"train": {"seconds": -1}}}', "cannot be read")],
)
def test_a_run_report_that_is_none_gives_no_figures(project, content, said):
    (project / "reports/run.json").unlink()
    if content:
        (project / "reports/run.json").write_text(content)
    write(project, EPOCHS)
    assert f"`reports/run.json` {said}, so nothing is known of earlier runs." in plan(project, "")
    assert figures(project, "train")[0] == "not known"


def test_text_of_a_branch_stays_text(project):
    name = "data/raw/`|@someone <img src=x onerror=1>\n# big.txt"
    (project / name).write_text("x")
    value = "`<script>|@someone\n\n# heading [a](http://x)\x1b[2J\u202e"
    params = changed(changed(PARAMS, "split", "salt", to=value), "train", "@someone", to=value)
    stages = changed(STAGES, "split", "deps", to=[*STAGES["split"]["deps"], name])
    write(project, params, changed(stages, "evaluate", "cmd", to=f"echo '{value}' > reports/evaluation.json"))
    git(project, "branch", "x@someone<b>")
    for text in (plan(project, ""), plan(project, "x@someone<b>")):
        outside = "".join(text.split("`")[::2])
        assert not set("<@\x1b\u202e") & set(outside)
        assert "someone" not in outside
        assert "\n# heading" not in text
        lines = [line for line in text.splitlines() if line.startswith("| `")]
        assert {line.count("|") for line in lines} == {4, 7}
        assert all(line.count("`") % 2 == 0 for line in text.splitlines())


def test_a_section_that_is_not_there_is_a_fault(project):
    write(project, {name: value for name, value in PARAMS.items() if name != "plan"})
    with pytest.raises(Fault, match="section plan is missing"):
        plan(project, "")
