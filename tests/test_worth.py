"""Whether the fine-tune pays."""

import pytest

from pipeline.scoring.worth import pays, worth

TOKENS = (1600.0, 200.0)


@pytest.mark.parametrize(
    ("verdicts", "targets", "word", "said"),
    [
        (
            {"a": "better", "b": "no worse"},
            {"a": False},
            "fine-tune",
            "better than the prompt on a and worse on nothing",
        ),
        ({"a": "better", "b": "cannot tell"}, {}, "fine-tune", "on a"),
        (
            {"a": "better"},
            {"a": True},
            "prompt",
            "reaches every target: do not fine-tune, unless 1,400 of 1,600 tokens",
        ),
        ({"a": "better", "b": "worse", "c": "worse"}, {"a": False}, "mixed", "gains on a and loses on b and c"),
        ({"a": "worse", "b": "no worse"}, {}, "prompt", "the prompt wins on a: do not fine-tune"),
        ({"a": "no worse", "b": "no worse"}, {}, "tie", "ties with the prompt, and 1,400 of 1,600 tokens"),
        ({"a": "no worse", "b": "cannot tell"}, {}, "cannot tell", "does not tell it from the prompt"),
        ({}, {}, "cannot tell", "does not tell"),
    ],
)
def test_the_word_follows_from_verdicts_targets_and_tokens(verdicts, targets, word, said):
    found, why = worth(verdicts, targets, TOKENS)
    assert found == word
    assert said in why


def test_a_tie_that_saves_nothing_is_no_reason():
    assert worth({"a": "no worse"}, {}, (200.0, 200.0)) == ("tie", "it ties with the prompt: do not fine-tune")
    assert (
        worth({"a": "better"}, {"a": True}, (1.0, 2.0))[1] == "the prompt alone reaches every target: do not fine-tune"
    )


def test_a_target_counts_as_reached_where_the_whole_interval_does():
    """One right answer of one is no proof that the prompt is enough."""

    def word(low):
        pairs = {"tuned against prompted": {"a": {"verdict": "cannot tell"}}}
        arms = {"prompted": {"a": {"mean": 1.0, "low": low}}, "tuned": {"a": {"mean": 1.0, "low": low}}}
        targets = {"a": {"wanted": 0.9, "prompted": True, "tuned": True}}
        tokens = {"prompted": {"read": 9.0, "written": 1.0}, "tuned": {"read": 4.0, "written": 1.0}}
        return pays({"arms": arms, "pairs": pairs, "targets": targets, "tokens": tokens}, "tuned", "prompted")["word"]

    assert (word(0.21), word(0.9)) == ("cannot tell", "prompt")
