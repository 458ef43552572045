"""A team's way from the first data to a rollback, at a forge, with a remote, through the workflows as they stand in their YAML.

Each fixture is a chapter that goes on from the one before; a test looks at what a chapter left.
"""

import re

import pytest
import yaml

from tests import team_story as story
from tests.team import LATER, SOURCE
from tests.workflow_player import git

pytestmark = pytest.mark.rehearsal
STAGES = {"ingest", "validate", "synthesize", "split", "train", "classify", "evaluate", "regress"}
ARMS = {"predict@base", "predict@prompted", "predict@tuned"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with story.world(tmp_path_factory.mktemp("team")) as world:
        yield world


@pytest.fixture(scope="module")
def first(here):
    return story.first_data(here)


@pytest.fixture(scope="module")
def harmful(here, first):
    return story.shuffled_labels(here)


@pytest.fixture(scope="module")
def promoted(here, harmful):
    return story.promotion(here, "promote-first", "the first that reaches its targets")


@pytest.fixture(scope="module")
def proved(here, promoted):
    """The workflow of the promotion, and the same once more."""
    return [here.forge.on_main("promote.yml", "promote") for _ in range(2)]


@pytest.fixture(scope="module")
def second(here, proved):
    return story.more_examples(here)


@pytest.fixture(scope="module")
def beside(here, second):
    """Opened while `second` is, and trained; then `second` is merged and promoted."""
    told = story.held_out_examples(here)
    here.forge.merge(second.number)
    return told


@pytest.fixture(scope="module")
def promoted_again(here, beside):
    told = story.promotion(here, "promote-second", "it knows more sentences")
    return told, here.forge.on_main("promote.yml", "promote")


@pytest.fixture(scope="module")
def joined(here, beside, promoted_again):
    """The other data pull request takes main in, and is merged."""
    conflicts = here.forge.merged(beside.number) is None
    told = story.settled(here, beside)
    return conflicts, *told, here.forge.merge(beside.number)


@pytest.fixture(scope="module")
def rolled(here, joined):
    told = story.rollback(here)
    return told, here.forge.on_main("promote.yml", "promote")


@pytest.fixture(scope="module")
def bare(here, rolled):
    """A clone on a machine that has nothing, of main as it is at the end."""
    return here.clone("bare")


def planned(plan):
    """Names of the stages that a plan says run, and of all that it has a line for."""
    table = plan.partition("\n## ")[0]
    return set(re.findall(r"(?m)^\| `([\w@]+)` \| \*\*runs\*\*", table)), set(
        re.findall(r"(?m)^\| `([\w@]+)` \|", table)
    )


def quiet(jobs):
    """Whether no stage ran in any of these jobs."""
    return [name for job in jobs.values() for name in job.ran()] == []


def red(jobs):
    return {name: job.said for name, job in jobs.items() if not job.is_green}


def test_the_plan_names_what_then_runs(first):
    assert planned(first.plan)[0] == STAGES | ARMS
    assert first.trained.is_green, first.trained.said
    assert set(first.trained.ran()) == STAGES | ARMS


def test_before_anything_ran_the_comment_says_so(first):
    assert first.planned["report"].is_green, first.planned["report"].said
    assert first.planned["comment"].is_green, first.planned["comment"].said


def test_results_are_committed_on_top_of_what_was_labelled(here, first):
    names = here.author.git(
        "--git-dir", str(here.forge.repository), "diff", "--name-only", "first-data~1", "first-data"
    )
    assert {"dvc.lock", "task/test_set.txt", "reports/comparison.json"} <= set(names.splitlines())


def test_a_first_change_that_is_good_is_green(first):
    assert red(first.checked) == {}
    assert first.checked["report"].step("make verify-lock").status == 0
    assert "pass  " in first.checked["gate"].said


def test_the_reviewers_machine_runs_nothing_again(here, first):
    assert quiet(first.checked)
    report = first.checked["report"]
    print(f"make report after the pull: {report.step('make report').seconds:.1f} s")
    assert report.step("make pull").status == 0
    assert (report.folder / "models/adapter/phases.json").is_file()
    assert git(report.folder, "status", "--porcelain") == ""
    assert (report.folder / "dvc.lock").read_text().strip() == here.file("dvc.lock", first.branch)


def test_shuffled_labels_are_stopped_by_a_rule_that_the_comment_names(harmful):
    assert harmful.trained.is_green, harmful.trained.said
    assert "train" in harmful.trained.ran()
    gate = harmful.checked["gate"]
    assert [step.status for step in gate.steps if step.command == "make gate"] == [2]
    assert re.search(r"(?m)^fail .*exact_label", gate.said), gate.said
    assert "exact_label" in harmful.comment
    assert red({"report": harmful.checked["report"], "lock": harmful.checked["lock"]}) == {}


def test_a_promotion_is_green_and_nothing_runs(promoted):
    assert red(promoted.checked) == {}
    assert quiet(promoted.checked)
    assert promoted.checked["report"].step("make verify-lock").status == 0


def test_the_accepted_model_proves_itself_on_an_empty_machine_and_is_tagged_once(here, proved):
    assert [job.is_green for job in proved] == [True, True], "\n".join(job.said for job in proved)
    tags = here.author.git("--git-dir", str(here.forge.repository), "tag").splitlines()
    assert sorted(tags) == ["colours#production#1", "colours@v0.0.1"]


def test_a_second_change_is_compared_with_what_is_in_production(second):
    assert red(second.checked) == {}
    assert re.search(r"accepted", second.comment)
    assert re.search(r"(?m)^pass .*accepted", second.checked["gate"].said), second.checked["gate"].said
    surely, perhaps = planned(second.plan)
    assert surely <= set(second.trained.ran()) <= surely | perhaps


def test_of_two_data_changes_at_once_the_second_is_settled_without_training(here, beside, joined):
    conflicts, said, trained, checked, _ = joined
    assert conflicts
    assert "train" not in beside.trained.ran()
    assert "dvc.lock is settled" in said
    assert trained.is_green, trained.said
    assert "train" not in trained.ran()
    assert red(checked) == {}
    lock = yaml.safe_load(here.file("dvc.lock"))["stages"]
    paths = {dep["path"] for dep in lock["ingest"]["deps"]}
    assert {str(SOURCE), str(LATER)} <= paths


def test_a_rollback_takes_the_model_back_and_leaves_later_data_alone(here, promoted, promoted_again, joined, rolled):
    told, proof = rolled
    assert red(told.checked) == {}
    names = here.author.git(
        "--git-dir", str(here.forge.repository), "diff", "--name-only", "main^1", "main"
    ).splitlines()
    assert sorted(names) == ["models/accepted.dvc", "models/accepted.json"]
    assert here.file("models/accepted.dvc") == here.file("models/accepted.dvc", promoted.commit)
    assert here.file("models/accepted.dvc", promoted_again[0].commit) != here.file("models/accepted.dvc")
    lock = told.checked["lock"].step("make verify-lock")
    assert "pending" in lock.said
    assert "predict@accepted" in lock.said
    assert proof.is_green, proof.said


def test_the_first_run_comes_out_the_same_from_nothing(first, bare):
    said = bare.make("reproduce", f"REV={first.commit}", "CACHE=no")
    assert {*STAGES, *ARMS} <= set(re.findall(r"(?m)^reproduce: \d+/\d+ (\S+) \(", said)), said
    assert "Reproduced: identical" in said


def test_whatever_is_tampered_with_is_named(here, joined):
    desk = here.clone("tampered")
    desk.git("checkout", "--quiet", joined[-1])
    desk.make("pull")
    assert "all of it is what it says" in desk.make("verify")
    changed = story.tamper(desk.folder)
    said = desk.make("verify", status=2)
    assert [name for name in changed if name not in said] == [], said


def test_a_rotten_object_of_the_remote_is_named_and_not_taken(here, joined):
    name = "models/adapter/1-full/model.safetensors"
    weights = here.folder / "tampered" / name
    story.rot(here, weights)
    desk = here.clone("cheated")
    desk.git("checkout", "--quiet", joined[-1])
    for verb in (("verify", "REMOTE=yes", "ALLOW_MISSING=yes"), ("pull",)):
        said = desk.make(*verb, status=2)
        assert name in said
        assert "rotten" in said
    assert not (desk.folder / name).exists()
