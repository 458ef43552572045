"""Policy phases and their reward model, on a random model, in process."""

import json
import math
import shutil

import pytest
from pydantic import ValidationError

from pipeline.data.answers import Contract
from pipeline.data.prompts import Prompt
from pipeline.model.adapter import load_any, served
from pipeline.model.base import load_tokenizer, token_ids
from pipeline.model.training.reward import judge
from pipeline.model.training.weights import Start
from pipeline.stage import Fault
from pipeline.train import examples, scorers
from tests.lessons import files_of, mixed, params, preference, weights
from tests.project import record

pytestmark = pytest.mark.slow


def test_a_reward_model_is_learnt_kept_and_answered_to(trained):
    proofs, out = trained("lora", "reward", "grpo", records=mixed(), checked=mixed(20)[6:10], reward={"epochs": 8})
    assert list(proofs) == ["1-lora", "2-reward", "3-grpo"]
    assert served(out).folder == "3-grpo"
    reward, policy = proofs["2-reward"], proofs["3-grpo"]
    assert (reward["rows_in"], reward["rows_trained"], policy["rows_trained"]) == (16, 8, 16)
    assert reward["preference_accuracy"] == 1.0  # it is easy: the worse answer is always the same
    assert set(policy["rewards"]) == {"all", "format", "exact", "model"}
    assert policy["has_signal"]
    assert load_any(out, "auto", "cpu").model.config.architectures == ["LlamaForCausalLM"]
    assert "adapter_model.safetensors" in {path.name for path in (out / "2-reward").iterdir()}
    assert not list(out.rglob("*.bin"))
    rows = [line.split("\t") for line in (out / "loss.tsv").read_text().splitlines()]
    assert rows[0][-2:] == ["reward", "validation_reward"]
    for column in (-2, -1):
        assert {row[1] for row in rows[1:] if row[column]} == {"grpo"}
    assert float(rows[-1][-1]) == pytest.approx(policy["validation_reward"], rel=1e-4)


