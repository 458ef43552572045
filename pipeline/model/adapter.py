"""What was trained, as a folder: what each phase made, the base it belongs to, and the prompt it was trained with.

`phases.json` lists the phases; the last one is served.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.data.records import digest
from pipeline.model.base import Base, base_folder, load_base, load_model, load_tokenizer, sha256
from pipeline.stage import Fault

BASE, PROMPT, PHASES = "base.json", "prompt.yaml", "phases.json"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


Kind = Literal["adapter", "model", "reward", "hosted"]


@dataclass(frozen=True)
class Made:
    """What a phase made: an adapter, a whole model, a reward model, which is an adapter too and answers nothing, or one at a service.

    `on` is the folder of the whole model that an adapter stands on, "" the base.
    """

    name: str
    folder: str
    kind: Kind
    on: str


@dataclass(frozen=True)
class Loaded:
    """A model that can answer. `identity` is a digest of all that shapes its answers."""

    model: Any
    tokenizer: Any
    identity: str


def save_adapter(model: Any, base: Base, on: str, out: Path, state: dict[str, Any] | None = None) -> None:
    """Write adapter weights and config into `out`, portable: the base by its name and revision, or the folder `on` beside it.

    `state` has all weights where the model's own are shared out.
    """
    model.save_pretrained(out, selected_adapters=["default"], **({"state_dict": state} if state else {}))
    (out / "README.md").unlink(missing_ok=True)
    config = json.loads((out / CONFIG).read_text())
    config |= {
        "base_model_name_or_path": f"../{on}" if on else base.model,
        "revision": None if on else base.revision or None,
        "target_modules": sorted(config["target_modules"]),
    }
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def save_whole(model: Any, tokenizer: Any, dtype: Any, out: Path, state: dict[str, Any] | None = None) -> None:
    """Write all weights as `dtype`, the config and the tokenizer into `out`; `state` has them where the model's own are shared out."""
    model.config.use_cache = True
    if state:
        model.save_pretrained(out, state_dict={name: value.to(dtype) for name, value in state.items()})
    else:
        model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)


def card_header(base: Base, library: str) -> str:
    """The head of a card in the hub's form, and its title. What the base says of itself stands in quotes, and in one line."""
    of = {"base_model": base.model, "library_name": library, "license": base.licence}
    lines = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in of.items())
    at = f" at {base.revision}" if base.revision else ""
    return f"---\n{lines}---\n\n# Trained on {' '.join(base.model.split())}{at}\n\n"


def served(path: Path) -> Made:
    """The phase of a trained folder that is served. Raises Fault where there is none."""
    if not (path / PHASES).is_file():
        raise Fault(path, "holds nothing that was trained", "run dvc repro train")
    made = [Made(**one) for one in json.loads((path / PHASES).read_text(encoding="utf-8"))["phases"]]
    return next(one for one in reversed(made) if one.kind != "reward")


def identity_of(path: Path) -> str:
    """Digest of a base (by its `base.json`), or of what was trained (by base, and files of what is served)."""
    if path.is_file():
        return digest(load_base(path).model_dump())
    made = served(path)
    folders = [path / name for name in (made.on, made.folder) if name]
    files = {
        f"{folder.name}/{file.name}": sha256(file)
        for folder in folders
        for file in sorted(folder.iterdir())
        if file.suffix in (".safetensors", ".json", ".jinja")
    }
    return digest([load_base(path / BASE).model_dump(), files])


def load_any(path: Path, dtype: str, device: str) -> Loaded:
    """The model that an arm names: `base.json` itself, or a trained folder (an adapter is merged, so that it costs the same)."""
    if path.is_file():
        folder = base_folder(load_base(path), path)
        return Loaded(load_model(folder, dtype, device), load_tokenizer(folder), identity_of(path))
    made = served(path)
    folder = whole_folder(path, made)
    adapter = path / made.folder if made.kind == "adapter" else None
    model = merged(folder, adapter, dtype, device) if adapter else load_model(folder, dtype, device)
    return Loaded(model, load_tokenizer(folder), identity_of(path))


def merged(folder: Path, adapter: Path, dtype: str, device: str) -> Any:
    """A whole model with an adapter merged into its weights, in the type that it is asked in."""
    from peft import PeftModel

    return (
        PeftModel.from_pretrained(load_model(folder, dtype, device), adapter).merge_and_unload(safe_merge=True).eval()
    )


def whole_folder(path: Path, made: Made) -> Path:
    """The folder of the whole model that is served, or that the served adapter stands on."""
    name = made.folder if made.kind == "model" else made.on
    return path / name if name else base_folder(load_base(path / BASE), path / BASE)


def tokenizer_of(path: Path) -> Any:
    """The tokenizer of the base that an arm's model stands on."""
    file = path if path.is_file() else path / BASE
    return load_tokenizer(base_folder(load_base(file), file, with_weights=False))
