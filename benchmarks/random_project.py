"""Write a project to measure training on: a model of random weights in a known shape, and rows of random words.

    python -m benchmarks.random_project <folder> [--shape llama-3-8b] [--rows 512] [--shortest 64] [--longest 1024]

The weights are random, so nothing is learnt; time and memory are those of the real model. `tiny` is for trying the scripts on a CPU.
The tokenizer splits at blanks and knows numbers only, so a row has as many tokens as it is to have.
"""

import argparse
import json
import random
from pathlib import Path

from pipeline.data.records import Record, Turn, record_id, write_records

# As in the models' config.json on the hub
SHAPES = {
    "llama-3-8b": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    },
    "llama-2-7b-quarter": {  # the proportions of Llama 2 7B with an eighth of its layers: its weights fit a small machine
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 4,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "vocab_size": 8000,
    },
    "tiny": {
        "hidden_size": 128,
        "intermediate_size": 448,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "vocab_size": 2048,
    },
}
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a project to measure training on.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="llama-3-8b")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--shortest", type=int, default=64)
    parser.add_argument("--longest", type=int, default=1024)
    given = parser.parse_args()
    write_model(given.folder / "model", SHAPES[given.shape])
    files = {path.name: "" for path in sorted((given.folder / "model").iterdir())}
    from pipeline.model.base import sha256

    pinned = {"model": str(given.folder / "model"), "revision": "", "licence": "none"}
    pinned["files"] = {name: sha256(given.folder / "model" / name) for name in files}
    (given.folder / "base.json").write_text(json.dumps(pinned))
    rng = random.Random(1)
    rows = [row(rng, number, given.shortest, given.longest) for number in range(given.rows)]
    write_records(given.folder / "train.jsonl", rows)
    write_records(given.folder / "validation.jsonl", rows[: max(1, len(rows) // 32)])
    write_records(given.folder / "few_shot.jsonl", [])
    (given.folder / "single.yaml").write_text(Path("launch/single.yaml").read_text())
    (given.folder / "answer.schema.json").write_text('{"type": "string"}')
    (given.folder / "prompt.yaml").write_text('system: ""\nfew_shot: []\n')


def write_model(folder: Path, shape: dict[str, int]) -> None:
    """A Llama of random weights in bfloat16, with a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<end>", "<user>", "<assistant>"]
    words = {
        word: number for number, word in enumerate([*special, *map(str, range(shape["vocab_size"] - len(special)))])
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>")  # noqa: S106
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(folder)
    torch.manual_seed(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = LlamaConfig(
        **shape, max_position_embeddings=8192, pad_token_id=0, eos_token_id=2, bos_token_id=None, rope_parameters=None
    )
    with torch.device(device):
        model = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16)  # in that type from the start
    model.save_pretrained(folder)


def row(rng: random.Random, number: int, shortest: int, longest: int) -> Record:
    """A question and an answer that have between them so many tokens, the answer a third; each length is as likely."""
    size = rng.randint(shortest, longest) - 4
    words = [str(rng.randrange(2000)) for _ in range(size)]
    turns: tuple[Turn, ...] = (
        {"role": "user", "content": " ".join(words[: size * 2 // 3])},
        {"role": "assistant", "content": " ".join(words[size * 2 // 3 :])},
    )
    return Record(
        id=record_id(turns),
        messages=turns,
        origin="human",
        answered_by="human",
        source=f"r:{number}",
        group=str(number),
        licence="x",
    )


if __name__ == "__main__":
    main()
