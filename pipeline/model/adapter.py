"""An adapter's folder: weights, the base it belongs to, and the prompt it was trained with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.records import digest
from pipeline.model.base import Base, base_folder, load_base, load_model, load_tokenizer, sha256
from pipeline.stage import Fault

BASE, WEIGHTS, CONFIG, PROMPT = "base.json", "adapter_model.safetensors", "adapter_config.json", "prompt.yaml"


@dataclass(frozen=True)
class Loaded:
    """A model that can answer. `identity` is a digest of all that shapes its answers."""

    model: Any
    tokenizer: Any
    identity: str


def save_adapter(model: Any, base: Base, base_file: Path, prompt: Path, out: Path) -> None:
    """Write adapter weights and config (portable: no path of this machine), base and prompt into `out`."""
    model.save_pretrained(out, safe_serialization=True)
    (out / "README.md").unlink(missing_ok=True)
    config = json.loads((out / CONFIG).read_text())
    config |= {
        "base_model_name_or_path": base.model,
        "revision": base.revision or None,
        "target_modules": sorted(config["target_modules"]),
    }
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (out / BASE).write_bytes(base_file.read_bytes())
    (out / PROMPT).write_bytes(prompt.read_bytes())


def identity_of(path: Path) -> str:
    """Digest of a base (by its `base.json`) or of an adapter (by base and weights)."""

    if path.is_file():
        return digest(load_base(path).model_dump())
    if not (path / WEIGHTS).is_file():
        raise Fault(path, "holds no adapter", "run dvc repro train")
    return digest([load_base(path / BASE).model_dump(), sha256(path / WEIGHTS), sha256(path / CONFIG)])


def load_any(path: Path, dtype: str, device: str) -> Loaded:
    """The model that an arm names: `base.json` itself, or a folder with an adapter on its base (merged, so that it costs the same)."""
    if path.is_file():
        folder = base_folder(load_base(path), path)
        return Loaded(load_model(folder, dtype, device), load_tokenizer(folder), identity_of(path))
    from peft import PeftModel

    folder = base_folder(load_base(path / BASE), path / BASE)
    model = PeftModel.from_pretrained(load_model(folder, dtype, device), path)
    return Loaded(model.merge_and_unload(safe_merge=True).eval(), load_tokenizer(folder), identity_of(path))


def tokenizer_of(path: Path) -> Any:
    """The tokenizer of the base that an arm's model stands on."""
    file = path if path.is_file() else path / BASE
    return load_tokenizer(base_folder(load_base(file), file, with_weights=False))
