"""What was proved, in words: every fact that is there is said, and none that is not."""

from pipeline.model.training.telling import numbers, proved, summary

PROOF = {
    "rows_in": 10,
    "rows_trained": 9,
    "dropped": [{"source": "a.jsonl:3", "reason": "2000 tokens, and train.max_length is 1024"}],
    "validation": {
        "rows_in": 5,
        "rows_checked": 3,
        "dropped": [{"source": "b.jsonl:7", "reason": "has no worse answer"}] * 2,
    },
    "tokens": 1000,
    "supervised_tokens": 250,
    "supervised_share": 0.25,
    "longest": 200,
    "first_spans": ["yes<end>"],
    "end_of_turn": ["<end>\x1b[31m"],
    "beginnings": {"0": 9},
    "without_beginning": {"token": "<s>", "rows": 9},
    "trainable_parameters": 1234,
    "parameters": 5678,
    "steps": 40,
    "kept_step": 30,
    "validation_loss": 0.5,
    "preference_accuracy": 0.75,
    "parity": {
        "trained_in": "NF4",
        "served_in": "bfloat16",
        "tokens": 40,
        "mean_difference": 0.012,
        "largest_difference": 0.2,
        "same_likeliest_token": 0.98,
        "loss_trained": 0.5,
        "loss_served": 0.51,
        "is_within_bound": True,
    },
    "overfit": {"best_step": 30, "best_validation_loss": 0.5, "last_step": 40, "last_validation_loss": 0.7},
}
NONE_LEFT_OUT = {
    "without_beginning": None,
    "dropped": [],
    "validation": {"rows_in": 5, "rows_checked": 5, "dropped": []},
}
PLAIN = PROOF | NONE_LEFT_OUT | {"validation_loss": None, "preference_accuracy": None, "overfit": None}


def test_a_phase_is_told_in_a_line_with_all_that_was_proved():
    line = proved("1-lora", PROOF)
    for said in (
        "1-lora: 9 of 10 examples trained",
        "250 of 1,000 tokens learnt (25%)",
        "9 texts without '<s>', which the tokenizer begins a text with",
        "1,234 of 5,678 parameters",
        "validation loss 0.500 at step 30 of 40, which is kept",
        "the better answer of 75% of the validation pairs preferred",
        "served 0.01 nats a token from what was trained in NF4 (loss 0.510 and 0.500)",
        "1 left out, the first a.jsonl:3 (2000 tokens, and train.max_length is 1024)",
        "2 of the validation left out, the first b.jsonl:7 (has no worse answer)",
        "learnt by heart from step 30 on",
    ):
        assert said in line
    assert "\x1b" not in line
    assert len(line.splitlines()) == 1


def test_what_a_phase_has_not_is_not_told():
    line = proved("1-lora", PLAIN)
    for word in ("validation", "preferred", "left out", "by heart", "<s>"):
        assert word not in line
    assert "loss" not in summary("1-lora", PLAIN)
    assert summary("1-lora", PROOF).endswith("250 tokens learnt, validation loss 0.500")


def test_numbers_are_plain():
    assert numbers({"1-lora": PLAIN}) == {
        "1-lora": {"rows_trained": 9, "supervised_tokens": 250, "trainable_parameters": 1234, "kept_step": 30}
    }
    assert numbers({"1-dpo": PROOF})["1-dpo"]["preference_accuracy"] == 0.75


def test_answers_that_were_cut_are_told():
    policy = PLAIN | {"rewards": {"all": [0.1, 0.5]}, "has_signal": True}
    assert "cut" not in proved("1-grpo", policy | {"cut": [0.5, 0.0]})
    assert "0.100 to 0.500, 25% of the last answers cut at max_new_tokens" in proved(
        "1-grpo", policy | {"cut": [0.5, 0.25]}
    )
