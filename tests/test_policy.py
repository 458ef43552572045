"""Policy phases and their reward model, on a random model, in process."""

import json
import math

import pytest
from pydantic import ValidationError

from pipeline.data.answers import Contract
from pipeline.data.prompts import Prompt
from pipeline.model.adapter import load_any, served
from pipeline.model.base import load_tokenizer, token_ids
from pipeline.stage import Fault
from pipeline.train import examples, scorers
from tests.lessons import files_of, mixed, params, weights
from tests.project import record

pytestmark = pytest.mark.slow


def test_a_reward_model_is_learnt_kept_and_answered_to(trained):
    proofs, out = trained("lora", "reward", "grpo", records=mixed(), checked=mixed(20)[6:10], reward={"epochs": 8})
    assert list(proofs) == ["1-lora", "2-reward", "3-grpo"]
    assert served(out).folder == "3-grpo"
    reward, policy = proofs["2-reward"], proofs["3-grpo"]
    assert (reward["rows_in"], reward["rows_trained"], policy["rows_trained"]) == (8, 8, 16)
    assert reward["preference_accuracy"] == 1.0  # it is easy: the worse answer is always the same
    assert set(policy["rewards"]) == {"all", "format", "exact", "model"}
    assert policy["has_signal"]
    assert load_any(out, "auto", "cpu").model.config.architectures == ["LlamaForCausalLM"]
    assert "adapter_model.safetensors" in {path.name for path in (out / "2-reward").iterdir()}
    assert not list(out.rglob("*.bin"))
    rows = [line.split("\t") for line in (out / "loss.tsv").read_text().splitlines()]
    assert rows[0][-1] == "reward"
    assert {row[1] for row in rows[1:] if row[-1]} == {"grpo"}


@pytest.mark.parametrize("phase", ["grpo", pytest.param("rloo", marks=pytest.mark.rehearsal)])
def test_a_policy_alone_answers_to_the_task_and_gives_the_same_bytes(trained, phase, capsys):
    changes = {phase: {"rewards": {"format": 1.0, "exact": 0.5, "model": 1.0}}}
    proofs, out = trained(phase, records=[record(n) for n in range(4)], checked=[record(9)], **changes)
    found = proofs[f"1-{phase}"]
    assert set(found["rewards"]) == {"all", "format", "exact"}
    assert (found["has_signal"], found["validation_loss"]) == (False, found["validation_loss"])
    assert f"{phase} learnt nothing: all answers to a question were always worth the same" in capsys.readouterr().out
    first = files_of(out)
    _, out = trained(phase, records=[record(n) for n in range(4)], checked=[record(9)], **changes)
    assert files_of(out) == first


@pytest.fixture
def lengthy(monkeypatch):
    """Rewards short answers instead of valid ones, which a random model can learn."""
    from pipeline import train

    monkeypatch.setattr(train, "formats", lambda answers, _contract: [math.exp(-len(text) / 8) for text in answers])


@pytest.mark.rehearsal
@pytest.mark.usefixtures("lengthy")
def test_every_knob_of_a_policy_changes_the_run(trained):
    base = {"rewards": {"format": 1.0, "exact": 0.0, "model": 0.0}, "temperature": 2.0}
    seen = []
    for change in (
        {},
        {"generations": 2},
        {"max_new_tokens": 4},
        {"temperature": 0.5},
        {"beta": 5.0},
        {"quantise": True},
        {"rewards": {"format": 1.0, "exact": 1.0, "model": 0.0}, "learning_rate": 0.02},
    ):
        _, out = trained(
            "grpo", records=[record(n) for n in range(6)], schedule="constant", warmup_share=0.0, grpo=base | change
        )
        assert weights(out) not in seen, change
        seen.append(weights(out))


