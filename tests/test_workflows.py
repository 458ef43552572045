"""The workflows: each step is a command that people type, every action is pinned, and no job has more than it needs."""

import re
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
MAKE = re.compile(r"make [a-z-]+")
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")


def read(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  # `on` stays a text


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def targets():
    return set(re.findall(r"(?m)^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_step_is_one_make_target_that_there_is(path):
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert commands
    assert [one for one in commands if not MAKE.fullmatch(one)] == []
    assert {one.removeprefix("make ") for one in commands} <= targets()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_the_version_as_a_remark(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.search(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_time_and_credentials_are_bounded(path):
    workflow = read(path)
    assert workflow["permissions"] in ({}, "{}", {"contents": "read"})
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) > 0
        taken = [step for step in job["steps"] if "actions/checkout@" in step.get("uses", "")]
        assert [step["with"]["persist-credentials"] for step in taken] == ["false"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_secret_is_given_to_jobs_of_an_environment_only_and_no_expression_stands_in_a_command(path):
    for job in read(path)["jobs"].values():
        if "secrets." in str(job):
            assert "environment" in job
        assert [step["run"] for step in job["steps"] if "${{" in step.get("run", "")] == []


def test_a_workflow_that_may_write_comments_takes_no_code_of_the_pull_request():
    job = read(Path(".github/workflows/comment.yml"))["jobs"]["comment"]
    taken = next(step for step in job["steps"] if "actions/checkout@" in step.get("uses", ""))
    assert "ref" not in taken["with"]
    assert "repository" not in taken["with"]


def test_what_needs_an_owner_is_there():
    lines = Path(".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]
    made_later = {"/models/accepted.dvc", "/models/accepted.json"}  # by the first make promote
    assert [one for one in patterns if one not in made_later and not Path(one[1:]).exists()] == []
    assert made_later <= set(patterns)
