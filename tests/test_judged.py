"""How many candidates a test set has judged."""

import json

from pipeline.desk.judged import candidates
from tests.project import git


def report(folder, model, test_set="s1"):
    (folder / "reports").mkdir(exist_ok=True)
    text = {"yardstick": {"tuned": {"model": model}}, "test_set": test_set}
    (folder / "reports/comparison.json").write_text(json.dumps(text))


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")


def test_each_model_counts_once_on_every_branch_and_on_this_test_set_alone(tmp_path):
    assert candidates(tmp_path) == 0
    git(tmp_path, "init", "-q", "-b", "main")
    report(tmp_path, "a")
    assert candidates(tmp_path) == 1  # not in git yet
    for model, test_set in (("a", "s1"), ("b", "s1"), ("c", "s0"), ("a", "s1")):
        report(tmp_path, model, test_set)
        commit(tmp_path)
    assert candidates(tmp_path) == 2
    git(tmp_path, "checkout", "-q", "-b", "other")
    report(tmp_path, "d")
    commit(tmp_path)
    git(tmp_path, "checkout", "-q", "main")
    assert candidates(tmp_path) == 3
    report(tmp_path, "e", "s2")
    assert candidates(tmp_path) == 1


def test_versions_that_are_no_report_do_not_count(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    for text in ("{", "[]", '{"yardstick": {}}', '{"yardstick": {"tuned": {}}, "test_set": "s1"}'):
        (tmp_path / "reports").mkdir(exist_ok=True)
        (tmp_path / "reports/comparison.json").write_text(text)
        commit(tmp_path)
        assert candidates(tmp_path) == 0
    (tmp_path / "reports/comparison.json").unlink()
    commit(tmp_path)
    report(tmp_path, "a")
    assert candidates(tmp_path) == 1
