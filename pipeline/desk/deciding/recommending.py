"""What follows from the checks: prompt, retrieve, collect data, fine-tune, each with its reason; the cheap before the dear."""

from collections.abc import Iterable
from typing import Literal

from pipeline.desk.deciding.check import Check, Key, Status

Word = Literal["prompt", "retrieve", "collect data", "fine-tune"]
Advice = tuple[Word, str]
Found = dict[Key, Status]

# The first that holds gives the reason
PROMPT: tuple[tuple[Key, Status, str], ...] = (
    ("targets", "no", "say first what is wanted, for without targets nobody can tell whether a prompt is enough"),
    ("short", "no", "the prompt alone reaches every target"),
    ("short", "not known yet", "nobody knows yet that a good prompt falls short: exhaust it, and measure it"),
    ("pays", "no", "the tuned model is no better than the prompt"),
    ("steady", "no", "what is wanted still changes, and a prompt follows in minutes"),
)
COLLECT: tuple[tuple[Key, Status, str], ...] = (
    ("examples", "no", "there are too few examples for the change"),
    ("examples", "not known yet", "what the examples are to teach has to be said first"),
    ("reviewed", "no", "examples wait for a person"),
)
RETRIEVE = "the answers state facts that the prompt lacks: bring them into it, for a fine-tune learns facts badly"
UNTOLD = "the test set is too small to tell the tuned model from the prompt"
# What a first fine-tune wants; what was measured stands above it
READY: tuple[Key, ...] = ("targets", "examples", "reviewed", "short")
NOT_AGAINST: tuple[Key, ...] = ("facts", "steady", "pays")


def recommended(checks: Iterable[Check], worth: str) -> list[Advice]:
    """At least one, in the order in which to go on. `worth`: the word of `evaluate` for the fine-tune, "" where there is none."""
    found: Found = {check.key: check.status for check in checks}
    advice: list[Advice] = []
    if reason := _first(PROMPT, found):
        advice.append(("prompt", reason))
    if found["facts"] == "no":
        advice.append(("retrieve", RETRIEVE))
    if reason := _first(COLLECT, found) or (UNTOLD if worth == "cannot tell" else None):
        advice.append(("collect data", reason))
    if reason := _tuning(found, worth):
        advice.append(("fine-tune", reason))
    return advice or [("prompt", "nothing that is sure speaks for a fine-tune: look at what is not known yet")]


def _first(reasons: tuple[tuple[Key, Status, str], ...], found: Found) -> str | None:
    return next((reason for key, status, reason in reasons if found[key] == status), None)


def _tuning(found: Found, worth: str) -> str | None:
    """Why to fine-tune, None where it is not the time."""
    if found["pays"] == "yes":
        if found["kept"] == "no":
            return "it pays against the prompt; mend first what it forgets (train.replay)"
        sure = "" if found["luck"] == "yes" else "; try other seeds before you rely on it (make seeds N=5)"
        return f"it pays against the prompt{sure}"
    is_time = all(found[key] == "yes" for key in READY) and all(found[key] != "no" for key in NOT_AGAINST)
    if worth == "mixed" and is_time:
        return "it gains and it loses against the prompt: weigh which matters, or train anew"
    if not worth and is_time:
        return "the prompt falls short, and there is enough to learn from: make run says whether it pays"
    return None
