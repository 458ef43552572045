"""The names of the metrics that follow from a task."""

from pipeline.scoring.answers import PARTS, Contract
from pipeline.scoring.measured import PREFERENCE
from pipeline.scoring.own import OWN


def metric_names(contract: Contract) -> list[str]:
    """The metrics that a task with this contract can have, the headline first; the last one of preferences alone."""
    return [
        "format_accuracy",
        *PARTS,
        *(f"exact_{name}" for name in contract.exact_fields),
        *(f"{metric}_{name}" for name in contract.text_fields for metric in ("rouge_l", "bleu")),
        *OWN,
        PREFERENCE,
    ]
