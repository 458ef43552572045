"""The player of workflows: an expression is worth what GitHub would say, and what it does not know fails."""

import pytest

from tests.workflow_player import filled, value

EVENT = {"github": {"event_name": "push", "head_ref": "", "sha": "abc", "event": {"label": {"name": "train"}}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ github.sha }}...", "abc..."),
        ("${{ github.head_ref || github.sha }}", "abc"),
        ("train-${{ github.event.label.name }}", "train-train"),
        ("plain", "plain"),
    ],
)
def test_expressions_are_filled_in(text, expected):
    assert filled(text, EVENT) == expected


def test_conditions_are_judged():
    assert value("github.event_name == 'push' && (github.event.label.name == 'train')", EVENT)
    assert not value("github.event_name == 'pull_request' || github.sha == 'x'", EVENT)


@pytest.mark.parametrize("text", ["github.event.number", "secrets.KEY", "always()", "matrix.python"])
def test_a_name_that_the_event_has_not_fails(text):
    with pytest.raises(KeyError):
        value(text, EVENT)


@pytest.mark.parametrize("text", ["github.sha + github.sha", "!github.sha", "github.sha > 'a'"])
def test_a_sign_that_is_not_played_fails(text):
    with pytest.raises(AssertionError):
        value(text, EVENT)
