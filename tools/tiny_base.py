"""Make the embedded default base model from a seed: tokenizer, weights, held-out probes and card.

    python -m tools.tiny_base OUT [--probes task/probes/general.jsonl] [--work DIR]

The curriculum under `tools/curriculum/` is all that the model ever sees. The recipe runs in two phases, short and
long conversations mixed; the second gives more of what the first left weak, and its learning rate falls to nothing. Weights
are kept in `--work` now and then, so that the base can be tried before it is done.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.curriculum.documents import ALL, EARLY, LATE, Curriculum, Document, question_key
from tools.curriculum.probes import held_out_probes, over_refusal_twins
from tools.curriculum.tokenizer import for_transformers, train_tokenizer
from tools.curriculum.words import Words

WORDS = Path(__file__).parent / "curriculum" / "words.json"


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own curriculum stream and fresh optimizers.

    `early_steps` of copying and looking up come first; the learning rate falls to nothing over the last `decay_share`.
    """

    mix: tuple[str, ...]
    steps: int
    early_steps: int = 0
    decay_share: float = 0.0
    warmup_steps: int = 100


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the weights. Learning rates: Muon for the layers' matrices, AdamW for the rest.

    One step in `long_every` is of long documents. The second phase was added after the first had left finding facts,
    filling JSON and comparing weak.
    """

    seed: int = 20261123
    vocabulary: int = 3072
    width: int = 192
    layers: int = 4
    heads: int = 6
    feed_forward: int = 512
    context: int = 2048
    phases: tuple[Phase, ...] = (Phase(ALL, 3500, early_steps=790), Phase(LATE, 2600, decay_share=0.55))
    long_every: int = 5
    short_length: int = 320
    short_batch: int = 16
    long_length: int = 1536
    long_batch: int = 4
    muon_lr: float = 4e-3
    adam_lr: float = 2e-3


def new_model(recipe: Recipe, tokenizer: Any) -> Any:
    """A Llama with random weights and tied embeddings."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        rms_norm_eps=1e-5,
    )
    return LlamaForCausalLM(config)


def packed(documents: Iterator[Document], length: int, batch: int) -> Iterator[tuple[Any, Any]]:
    """Rows of `length` tokens filled with whole documents; the second tensor marks the tokens to learn. Shape (batch, length)."""
    import torch

    row_ids: list[int] = []
    row_learnt: list[bool] = []
    rows: list[tuple[list[int], list[bool]]] = []
    for document in documents:
        if len(row_ids) + len(document.ids) > length:
            short = length - len(row_ids)
            rows.append((row_ids + [0] * short, row_learnt + [False] * short))
            row_ids, row_learnt = [], []
        row_ids, row_learnt = row_ids + document.ids, row_learnt + document.learnt
        if len(rows) == batch:
            yield torch.tensor([ids for ids, _ in rows]), torch.tensor([learnt for _, learnt in rows])
            rows = []


def optimizers(model: Any, recipe: Recipe) -> list[Any]:
    """Muon (Jordan et al., 2024) for the matrices of the layers, AdamW for embeddings and norms."""
    import torch

    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "layers" in n]
    rest = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "layers" in n)]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=recipe.adam_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def rate(step: int, phase: Phase) -> float:
    """Share of the full learning rate: a short rise, a plateau, a straight fall where the phase has one."""
    falling = (phase.steps - step) / (phase.steps * phase.decay_share) if phase.decay_share else 1.0
    return min(1.0, (step + 1) / phase.warmup_steps, falling)


class Trainer:
    """The training loop of one phase after the other."""

    def __init__(self, recipe: Recipe, model: Any, work: Path) -> None:
        import torch

        self.recipe, self.model, self.work = recipe, model, work
        self.trunk: Any = torch.compile(model.model, dynamic=False)
        self.seen = self.learnt = 0
        self.seconds = 0.0

    def batches(self, phase: Phase, curriculum: Curriculum) -> Iterator[tuple[Any, Any]]:
        """Token ids and learnt marks of each step."""
        recipe = self.recipe
        short, long = (recipe.short_length, recipe.short_batch), (recipe.long_length, recipe.long_batch)
        early = packed(curriculum.stream(EARLY, short[0]), *short)
        full = packed(curriculum.stream(phase.mix, short[0]), *short)
        extended = packed(curriculum.stream(phase.mix, long[0]), *long)
        for step in range(phase.steps):
            yield next(early if step < phase.early_steps else extended if step % recipe.long_every == 0 else full)

    def loss(self, ids: Any, learnt: Any) -> Any:
        """Mean cross-entropy over the marked tokens; the head is computed for those only."""
        import torch
        from torch.nn.functional import cross_entropy

        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.trunk(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
            wanted = learnt[:, 1:]
            logits = hidden[wanted] @ self.model.lm_head.weight.T
        self.seen += ids.numel()
        self.learnt += int(wanted.sum())
        return cross_entropy(logits.float(), ids[:, 1:][wanted])

    def run(self, phase: Phase, curriculum: Curriculum) -> None:
        """Train one phase."""
        import torch

        began, mean, chosen = time.monotonic(), 0.0, optimizers(self.model, self.recipe)
        for step, (ids, learnt) in enumerate(self.batches(phase, curriculum)):
            loss = self.loss(ids, learnt)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in chosen:
                for group in optimizer.param_groups:
                    group["lr"] = group.setdefault("full_lr", group["lr"]) * rate(step, phase)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            mean = 0.98 * mean + 0.02 * loss.item()
            if (step + 1) % 50 == 0:
                debiased = mean / (1 - math.pow(0.98, step + 1))
                pace = self.seen / (self.seconds + time.monotonic() - began)
                print(f"step {step + 1}/{phase.steps} loss {debiased:.3f} {pace:.0f} tokens/s", flush=True)
            if (step + 1) % 500 == 0:  # so that the base can be tried before it is done
                self.model.save_pretrained(self.work / "latest")
        self.seconds += time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--probes", type=Path, default=Path("task/probes/general.jsonl"))
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny-base"))
    arguments = parser.parse_args()
    recipe, words = Recipe(), Words.load(WORDS)
    probes = [*held_out_probes(words, recipe.seed), *over_refusal_twins(words, recipe.seed)]
    arguments.probes.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(probe, ensure_ascii=False, sort_keys=True) + "\n" for probe in probes]
    arguments.probes.write_text("".join(lines), encoding="utf-8")
    print(f"{len(probes)} probes; learning the tokenizer", flush=True)
    raw = train_tokenizer(words, recipe.seed, recipe.vocabulary)
    tokenizer = for_transformers(raw, recipe.context)
    held_out = frozenset(question_key(probe["messages"]) for probe in probes)
    model = new_model(recipe, tokenizer)
    print(f"{model.num_parameters():,} parameters", flush=True)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(arguments.work / "latest")
    trainer = Trainer(recipe, model, arguments.work)
    for number, phase in enumerate(recipe.phases):
        trainer.run(phase, Curriculum(words, raw, recipe.seed + number, held_out))
    finish(recipe, trainer, model, tokenizer, arguments.out)


def finish(recipe: Recipe, trainer: Trainer, model: Any, tokenizer: Any, out: Path) -> None:
    """Write weights in bf16, tokenizer, and the facts that the card is made of."""
    import torch

    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    facts = {
        "recipe": asdict(recipe),
        "parameters": model.num_parameters(),
        "tokens_seen": trainer.seen,
        "tokens_learnt": trainer.learnt,
        "minutes": round(trainer.seconds / 60, 1),
        "machine": f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    (out / "training.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
