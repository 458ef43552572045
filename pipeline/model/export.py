"""The model that is served, written out whole for an engine: weights, tokenizer, chat template, card, and the proof of its parity."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.adapter import BASE, PROMPT, card_header, served, whole_folder
from pipeline.model.base import load_base, load_model
from pipeline.model.parity import Told, complaint, parity, told
from pipeline.model.rendering import Row
from pipeline.model.training.weights import load_quantised
from pipeline.model.whole import write_merged
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
    if _is_taken(out):
        raise Fault(out, "is there, and is no export", "name another folder with OUT=")
    out = out.resolve()
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
        _take_the_place(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return found


def _is_taken(out: Path) -> bool:
    """Whether something is there that is neither an older export nor an empty folder."""
    return out.exists() and not (out / PARITY).is_file() and not (out.is_dir() and not any(out.iterdir()))


def _take_the_place(part: Path, out: Path) -> None:
    """An older export goes aside before it is deleted, so that a kill leaves no half of it under its name."""
    older = out.with_name(f"{out.name}.older")
    shutil.rmtree(older, ignore_errors=True)
    if out.exists():
        out.rename(older)
    part.rename(out)
    shutil.rmtree(older, ignore_errors=True)


def _write(wanted: Exported, part: Path) -> None:
    """Weights as safetensors, config, generation settings as answers were made with, tokenizer with its chat template, prompt."""
    write_merged(wanted.trained, wanted.dtype, wanted.device, part)
    shutil.copy(wanted.trained / PROMPT, part)


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
    return (
        f"{card_header(load_base(trained / BASE), 'transformers')}The weights are {found['served_in']}, with what was trained merged "
        f"into them. On {found['tokens']} tokens of real answers they are {found['mean_difference']:.2g} nats a token from what was "
        f"trained in {found['trained_in']}, and give the same likeliest token to {found['same_likeliest_token']:.1%} of them "
        f"(`{PARITY}`). The prompt to ask with is in `{PROMPT}`; answers were made without chance, the likeliest token each time.\n"
    )
