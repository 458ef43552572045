"""Measure memory: weights in four bits beside bfloat16, and what is kept of a token beside what is reckoned with.

    python -m benchmarks.memory

Needs about 5 GiB. The first table loads a model of random weights in the proportions of Llama 2 7B. The second runs a step forward of
small models of several families with an adapter on all linear layers, and counts the bytes that are kept for the way back.
Prints Markdown.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.random_project import SHAPES, write_model
from pipeline.model.base import load_model
from pipeline.model.training.weights import load_quantised

SMALL = {"hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 2000}
GATED = {**SMALL, "intermediate_size": 1536}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {**GATED, "num_key_value_heads": 2},
    "Mistral": {**GATED, "num_key_value_heads": 2},
    "Gemma2": {**GATED, "num_key_value_heads": 4, "head_dim": 64},
    "Qwen2": {**GATED, "num_key_value_heads": 4},
    "Phi3": {**GATED, "num_key_value_heads": 8, "pad_token_id": 0},
    "Falcon": {**SMALL, "num_key_value_heads": 1},
}


def main() -> None:
    weights()
    print()
    activations()


def weights() -> None:
    """Bytes of the same model in both forms."""
    print("| parameters | bfloat16, GiB | NF4, GiB | share |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        write_model(Path(name), SHAPES["llama-2-7b-quarter"])
        whole = load_model(Path(name), "bfloat16", "cpu")
        count, first = sum(one.numel() for one in whole.parameters()), whole.get_memory_footprint()
        del whole
        second = load_quantised(Path(name), "bfloat16", "cpu").get_memory_footprint()
    print(f"| {count / 1e6:,.0f} M | {first / 2**30:.2f} | {second / 2**30:.2f} | {second / first:.1%} |")


def activations() -> None:
    """Bytes a token, measured and as `pipeline.model.training.memory` has them."""
    print("| family | type | kept, bytes a token | reckoned at least | at most |\n|---|---|---|---|---|")
    from pipeline.model.training.memory import LEAST, MOST

    for family, shape in FAMILIES.items():
        for dtype in ("bfloat16", "float32"):
            kept, flow = step(family, shape, dtype)
            print(f"| {family} | {dtype} | {kept:,.0f} | {LEAST * flow:,.0f} | {MOST * flow:,.0f} |", flush=True)


def step(family: str, shape: dict[str, Any], dtype: str) -> tuple[float, int]:
    """Bytes a token that a step forward keeps, and that go into linear layers and out of them."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    model = getattr(transformers, f"{family}ForCausalLM")(getattr(transformers, f"{family}Config")(**shape)).to(kind)
    layers = [one for name, one in model.named_modules() if isinstance(one, torch.nn.Linear) and name != "lm_head"]
    flow = sum(layer.in_features + layer.out_features for layer in layers) * kind.itemsize
    model = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")).train()
    own = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address comes twice
        return tensor

    ids = torch.randint(5, shape["vocab_size"], (2, 256))
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bfloat16"),
    ):
        model.get_base_model().base_model(input_ids=ids, use_cache=False)
    return sum(size for size, _ in kept.values()) / ids.numel(), flow


if __name__ == "__main__":
    main()
