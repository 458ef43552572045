"""What is kept of a phase: its weights in a folder, and the proof that what is served of them is what was trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.adapter import Made, merged, save_adapter, save_whole
from pipeline.model.base import Base, chosen_dtype, load_model
from pipeline.model.parity import PROMPTS, Told, complaint, parity, told
from pipeline.model.rendering import Row
from pipeline.model.training.ranks import is_main, say
from pipeline.model.training.recipe import TrainParams
from pipeline.model.training.weights import Start, gathered


@dataclass(frozen=True)
class Keeper:
    """Saves what phases make. `rows` are real prompts with their answers."""

    base: Base
    tokenizer: Any
    params: TrainParams
    rows: Sequence[Row]

    def save(self, model: Any, made: Made, place: Path) -> None:
        """Write a model or an adapter into a folder; where it is shared out over several processes, all of them are to call this."""
        state = gathered(model)
        if not is_main():
            return
        if made.kind == "model":
            save_whole(model, self.tokenizer, chosen_dtype(self.params.dtype, self.params.device), place, state)
        else:
            save_adapter(model, self.base, made.on, place, state)

    def told(self, model: Any, made: Made) -> Told | None:
        """What a model says of the prompts, or None of a reward model, which says nothing, and where no prompt fits."""
        return told(model, self.rows[:PROMPTS]) if made.kind != "reward" and self.rows else None

    def parity(self, said: Told | None, is_quantised: bool, start: Start, made: Made, place: Path) -> dict[str, Any]:
        """The proof that what was saved says the same when it is served; nothing of a reward model.

        The model that was trained is to be gone by now, since both may not fit the memory together.
        """
        import gc

        import torch

        if said is None:
            return {}
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        params = self.params
        try:
            if made.kind == "model":
                model = load_model(place, params.dtype, params.device, params.attention)
            else:
                model = merged(start.folder, place, params.dtype, params.device)
            dtype = str(model.dtype).removeprefix("torch.")
            found = parity(said, told(model, self.rows[:PROMPTS]), dtype, is_quantised)
        except torch.OutOfMemoryError:
            missing = {"not_measured": "the merged model does not fit the memory"}
            return {"parity": missing | ({"trained_in": "NF4"} if is_quantised else {})}
        if not found["is_within_bound"]:
            remedy = "take lora, or a larger base, which four bits harm less" if is_quantised else "train in float32"
            say(f"train: {made.name}: what is served {complaint(found)}; {remedy}")
        return {"parity": found}
