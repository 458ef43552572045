"""A text classifier on the disk: a folder, or a model of the hub that a file pins; whether it is one; how it is loaded.

Weights are safetensors, and no code from the folder is run.
"""

import json
from pathlib import Path
from typing import Any

from pipeline.data.records import digest
from pipeline.model.base import SAFE, Base, chosen_device, sha256
from pipeline.model.hub import snapshot
from pipeline.stage import Fault, checked

HEAD = "ForSequenceClassification"
READ = (".safetensors", ".json", ".txt", ".model", ".jinja")  # what shapes a score
PIN = "pin it with make classifier NAME=<name> MODEL=<hub id>"


def load_pin(path: Path) -> Base:
    """The file that pins a model of the hub. Raises Fault where it is none."""
    try:
        pin = checked(Base, json.loads(path.read_text(encoding="utf-8")), str(path))
    except ValueError as error:
        raise Fault(path, f"is not JSON ({error})", PIN) from None
    if pin.is_folder:
        raise Fault(path, "names no revision of the hub", PIN)
    return pin


def check_presence(path: Path, place: object) -> None:
    """Raises Fault that names `place` where there is neither a folder nor a file that pins a model."""
    if path.is_dir():
        return
    if not path.is_file():
        fault = f"names {path}, and there is no such folder or file"
        raise Fault(place, fault, f"put the model there, dvc pull it, or {PIN}")
    load_pin(path)


def folder_of(path: Path) -> Path:
    """The folder of the model, downloaded where a file pins it. Raises Fault where a file is not the one that was pinned."""
    if path.is_dir():
        return path
    pin = load_pin(path)
    folder = snapshot(pin.model, pin.revision, sorted(pin.files), path)
    for name, wanted in sorted(pin.files.items()):
        if not (folder / name).is_file() or sha256(folder / name) != wanted:
            raise Fault(folder / name, f"is not the file that {path} pins", f"delete it and run again, or {PIN}")
    return folder


def identity_of(path: Path) -> str:
    """Digest of all files that shape a score; a pin has theirs."""
    if path.is_file():
        return digest(load_pin(path).model_dump())
    files = sorted(one for one in path.iterdir() if one.suffix in READ and one.is_file())
    return digest({one.name: sha256(one) for one in files})


def labels_of(folder: Path) -> list[str]:
    """The names of the labels, in the order of the model's outputs. Raises Fault where the folder holds no text classifier."""
    config = _config(folder)
    architectures = config.get("architectures") or ["no architecture"]
    if not any(str(name).endswith(HEAD) for name in architectures):
        fault = f"is no text classifier: its config.json names {', '.join(map(str, architectures))}"
        raise Fault(folder, fault, f"take a model that was trained with a head ({HEAD})")
    if config.get("problem_type") == "regression":
        raise Fault(folder, "gives a number without bounds and no probability", "take a model that tells labels apart")
    if not any(folder.glob("*.safetensors")):
        pickles = ", ".join(sorted(one.name for one in folder.glob("*.bin"))) or "no weights at all"
        fault = f"has no safetensors weights ({pickles})"
        raise Fault(folder, fault, "convert them, or take another model; a pickle can run code when it is read")
    named = config.get("id2label") or {str(n): f"LABEL_{n}" for n in range(config.get("num_labels", 2))}
    return [str(named[key]) for key in sorted(named, key=int)]


def _config(folder: Path) -> dict[str, Any]:
    place = folder / "config.json"
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault(place, "no such file", "put a folder there that save_pretrained has written") from None
    except ValueError as error:
        raise Fault(place, f"is not JSON ({error})", "restore it") from None
    if not isinstance(found, dict):
        raise Fault(place, "is not a JSON object", "restore it")
    return found


def number_of(folder: Path, label: str, place: object) -> int:
    """Which output of the model is the label's. Raises Fault that names `place` for a label that it has not, or has twice."""
    labels = labels_of(folder)
    if labels.count(label) != 1:
        fault = f"is {label!r}, which the model has {'twice' if label in labels else 'not'}"
        raise Fault(place, fault, f"take one of {', '.join(labels)}")
    return labels.index(label)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer. Raises Fault where it cannot be loaded without code of the folder's own."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError, KeyError) as error:
        raise _unknown(folder, error) from None


def load_model(folder: Path, device: str) -> Any:
    """The model in float32 and evaluation mode. Raises Fault where it is of no known kind, or a part of it would be random."""
    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **SAFE
        )
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise _unknown(folder, error) from None
    if missing := sorted(info["missing_keys"]):
        raise Fault(folder, f"lacks weights ({missing[0]})", "take a model that was trained to classify")
    return model.to(chosen_device(device)).eval()


def _unknown(folder: Path, error: Exception) -> Fault:
    reason = str(error).strip().splitlines()[0][:200]
    return Fault(
        folder, f"cannot be loaded ({reason})", "take a model that transformers knows; its own code is not run"
    )
