"""Where a run begins: at the base, or at what was trained before, such as the model in production."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.model.adapter import BASE, PHASES, served, whole_folder
from pipeline.model.base import base_folder, load_base
from pipeline.model.training.weights import Start
from pipeline.stage import Fault


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