def test_what_is_kept_of_a_reward_model_prefers_the_better_answer_whatever_the_base_calls_its_pad(trained, base):
    records, quick = [preference(n) for n in range(8)], {"max_new_tokens": 2, "generations": 2}
    _, out = trained("reward", "grpo", records=records, checked=[record(9)], reward={"epochs": 8}, grpo=quick)
    asked = [list(one.messages[:-1]) for one in records]
    better = [one.messages[-1]["content"] for one in records]
    worse = [one.rejected[0]["content"] + " and more" * 9 for one in records]  # longer, so that the others are padded
    config, seen = json.loads((base / "config.json").read_text()), []
    for pad in (config["pad_token_id"], config["pad_token_id"] + 5, None):
        folder = out.parent / f"pad-{pad}"
        shutil.copytree(base, folder)
        (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": pad}))
        worth = judge(Start(folder, reward=out / "1-reward"), load_tokenizer(base), params("reward", "grpo"))
        together = worth(asked * 2, better + worse)
        alone = [worth([turns], [answer])[0] for turns, answer in zip(asked, better, strict=True)]
        assert together[:8] == pytest.approx(alone, abs=1e-5)
        assert all(
            one > other for one, other in zip(together[:8], worth(asked, ['{"label": "none"}'] * 8), strict=True)
        )
        seen.append(together)
    assert seen[0] == seen[1] == seen[2]


def test_a_reward_that_is_no_number_stops_the_run(trained, monkeypatch):
    from pipeline import train

    monkeypatch.setattr(train, "formats", lambda answers, _contract: [math.nan, *[1.0] * (len(answers) - 1)])
    with pytest.raises(Fault, match="the reward format is no number for 1 of 8 answers; train in float32"):
        trained("grpo", records=[record(n) for n in range(2)])


@pytest.mark.parametrize("phase", ["grpo", pytest.param("rloo", marks=pytest.mark.rehearsal)])
def test_the_reference_is_what_the_adapter_was_before(trained, phase, monkeypatch):
    from safetensors.torch import load_file

    from pipeline.model.training import policy

    logs = []
    original = policy.train
    monkeypatch.setattr(policy, "train", lambda *values: logs.append(original(*values)) or logs[-1])
    records, quick = [record(n) for n in range(8)], {"learning_rate": 1e-9, "max_new_tokens": 4}
    dropout = {"adapter": {"dropout": 0.5}}
    _, out = trained("lora", phase, records=records, keep="last", lora={"epochs": 4}, **{phase: quick}, **dropout)
    assert {abs(entry["kl"]) < 1e-6 for entry in logs[0] if "kl" in entry} == {True}
    first, second = (load_file(out / name / "adapter_model.safetensors") for name in ("1-lora", f"2-{phase}"))
    assert first.keys() == second.keys()
    assert all((first[name] - second[name]).abs().max() < 1e-5 for name in first)
    assert not (out / f"2-{phase}/ref").exists()


@pytest.mark.parametrize("phase", ["grpo", pytest.param("rloo", marks=pytest.mark.rehearsal)])
def test_a_policy_alone_answers_to_the_task_and_says_where_it_learns_nothing(trained, phase, capsys):
    changes = {phase: {"rewards": {"format": 1.0, "exact": 0.5, "model": 1.0}}}
    proofs, _ = trained(phase, records=[record(n) for n in range(4)], checked=[record(9)], **changes)
    found = proofs[f"1-{phase}"]
    assert set(found["rewards"]) == {"all", "format", "exact"}
    assert not found["has_signal"]
    assert found["cut"][0] > 0.5  # a random model hardly ever ends an answer
    assert math.isfinite(found["validation_loss"])
    assert f"{phase} learnt nothing: all answers to a question were always worth the same" in capsys.readouterr().out


@pytest.fixture
def lengthy(monkeypatch):
    """Rewards short answers instead of valid ones, and a letter instead of right fields: of both a random model has some."""
    from pipeline import train

    monkeypatch.setattr(train, "formats", lambda answers, _contract: [math.exp(-len(text) / 8) for text in answers])
    monkeypatch.setattr(train, "exactness", lambda answers, *_: [text.count("e") / 8 for text in answers])


@pytest.mark.usefixtures("lengthy")
@pytest.mark.parametrize("phase", ["grpo", pytest.param("rloo", marks=pytest.mark.rehearsal)])
def test_the_same_answers_are_drawn_and_the_same_bytes_are_learnt(trained, phase):
    found = []
    for _ in range(2):
        proofs, out = trained(phase, records=[record(n) for n in range(4)], checked=[record(9)])
        found.append(files_of(out))
    assert proofs[f"1-{phase}"]["has_signal"]
    assert found[0] == found[1]


@pytest.mark.rehearsal
@pytest.mark.usefixtures("lengthy")
@pytest.mark.parametrize("phase", ["grpo", "rloo"])
def test_every_knob_of_a_policy_changes_the_run(trained, phase):
    base = {"rewards": {"format": 1.0, "exact": 0.0, "model": 0.0}, "temperature": 2.0}
    seen = []
    for change in (
        {},
        {"generations": 2},
        {"max_new_tokens": 4},
        {"temperature": 0.5},
        {"beta": 5.0},
        {"quantise": True},
        {"rewards": {"format": 1.0, "exact": 1.0, "model": 0.0}},
        {"rewards": {"format": 0.5, "exact": 1.0, "model": 0.0}},
    ):
        records, own = [record(n) for n in range(6)], {phase: base | change}
        _, out = trained(phase, records=records, schedule="constant", warmup_share=0.0, **own)
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
        full={"epochs": 9, "learning_rate": 0.02},
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
    records, checked = [record(n) for n in range(4)], [record(n) for n in range(20, 22)]
    trained("grpo", records=records, checked=checked, keep="last")
    wanted = examples([*records, *checked], [], Prompt(system="Answer.", few_shot=[]), "last")
    tokenizer = load_tokenizer(base)
    assert {tuple(token_ids(tokenizer, one.turns[:-1], is_asked=True)) for one in wanted} == set(asked)


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
