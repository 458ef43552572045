"""Whether two forms of a model say the same: what was trained, and what is served of it.

An adapter is trained beside its base, in four bits or sixteen, and served merged into it, which rounds. Compared is what both tell of
the answers of real prompts, token by token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.model.rendering import Row

PROMPTS = 8
WORSE = 0.1  # nats a token: what is served may tell the right answers so much worse on average
APART = {"float32": 1e-3, "bfloat16": 0.1, "float16": 0.05}  # nats a token on average, where only rounding differs


@dataclass(frozen=True)
class Told:
    """What a model tells of the learnt tokens of rows: log-probability of the right one, and the likeliest one, in nats."""

    right: list[float]
    likeliest: list[int]

    @property
    def loss(self) -> float:
        """The mean over the tokens."""
        return -sum(self.right) / len(self.right)


def told(model: Any, rows: Sequence[Row]) -> Told:
    """Asks row by row, in evaluation mode; the model is left in the mode that it was in."""
    import torch

    was_training, right, likeliest = model.training, [], []
    model.eval()
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row.ids], device=model.device)
            places = [place for place, is_learnt in enumerate(row.learnt) if is_learnt and place]
            kept = torch.tensor(places, device=model.device) - 1  # a token is told by what stands before it
            whole = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
            said = model(**whole, logits_to_keep=kept).logits[0].float().log_softmax(-1)
            right += said.gather(-1, ids[0, places].unsqueeze(-1)).flatten().tolist()
            likeliest += said.argmax(-1).tolist()
    model.train(was_training)
    return Told(right, likeliest)


def parity(trained: Told, served: Told, dtype: str, is_quantised: bool) -> dict[str, Any]:
    """How far the two are apart, and whether that is within the bound.

    From four bits to sixteen more than rounding differs, so there only what is worse counts.
    """
    apart = [abs(one - other) for one, other in zip(trained.right, served.right, strict=True)]
    agreed = sum(one == other for one, other in zip(trained.likeliest, served.likeliest, strict=True))
    mean, worse = sum(apart) / len(apart), served.loss - trained.loss
    return {
        "trained_in": "NF4" if is_quantised else dtype,
        "served_in": dtype,
        "tokens": len(apart),
        "mean_difference": _short(mean),
        "largest_difference": _short(max(apart)),
        "same_likeliest_token": round(agreed / len(apart), 4),
        "loss_trained": round(trained.loss, 4),
        "loss_served": round(served.loss, 4),
        "is_within_bound": worse <= WORSE and (is_quantised or mean <= APART[dtype]),
    }


def complaint(found: dict[str, Any]) -> str:
    """What is wrong with a model that is not within the bound."""
    apart = f"{found['mean_difference']:.2g} nats a token from what was trained in {found['trained_in']}"
    return f"is {apart}, with a loss of {found['loss_served']:.3f} instead of {found['loss_trained']:.3f}"


def _short(value: float) -> float:
    return float(f"{value:.2g}")
