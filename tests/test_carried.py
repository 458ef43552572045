"""What an arm puts before a question: a prompt of the task, or what its model carries."""

import pytest

from pipeline.data.records import write_records
from pipeline.model.carried import wording
from pipeline.stage import Fault
from tests.project import record


@pytest.fixture
def model(tmp_path):
    """A trained folder, with a prompt that shows an example."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/prompt.yaml").write_text(f"system: As it was.\nfew_shot: [{record(1).id}]\n")
    return tmp_path / "model"


def test_own_is_what_the_folder_carries_whatever_the_task_says_now(model, tmp_path):
    write_records(model / "few_shot.jsonl", [record(1)])
    (tmp_path / "own.yaml").write_text("system: Never read.\nfew_shot: [gone]\n")
    prompt, shown = wording(tmp_path / "own.yaml", tmp_path / "not-there.jsonl", model)
    assert (prompt.system, shown) == ("As it was.", [record(1)])


def test_a_folder_that_lacks_its_example_or_its_prompt_is_named(model, tmp_path):
    with pytest.raises(Fault, match="the folder does not carry it; train it again"):
        wording(tmp_path / "own.yaml", tmp_path / "x", model)
    (model / "prompt.yaml").unlink()
    with pytest.raises(Fault, match=r"carries no prompt\.yaml, and its arm's prompt is own"):
        wording(tmp_path / "own.yaml", tmp_path / "x", model)


def test_any_other_name_is_a_prompt_of_the_task(model, tmp_path):
    (tmp_path / "plain.yaml").write_text("system: Today.\nfew_shot: []\n")
    write_records(tmp_path / "few_shot.jsonl", [])
    assert wording(tmp_path / "plain.yaml", tmp_path / "few_shot.jsonl", model)[0].system == "Today."
