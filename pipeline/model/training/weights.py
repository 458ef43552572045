"""The model that a phase trains: whole or in four bits, with the adapter that an earlier phase made, or a new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.base import SAFE, chosen_attention, chosen_device, chosen_dtype, load_model, naming_attention
from pipeline.model.training.ranks import is_sharded
from pipeline.model.training.recipe import AdapterParams, TrainParams
from pipeline.stage import Fault

TARGETS = "params.yaml: train.adapter.targets"


@dataclass(frozen=True)
class Start:
    """What a phase begins with: the folder of a whole model, an adapter on it and a reward model where there is one."""

    folder: Path
    adapter: Path | None = None
    reward: Path | None = None


def trainable(start: Start, params: TrainParams, is_quantised: bool, is_whole: bool = False) -> Any:
    """The model, ready to be trained further where it has an adapter.

    Where all weights are trained, they are held in float32, and `dtype` is what is computed in: the steps are too small for weights
    of 16 bits, and what float16 scales its gradients by takes none.
    """
    device = "cpu" if is_sharded() else params.device
    if is_quantised:
        model = load_quantised(start.folder, params.dtype, device, params.attention)
    else:
        dtype = "float32" if is_whole else params.dtype
        model = load_model(start.folder, dtype, device, params.attention)
    model.config.use_cache = False
    if start.adapter is None:
        if not is_whole:
            check_targets(model, params.adapter)
            _check_tied(model, params.adapter)
        return model
    from peft import PeftModel

    trained = PeftModel.from_pretrained(model, start.adapter, is_trainable=True)
    return trained.merge_and_unload(safe_merge=True).requires_grad_(True) if is_whole else trained


def outline(folder: Path) -> Any:
    """The model of a folder without its weights, from its configuration alone."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False)


def targeted(model: Any, targets: str | list[str]) -> list[str]:
    """Names of the modules that an adapter stands on, as PEFT tells them: a target is a module's name, or the end of it."""
    import torch
    from transformers.pytorch_utils import Conv1D

    modules = dict(model.named_modules())
    if isinstance(targets, str):
        head = model.get_output_embeddings()
        return [
            name
            for name, module in modules.items()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
        ]
    return [name for name in modules if any(f".{name}".endswith(f".{target}") for target in targets)]


def check_targets(model: Any, adapter: AdapterParams) -> None:
    """Raises Fault where a target is the name of no module, which PEFT says only where all of them are."""
    targets = adapter.targets if isinstance(adapter.targets, list) else []
    unknown = [target for target in targets if not targeted(model, [target])]
    if unknown:
        raise Fault(TARGETS, f"{unknown} match no module of the base", "mend the names, or write all-linear")


def _check_tied(model: Any, adapter: AdapterParams) -> None:
    """Raises Fault for a new adapter on an embedding that is the head too: merged, it would change the head, which was not trained."""
    named = [model.get_submodule(name) for name in targeted(model, adapter.targets)]
    if model.get_input_embeddings() in named and model.config.get_text_config().tie_word_embeddings:
        fault = "name the embedding, which is the head of this base too: what is merged would not be what was trained"
        raise Fault(TARGETS, fault, "leave it out, or write all-linear")


def load_quantised(folder: Path, dtype: str, device: str, attention: str = "auto") -> Any:
    """The model with its linear layers in NF4, doubly quantised (Dettmers et al., 2023), computing in `dtype` (auto: bfloat16)."""
    import torch
    from bitsandbytes.nn.modules import Linear4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    compute = torch.bfloat16 if dtype == "auto" else chosen_dtype(dtype, device)
    with naming_attention(attention):
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            attn_implementation=chosen_attention(attention),
            dtype=compute,
            quantization_config=BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=compute,
                # What is shared out is cut in pieces of one type, so the packed weights pass for values of that type
                bnb_4bit_quant_storage=compute if is_sharded() else torch.uint8,
            ),
            device_map={"": chosen_device(device)},
            **SAFE,
        )
    for module in model.modules():
        if isinstance(module, Linear4bit):
            # On CPUs with AVX512-BF16 a layer that was once asked in evaluation mode is repacked for good, and passes no
            # gradient on when it is trained again (bitsandbytes 0.50).
            module.support_avx512bf16_for_cpu = False
    return model


def lora_config(adapter: AdapterParams, task: str = "CAUSAL_LM") -> Any:
    """PEFT's settings of a new adapter; for the task SEQ_CLS with a head."""
    from peft import LoraConfig

    return LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=adapter.targets,
        use_rslora=adapter.rslora,
        use_dora=adapter.dora,
        task_type=task,
    )


def gathered(model: Any) -> dict[str, Any] | None:
    """All weights of a model whose parameters are shared out over processes, which all are to call this; None of one that is whole."""
    from torch.distributed.tensor import DTensor

    if not any(isinstance(parameter, DTensor) for parameter in model.parameters()):
        return None
    return {
        name: (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu()
        for name, value in model.state_dict().items()
    }


@contextmanager
def naming_targets(adapter: AdapterParams) -> Iterator[None]:
    """Raises Fault where a target is a module that no adapter can stand on, which PEFT says as a ValueError."""
    try:
        yield
    except ValueError as error:
        said = str(error).lower()
        if "target modules" in said:
            raise Fault(TARGETS, f"{adapter.targets} match no module of the base", "write all-linear") from None
        if "target module" not in said or "not supported" not in said:
            raise
        kind = str(error).partition("Target module ")[2].partition("(")[0]
        fault = f"{adapter.targets} name a module that is no linear layer ({kind})"
        raise Fault(TARGETS, fault, "leave it out, or write all-linear") from None


def stop_tokens(tokenizer: Any, folder: Path) -> set[int]:
    """The tokens at which the model stops: the tokenizer's end, and those of its generation settings."""
    from transformers import GenerationConfig

    ends = {tokenizer.eos_token_id}
    if (folder / "generation_config.json").is_file():
        found = GenerationConfig.from_pretrained(folder).eos_token_id
        ends |= set(found) if isinstance(found, list) else {found}
    return {end for end in ends if end is not None}


def context_of(folder: Path) -> int | None:
    """How many tokens the model reads, or None where it does not say."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None
