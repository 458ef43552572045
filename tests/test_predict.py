"""Asking an arm: what is asked, and answers that do not depend on their neighbours."""

from pipeline.data.prompts import Prompt
from pipeline.data.questions import Check, Question
from pipeline.predict import conversations
from tests.project import record


def test_the_task_is_asked_with_the_prompt_and_the_probes_bare():
    probe = Question(
        id="p", messages=[{"role": "user", "content": "hi"}], check=Check(kind="exact", value="hi"), skill="s"
    )
    case = probe.model_copy(update={"id": "c"})
    prompt = Prompt(system="Be brief.", few_shot=[])
    asked = conversations(prompt, [record(9)], [record(1)], [record(2)], [probe], [case])
    assert [(name, key) for name, key, _ in asked] == [
        ("test", record(1).id),
        ("new", record(2).id),
        ("case", "c"),
        ("probe", "p"),
    ]
    assert [len(turns) for *_, turns in asked] == [4, 4, 4, 1]
