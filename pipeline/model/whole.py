"""A model written out whole, as an engine takes it: weights, settings of its answers, tokenizer with the template that is learnt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.model.adapter import Loaded, load_any
from pipeline.model.base import load_tokenizer
from pipeline.model.generation import greedy

TAKEN = (".safetensors", ".json", ".model", ".txt")  # of a folder; no code and no pickle
TEMPLATE = "chat_template"  # the one that is learnt is written, no other goes along


def write_merged(path: Path, dtype: str, device: str, out: Path) -> None:
    """What an arm's model is, an adapter merged into its base, as `dtype`."""
    loaded = load_any(path, dtype, device)
    loaded.model.config.use_cache, loaded.model.generation_config = True, greedy(loaded)
    loaded.model.save_pretrained(out)
    loaded.tokenizer.save_pretrained(out)


def write_linked(folder: Path, out: Path) -> None:
    """The model of a folder as it is: links to its weights, beside a tokenizer and settings of our own."""
    out.mkdir(parents=True)
    tokenizer = load_tokenizer(folder)
    tokenizer.save_pretrained(out)
    model: Any = SimpleNamespace(generation_config=_own_settings(folder))
    greedy(Loaded(model, tokenizer, "")).save_pretrained(out)
    for file in sorted(folder.iterdir()):
        if file.suffix in TAKEN and not file.name.startswith(TEMPLATE) and not (out / file.name).exists():
            (out / file.name).symlink_to(file.resolve())


def _own_settings(folder: Path) -> Any:
    """What the folder says of its answers, as transformers would load it: a file of its own, or the config."""
    from transformers import AutoConfig, GenerationConfig

    if (folder / "generation_config.json").is_file():
        return GenerationConfig.from_pretrained(folder)
    return GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))