@pytest.mark.rehearsal
@pytest.mark.parametrize("phase", ["grpo", "rloo"])
def test_the_reward_rises(trained, phase):
    own = {"epochs": 12, "generations": 8, "batch_size": 32, "learning_rate": 0.01, "beta": 0.0, "max_new_tokens": 16}
    proofs, _ = trained(
        "full",
        phase,
        records=[record(n) for n in range(24)],
        keep="last",
        full={"epochs": 12, "learning_rate": 0.02},
        **{phase: own},
    )
    first, last = proofs[f"2-{phase}"]["rewards"]["format"]
    assert 0.1 < first < 0.9
    assert last > first + 0.1


def test_what_is_asked_is_what_is_asked_in_use(trained, monkeypatch, base):
    from pipeline.model.training import policy

    asked = []
    original = policy.asking

    def spied(kind):
        class Spied(original(kind)):
            def _generate_single_turn(self, prompt_ids, *values):
                asked.extend(map(tuple, prompt_ids))
                return super()._generate_single_turn(prompt_ids, *values)

        return Spied

    monkeypatch.setattr(policy, "asking", spied)
    records = [record(n) for n in range(4)]
    trained("grpo", records=records, keep="last")
    wanted = examples(records, [], Prompt(system="Answer.", few_shot=[]), "last")
    tokenizer = load_tokenizer(base)
    assert {tuple(token_ids(tokenizer, one.turns[:-1], is_asked=True)) for one in wanted} <= set(asked)


def test_a_question_without_room_for_an_answer_is_dropped_or_stops_the_run(trained):
    records = [*(record(n) for n in range(4)), record(10**9)]
    with pytest.raises(Fault, match=r"1 of 5 examples do not fit \(f:1000000000 first"):
        trained("grpo", records=records, max_length=longest(trained) - 1)
    proofs, _ = trained("grpo", records=records, max_length=longest(trained) - 1, too_long="drop")
    assert (proofs["1-grpo"]["rows_in"], proofs["1-grpo"]["rows_trained"]) == (5, 4)


def longest(trained):
    return trained("grpo", records=[record(10**9)])[0]["1-grpo"]["longest"]


def test_a_schema_without_an_exact_field_rewards_the_format(trained):
    from tests import lessons

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "SCHEMA", {"type": "object", "properties": {"note": {"type": "string"}}})
        proofs, _ = trained("grpo", records=[record(n) for n in range(2)])
        assert set(proofs["1-grpo"]["rewards"]) == {"all", "format"}
        with pytest.raises(Fault, match=r"train\.grpo\.rewards: rewards exact fields only"):
            trained("grpo", records=[record(1)], grpo={"rewards": {"format": 0.0, "exact": 1.0, "model": 0.0}})


@pytest.mark.parametrize(
    ("phases", "changes", "said"),
    [
        (["lora", "reward"], {}, "after reward comes grpo or rloo"),
        (["reward", "dpo"], {}, "after reward comes grpo or rloo"),
        (["grpo", "lora"], {}, "comes first"),
        (["grpo"], {"grpo": {"generations": 3}}, "no multiple of generations"),
        (["grpo"], {"grpo": {"rewards": {"format": 0.0, "exact": 0.0, "model": 1.0}}}, "nothing is rewarded in grpo"),
    ],
)
def test_what_makes_no_sense_is_refused(phases, changes, said):
    with pytest.raises(ValidationError, match=said):
        params(*phases, **changes)


def test_the_task_itself_says_what_an_answer_is_worth(tmp_path):
    (tmp_path / "schema.json").write_text(
        json.dumps(
            {
                "type": "object",
                "properties": {"label": {"enum": ["red", "blue"]}, "urgent": {"type": "boolean"}},
                "required": ["label"],
            }
        )
    )
    found = scorers(Contract.load(tmp_path / "schema.json"))
    answers = ['{"label": "red", "urgent": true}', '{"label": "red", "urgent": false}', "red", '{"label": "green"}']
    reference = ['{"label": "red", "urgent": true}'] * 4
    assert found["format"](answers, reference) == [1, 1, 0, 0]
    assert found["exact"](answers, reference) == [1, 0.5, 0, 0]
