"""The model that is served, written out whole for an engine: weights, tokenizer, chat template, card, and the proof of its parity."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.adapter import BASE, load_any, served, whole_folder
from pipeline.model.base import load_base, load_model, load_tokenizer
from pipeline.model.parity import Told, complaint, parity, told
from pipeline.model.rendering import Row
from pipeline.model.training.weights import load_quantised
from pipeline.stage import Fault

PARITY = "parity.json"  # by it an export is known


@dataclass(frozen=True)
class Exported:
    """What is to be exported: a trained folder, the type of its weights, and real prompts to prove it on."""

    trained: Path
    dtype: str
    device: str
    rows: Sequence[Row]


def export(wanted: Exported, out: Path, max_worse: float | None) -> dict[str, Any]:
    """Write the merged model into `out` in one step, and return its parity.

    `max_worse` nats a token are allowed instead of the bound. Raises Fault where it is not within it, or `out` is something else.
    """
    if out.exists() and not (out / PARITY).is_file():
        raise Fault(out, "is there, and is no export", "name another folder with OUT=")
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _write(wanted, part)
        found = _compare(wanted, part)
        worse = found["loss_served"] - found["loss_trained"]
        if worse > max_worse if max_worse is not None else not found["is_within_bound"]:
            remedy = "train it with lora, or allow it with MAX_WORSE=<nats> where the evaluation, which is of it, satisfies you"
            raise Fault("the merged model", complaint(found), remedy)
        (part / "README.md").write_text(_card(wanted.trained, found), encoding="utf-8")
        (part / PARITY).write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return found


def _write(wanted: Exported, part: Path) -> None:
    """Weights as safetensors, config, generation settings, tokenizer with its chat template."""
    loaded = load_any(wanted.trained, wanted.dtype, wanted.device)
    loaded.model.config.use_cache = True
    loaded.model.save_pretrained(part)
    load_tokenizer(whole_folder(wanted.trained, served(wanted.trained))).save_pretrained(part)


def _compare(wanted: Exported, part: Path) -> dict[str, Any]:
    """What was trained against what was written, read back from the disk."""
    said = told(load_model(part, wanted.dtype, wanted.device), wanted.rows)
    trained, is_quantised = _trained(wanted)
    return parity(trained, said, str(_dtype(part)), is_quantised)


def _dtype(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["dtype"])


def _trained(wanted: Exported) -> tuple[Told, bool]:
    """What the model said as it was trained: an adapter beside its base, in four bits where it was trained on these."""
    from peft import PeftModel

    made = served(wanted.trained)
    folder = whole_folder(wanted.trained, made)
    if made.kind == "model":
        return told(load_model(folder, wanted.dtype, wanted.device), wanted.rows), False
    proofs = json.loads((wanted.trained / "proofs.json").read_text(encoding="utf-8"))
    is_quantised = proofs[made.folder].get("parity", {}).get("trained_in") == "NF4"
    load = load_quantised if is_quantised else load_model
    model = PeftModel.from_pretrained(load(folder, wanted.dtype, wanted.device), wanted.trained / made.folder).eval()
    return told(model, wanted.rows), is_quantised


def _card(trained: Path, found: dict[str, Any]) -> str:
    """The card, in the hub's form."""
    base = load_base(trained / BASE)
    at = f" at {base.revision}" if base.revision else ""
    return (
        f"---\nbase_model: {base.model}\nlibrary_name: transformers\nlicense: {base.licence}\n---\n\n# Made from {base.model}{at}\n\n"
        f"The weights are {found['served_in']}, with what was trained merged into them. On {found['tokens']} tokens of real answers "
        f"they are {found['mean_difference']:.2g} nats a token from what was trained in {found['trained_in']}, and give the same "
        f"likeliest token to {found['same_likeliest_token']:.1%} of them (`{PARITY}`).\n"
    )
