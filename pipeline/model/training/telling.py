"""What was proved of a phase, in words and as plain numbers."""

from typing import Any

NUMBERS = (
    "validation_loss",
    "validation_reward",
    "preference_accuracy",
    "rows_trained",
    "supervised_tokens",
    "trainable_parameters",
    "kept_step",
)


def summary(name: str, proof: dict[str, Any]) -> str:
    """A phase in a clause: examples, tokens, loss."""
    said = [f"{name}: {proof['rows_trained']} of {proof['rows_in']} examples"]
    if "supervised_tokens" in proof:
        said.append(f"{proof['supervised_tokens']} tokens learnt")
    if proof["validation_loss"] is not None and "rewards" not in proof:
        said.append(f"validation loss {proof['validation_loss']:.3f}")
    if "rewards" in proof:
        said.append(_reward(proof))
    return ", ".join(said)


def proved(name: str, proof: dict[str, Any]) -> str:
    """A phase in a line: what was counted, and what was found out, as far as the phase has it."""
    parts = [f"{proof['rows_trained']} of {proof['rows_in']} examples trained"]
    if "supervised_tokens" in proof:
        share = proof["supervised_tokens"] / proof["tokens"]
        parts.append(f"{proof['supervised_tokens']:,} of {proof['tokens']:,} tokens learnt ({share:.0%})")
        parts.append(f"each answer's end {' or '.join(map(_quoted, proof['end_of_turn']))} among them")
        if found := proof["without_beginning"]:
            token = _quoted(found["token"])
            parts.append(f"{found['rows']} texts without {token}, which the tokenizer begins a text with")
    if "parameters" in proof:
        parts.append(f"{proof['trainable_parameters']:,} of {proof['parameters']:,} parameters")
    if "trained_tokens" in proof:
        tokens = proof["trained_tokens"] or "an unknown number of"
        parts.append(f"{tokens} tokens trained by the service, for ${proof['most_cost']} at most")
    if "rewards" in proof:
        parts.append(_reward(proof))
    elif proof["validation_loss"] is not None:
        kept = f" at step {proof['kept_step']} of {proof['steps']}, which is kept" if "kept_step" in proof else ""
        parts.append(f"validation loss {proof['validation_loss']:.3f}{kept}")
    if proof["preference_accuracy"] is not None:
        parts.append(f"the better answer of {proof['preference_accuracy']:.0%} of the validation pairs preferred")
    if "parity" in proof:
        parts.append(_parity(proof["parity"]))
    for of, dropped in (("", proof["dropped"]), (" of the validation", proof["validation"]["dropped"])):
        if dropped:
            parts.append(f"{len(dropped)}{of} left out, the first {dropped[0]['source']} ({dropped[0]['reason']})")
    if proof["overfit"]:
        parts.append(f"learnt by heart from step {proof['overfit']['best_step']} on")
    return f"{name}: {', '.join(parts)}."


def _parity(found: dict[str, Any]) -> str:
    if "not_measured" in found:
        return f"not compared with what is served ({found['not_measured']})"
    apart = f"{found['mean_difference']:.1g} nats a token from what was trained in {found['trained_in']}"
    bound = "" if found["is_within_bound"] else ", which is more than rounding explains"
    return f"served {apart}{bound} (loss {found['loss_served']:.3f} and {found['loss_trained']:.3f})"


def _reward(proof: dict[str, Any]) -> str:
    first, last = proof["rewards"]["all"]
    said = f"mean reward from {first:.3f} to {last:.3f}"
    if proof["cut"][1]:
        said += f", {proof['cut'][1]:.0%} of the last answers cut at max_new_tokens"
    return said if proof["has_signal"] else f"{said}, and no answer better than another"


def _quoted(text: str) -> str:
    """Text of a model's template, with nothing in it that a terminal would obey."""
    return repr(text)


def numbers(proofs: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By phase what `dvc metrics diff` is to show; what a phase has not is left out."""
    return {
        name: {key: round(proof[key], 4) for key in NUMBERS if proof.get(key) is not None}
        for name, proof in proofs.items()
    }
