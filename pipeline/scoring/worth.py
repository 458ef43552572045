"""Whether the fine-tune pays: the tuned arm against the same base with a good prompt, in a word and a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Word = Literal["fine-tune", "prompt", "mixed", "tie", "cannot tell"]


def worth(verdicts: Mapping[str, str], targets: Mapping[str, bool], tokens: Sequence[float]) -> tuple[Word, str]:
    """`verdicts` of the tuned arm against the prompted one by metric; `targets`: whether the prompted arm surely reaches each.

    `tokens` that the prompted and the tuned arm read and write a request.
    """
    prompted, tuned = tokens
    if targets and all(targets.values()):
        return (
            "prompt",
            f"the prompt alone reaches every target: do not fine-tune{_saving(prompted, tuned, ', unless')}",
        )
    better = [name for name, word in verdicts.items() if word == "better"]
    worse = [name for name, word in verdicts.items() if word == "worse"]
    if better and worse:
        return "mixed", f"it gains on {_listed(better)} and loses on {_listed(worse)}: weigh them before you merge"
    if better:
        return "fine-tune", f"it is better than the prompt on {_listed(better)} and worse on nothing"
    if worse:
        return "prompt", f"the prompt wins on {_listed(worse)}: do not fine-tune"
    if verdicts and all(word == "no worse" for word in verdicts.values()):
        return "tie", f"it ties with the prompt{_saving(prompted, tuned, ', and') or ': do not fine-tune'}"
    return "cannot tell", "this test set does not tell it from the prompt: add test examples, or keep the prompt"


def pays(comparison: Mapping[str, Any], tuned: str, prompted: str) -> dict[str, str]:
    """The same of a comparison as evaluate writes it, and where a guess without a language model is better than the tuned arm."""
    pairs, targets = comparison["pairs"], comparison["targets"]
    verdicts = {metric: row["verdict"] for metric, row in pairs[f"{tuned} against {prompted}"].items()}
    means = comparison["arms"][prompted]
    reached = {metric: metric in means and means[metric]["low"] >= one["wanted"] for metric, one in targets.items()}
    tokens = [sum(comparison["tokens"][arm].values()) for arm in (prompted, tuned)]
    word, because = worth(verdicts, reached, tokens)
    guessed = pairs.get(f"{tuned} against bag_of_words", {})
    beaten = sorted(metric for metric, row in guessed.items() if row["verdict"] == "worse")
    return {"word": word, "because": because, "words_alone_are_better_on": ", ".join(beaten)}


def _saving(prompted: float, tuned: float, link: str) -> str:
    """What a request costs less; nothing where it does not."""
    return f"{link} {prompted - tuned:,.0f} of {prompted:,.0f} tokens a request matter" if tuned < prompted else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
