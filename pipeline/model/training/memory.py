"""Whether a run fits the memory, reckoned from the model's configuration before any weight is loaded.

An estimate: what is kept of a token for the way back was measured on models of six families (docs/methods.md), the rest is
arithmetic. A run is refused only where its lower end does not fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.base import chosen_device, chosen_dtype
from pipeline.model.training.recipe import POLICY, AdapterParams, Phase, PhaseParams, TrainParams
from pipeline.model.training.weights import outline, targeted
from pipeline.stage import Fault

NF4_BYTES = (
    0.516  # a weight in four bits with its doubly quantised scales: 4.127 bits (Dettmers et al., 2023, section 3)
)
ADAM = 8  # bytes of two moments in float32
LEAST, MOST = 1.0, 1.5  # kept bytes of a token, as a multiple of what goes into linear layers and comes out of them
GIB = 2**30


@dataclass(frozen=True)
class Shape:
    """What of a model decides how much memory it takes: numbers of parameters, and of values a token.

    `head` parameters are those of an output layer that is not the input's, `linear` ones can be quantised, `adapter` ones are added
    at rank 1, `flow` values go into linear layers and come out of them, `hidden` values go from one of the `layers` to the next.
    """

    parameters: int
    head: int
    linear: int
    adapter: int
    flow: int
    hidden: int
    layers: int


@dataclass(frozen=True)
class Need:
    """Bytes. `least` and `most` of the activations with all of them kept, `recomputed` with activation checkpointing."""

    weights: float
    trained: float
    least: float
    most: float
    recomputed: float

    def told(self, activations: float) -> str:
        """The parts and their sum in words."""
        total = self.weights + self.trained + activations
        parts = f"weights {self.weights / GIB:.1f}, what is trained {self.trained / GIB:.1f}"
        return f"about {total / GIB:.1f} GiB ({parts}, activations {activations / GIB:.1f})"


def shape_of(folder: Path, adapter: AdapterParams) -> Shape:
    """The shape of the model in a folder, from its configuration alone."""
    import torch

    model = outline(folder)
    head, targets = model.get_output_embeddings(), set(targeted(model, adapter.targets))
    layers = {
        name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and layer is not head
    }
    text = model.config.get_text_config()
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        head=0 if head.weight is model.get_input_embeddings().weight else head.weight.numel(),
        linear=sum(layer.weight.numel() for layer in layers.values()),
        adapter=sum(_width(layer) for name, layer in layers.items() if name in targets),
        flow=sum(_width(layer) for layer in layers.values()),
        hidden=text.hidden_size,
        layers=text.num_hidden_layers,
    )


def _width(layer: Any) -> int:
    return int(layer.in_features + layer.out_features)


def need(shape: Shape, phase: Phase, params: TrainParams, tokens: int) -> Need:
    """What a phase needs for a step of so many tokens on a device, padding counted."""
    own = params.of(phase)
    is_quantised = phase == "qlora" or bool(getattr(own, "quantise", False))
    size = 2 if is_quantised and params.dtype == "auto" else chosen_dtype(params.dtype, params.device).itemsize
    adapter = shape.adapter * params.adapter.r
    if phase == "full":
        weights, trained = 4.0 * shape.parameters, (4.0 + ADAM) * shape.parameters
    elif is_quantised:
        weights = NF4_BYTES * shape.linear + size * (shape.parameters - shape.linear)
        trained = 4.0 * size * adapter
    else:
        weights, trained = float(size) * shape.parameters, (8.0 + ADAM) * adapter
    if phase in POLICY and "model" in params.rewards_of(phase):  # it stands beside the policy, never in four bits
        weights += chosen_dtype(params.dtype, params.device).itemsize * (shape.parameters - shape.head)
    kept = float(tokens * size * shape.flow)
    between = float(tokens * size * shape.hidden * shape.layers)
    return Need(weights, trained, LEAST * kept, MOST * kept, between + MOST * kept / shape.layers)


def recomputes(folder: Path, phase: Phase, params: TrainParams, tokens: int) -> bool:
    """Whether activations are computed twice: as the parameters say, or where they would not fit otherwise.

    Raises Fault where the phase does not fit in any case.
    """
    found = need(shape_of(folder, params.adapter), phase, params, tokens)
    free = free_bytes(params.device)
    setting = params.activation_checkpointing
    if setting == "auto":
        setting = found.weights + found.trained + found.most > free
    check(found, bool(setting), free, phase, params.of(phase))
    return bool(setting)


def check(found: Need, is_recomputed: bool, free: float, phase: Phase, own: PhaseParams) -> None:
    """Raises Fault where less memory is free than is needed at least, with the knob that helps most."""
    activations = min(found.recomputed, found.least) if is_recomputed else found.least
    if found.weights + found.trained + activations <= free:
        return
    place, fault = f"params.yaml: train.{phase}", f"needs {found.told(activations)}, and {free / GIB:.1f} GiB are free"
    raise Fault(place, fault, _remedy(found, activations, is_recomputed, free, phase, own))


def _remedy(found: Need, activations: float, is_recomputed: bool, free: float, phase: Phase, own: PhaseParams) -> str:
    fixed = found.weights + found.trained
    if fixed > free:
        smaller = {"full": "take lora", "lora": "take qlora"}.get(phase, "take a smaller base")
        return f"{smaller}, or a larger machine"
    if not is_recomputed and fixed + found.recomputed <= free:
        return "set train.activation_checkpointing to true"
    rows = max(1, int(own.batch_size * (free - fixed) / activations))
    if rows < own.batch_size:
        return f"set train.{phase}.batch_size to {rows} and raise accumulate"
    return "lower train.max_length, or take qlora"


def free_bytes(device: str) -> float:
    """Bytes that are free on the device: of its own memory, or of the machine's."""
    import psutil
    import torch

    chosen = chosen_device(device)
    if chosen.startswith("cuda"):
        return float(torch.cuda.mem_get_info(chosen)[0])
    return float(psutil.virtual_memory().available)
