"""Where a run begins: at the base, or at what was trained before, such as the model in production."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.model.adapter import BASE, CONFIG, PHASES, served, whole_folder
from pipeline.model.base import base_folder, load_base
from pipeline.model.training.recipe import TrainParams
from pipeline.model.training.weights import Start, outline, targeted
from pipeline.stage import Fault

# Keys of train.adapter as PEFT writes them into an adapter
KEYS = {"r": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "rslora": "use_rslora", "dora": "use_dora"}


@dataclass(frozen=True)
class Begun:
    """What the first phase begins with, the base.json it belongs to, and the files that shape the run.

    Where `is_base` is false, the whole model is none that the base pins, so it goes along with what stands on it.
    """

    start: Start
    base: Path
    is_base: bool
    files: list[Path]


def begin(path: Path) -> Begun:
    """The base that `base.json` names, or what is served of a trained folder. Raises Fault where either is not there."""
    if path.is_file():
        return Begun(Start(base_folder(load_base(path), path)), path, True, [path])
    made = served(path)
    if made.kind == "hosted":
        raise Fault(
            "params.yaml: train.start", f"{path} is a model that a service has", "name its base under train.api.model"
        )
    folders = [path / name for name in sorted({made.on, made.folder}) if name]
    files = [
        file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in (".safetensors", ".json")
    ]
    adapter = path / made.folder if made.kind == "adapter" else None
    is_base = made.kind == "adapter" and not made.on
    return Begun(Start(whole_folder(path, made), adapter), path / BASE, is_base, [path / BASE, path / PHASES, *files])


def check_adapter(start: Start, params: TrainParams) -> None:
    """Raises Fault where an adapter that is trained on was made with other settings than `train.adapter`: its own would hold, in silence.

    Where all weights are trained first it is merged into them, and what comes after that is made anew.
    """
    if start.adapter is None or params.phases[0] == "full":
        return
    made, wanted = json.loads((start.adapter / CONFIG).read_text(encoding="utf-8")), params.adapter
    differing = [
        f"{key} is {getattr(wanted, key)}, and {made[name]} in it"
        for key, name in KEYS.items()
        if getattr(wanted, key) != made[name]
    ]
    model = outline(start.folder)
    stood_on, everywhere = (targeted(model, targets) for targets in (made["target_modules"], "all-linear"))
    if stood_on != targeted(model, wanted.targets):
        ends = sorted({name.rpartition(".")[2] for name in stood_on})
        differing.append(f"targets are {wanted.targets}, and {'all-linear' if stood_on == everywhere else ends} in it")
    if differing:
        fault = f"is not what the adapter of train.start was made with, which is trained on: {'; '.join(differing)}"
        remedy = "set them to the adapter's, or begin with full, which merges it, or at the base"
        raise Fault("params.yaml: train.adapter", fault, remedy)
