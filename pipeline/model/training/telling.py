"""What was proved of a phase, in words and as plain numbers."""

from typing import Any

NUMBERS = (
    "validation_loss",
    "preference_accuracy",
    "rows_trained",
    "supervised_tokens",
    "trainable_parameters",
    "kept_step",
)


def summary(name: str, proof: dict[str, Any]) -> str:
    """A phase in a clause: examples, tokens, loss."""
    said = f"{name}: {proof['rows_trained']} of {proof['rows_in']} examples, {proof['supervised_tokens']} tokens learnt"
    loss = proof["validation_loss"]
    return said if loss is None else f"{said}, validation loss {loss:.3f}"


def proved(name: str, proof: dict[str, Any]) -> str:
    """A phase in a line: what was counted, and what was found out, as far as the phase has it."""
    share = proof["supervised_tokens"] / proof["tokens"]
    parts = [
        f"{proof['rows_trained']} of {proof['rows_in']} examples trained",
        f"{proof['supervised_tokens']:,} of {proof['tokens']:,} tokens learnt ({share:.0%})",
        f"each answer's end {' or '.join(map(_quoted, proof['end_of_turn']))} among them",
        f"{proof['trainable_parameters']:,} of {proof['parameters']:,} parameters",
    ]
    if proof["validation_loss"] is not None:
        parts.append(
            f"validation loss {proof['validation_loss']:.3f} at step {proof['kept_step']} of {proof['steps']}, which is kept"
        )
    if proof["preference_accuracy"] is not None:
        parts.append(f"the better answer of {proof['preference_accuracy']:.0%} of the validation pairs preferred")
    if proof["dropped"]:
        parts.append(
            f"{len(proof['dropped'])} left out, the first {proof['dropped'][0]['source']} ({proof['dropped'][0]['reason']})"
        )
    if proof["overfit"]:
        parts.append(f"learnt by heart from step {proof['overfit']['best_step']} on")
    return f"{name}: {', '.join(parts)}."


def _quoted(text: str) -> str:
    """Text of a model's template, with nothing in it that a terminal would obey."""
    return repr(text)


def numbers(proofs: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By phase what `dvc metrics diff` is to show; what a phase has not is left out."""
    return {
        name: {key: round(proof[key], 4) for key in NUMBERS if proof.get(key) is not None}
        for name, proof in proofs.items()
    }
