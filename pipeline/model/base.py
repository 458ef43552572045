"""The base model: which one, whether its files are the ones that were pinned, and how it is loaded."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline.data.records import Turn
from pipeline.model.template import fix_template
from pipeline.stage import Fault, checked

SAFE: dict[str, Any] = {
    "use_safetensors": True,
    "trust_remote_code": False,
}  # no pickles, no code from a model's folder
TEMPLATE = "the chat template of the base"


class Base(BaseModel):
    """Content of `base.json`. `model` is a hub id or a folder of the repo; `revision` is a commit of the hub, empty for a folder.

    `files` holds the SHA-256 of each file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    model: str
    revision: str
    licence: str
    files: dict[str, str]

    @property
    def is_folder(self) -> bool:
        return not self.revision


def load_base(path: Path) -> Base:
    """Read `base.json`. Raises Fault where it is not there or wrong."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault(path, "no such file", "choose a base with make base MODEL=<hub id or folder>") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Fault(path, f"is not JSON ({error})", "write it again with make base MODEL=<hub id or folder>") from None
    return checked(Base, value, str(path))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tokenizer_folder(base: Base, place: Path) -> Path:
    """The folder of the base's files but for the weights, which a tokenizer can do without. Raises Fault as `base_folder` does."""
    small = {name: digest for name, digest in base.files.items() if not name.endswith(".safetensors")}
    return base_folder(base.model_copy(update={"files": small}), place)


def base_folder(base: Base, place: Path, with_weights: bool = True) -> Path:
    """The folder of the base's files, downloaded from the hub where it is not in the cache yet.

    Raises Fault where a file is missing or is not the one that was pinned; weights are hashed `with_weights` only.
    """
    folder = Path(base.model) if base.is_folder else _download(base, place)
    check_presence(base, folder, place)
    for name, digest in sorted(base.files.items()):
        if (with_weights or not name.endswith(".safetensors")) and sha256(folder / name) != digest:
            raise Fault(
                folder / name, f"is not the file that {place} pins", "restore it, or pin it with make base MODEL=..."
            )
    return folder


def check_presence(base: Base, folder: Path, place: Path) -> None:
    """Raises Fault where the folder or one of its files is not there."""
    if not folder.is_dir():
        raise Fault(
            place,
            f"names the base {base.model}, and there is no such folder",
            "choose a base with make base MODEL=<hub id or folder>",
        )
    for name in sorted(base.files):
        if not (folder / name).is_file():
            raise Fault(
                folder / name,
                f"is pinned in {place} and is not there",
                "restore it, or pin again with make base MODEL=...",
            )


def _download(base: Base, place: Path) -> Path:
    from pipeline.model.hub import snapshot

    return snapshot(base.model, base.revision, sorted(base.files), place)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer, with its chat template, of which what could change from day to day is fixed. Raises Fault where it has none."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    fix_template(tokenizer, folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def token_ids(tokenizer: Any, turns: list[Turn], is_asked: bool) -> list[int]:
    """Turns as token ids by the model's own chat template; `is_asked` opens the assistant's turn at the end.

    The one way for training and for asking. What looks like a special token in a turn is spelt out as plain text, so that no turn
    can be ended, or opened, by what is said in it. Raises Fault where the template refuses the turns, or leaves one of them out.
    """
    text = chat_text(tokenizer, turns, is_asked)
    for turn in turns:
        if turn["role"] in ("system", "user") and not says(text, turn["content"]):
            fault = f"leaves out or changes what a turn of the {turn['role']} says"
            raise Fault(TEMPLATE, fault, _without_system(turns))
    try:
        found = tokenizer.apply_chat_template(turns, add_generation_prompt=is_asked, sanitize_control_tokens=True)
    except ValueError as error:
        raise Fault("the tokenizer of the base", f"refuses a turn ({error})", "leave the example out") from None
    return list(found["input_ids"])


def chat_text(tokenizer: Any, turns: list[Turn], is_asked: bool) -> str:
    """Turns as one text by the model's own chat template. Raises Fault where it refuses them."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(turns, add_generation_prompt=is_asked, tokenize=False))
    except TemplateError as error:
        raise Fault(TEMPLATE, f"refuses the prompt ({error})", _without_system(turns)) from None


def says(text: str, said: str) -> bool:
    """Whether a rendered text has in it what was said; blanks, which templates trim, do not count."""
    return "".join(said.split()) in "".join(text.split())


def _without_system(turns: list[Turn]) -> str:
    if turns[0]["role"] == "system":
        return "leave system empty in task/prompts and open the question with it, or take another base"
    return "leave out examples whose turns it does not take, or take another base"


def load_model(folder: Path, dtype: str, device: str, attention: str = "auto") -> Any:
    """The model in evaluation mode. `dtype` auto is bfloat16 on a GPU and float32 on a CPU; `device` auto takes a GPU.

    Weights come from safetensors only, and no code from the model's folder is run. Raises Fault where the attention that is
    asked for is not installed, or is none of the model.
    """
    from transformers import AutoModelForCausalLM

    with naming_attention(attention):
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=chosen_dtype(dtype, device), attn_implementation=chosen_attention(attention), **SAFE
        )
    return model.to(chosen_device(device)).eval()


@contextmanager
def naming_attention(attention: str) -> Iterator[None]:
    """Raises Fault where a model is loaded with an attention that is not installed, or is none of the model."""
    try:
        yield
    except (ImportError, ValueError) as error:
        if attention == "auto":
            raise
        raise Fault("params.yaml: train.attention", f"{attention} cannot be used ({error})", "set it to auto") from None


def chosen_attention(attention: str) -> str | None:
    """`auto` leaves it to the model; anything else as it is."""
    return None if attention == "auto" else attention


def chosen_device(device: str) -> str:
    """`auto` as cuda, mps or cpu, whichever is there first; of several processes each has a GPU of its own; anything else as it is."""
    import torch

    if device not in ("auto", "cuda"):
        return device
    if torch.cuda.is_available():
        return f"cuda:{os.environ['LOCAL_RANK']}" if "LOCAL_RANK" in os.environ else "cuda"
    if device == "cuda":
        return device
    return "mps" if torch.backends.mps.is_available() else "cpu"


def chosen_dtype(dtype: str, device: str) -> Any:
    """`auto` as float32 on a CPU and bfloat16 elsewhere; a name as torch's type."""
    import torch

    if dtype == "auto":
        return torch.float32 if chosen_device(device) == "cpu" else torch.bfloat16
    return getattr(torch, dtype)
