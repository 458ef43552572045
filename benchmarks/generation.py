"""Measure asking: this repository's batches beside a loop of `generate`, one prompt after the other, and hold the answers together.

    python -m benchmarks.generation [--model models/base.json] [--questions 100] [--pairs 3]

Both answer the same questions of the probes and the test side greedily in float32 with the same model in memory; the order within
a pair alternates. Prints Markdown.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.data.prompts import load_prompt, rendered
from pipeline.data.questions import read_questions
from pipeline.data.records import Turn, read_records
from pipeline.model.adapter import Loaded, load_any, tokenizer_of
from pipeline.model.base import token_ids
from pipeline.model.generation import Answer, Cache, Decoding, answer_all
from pipeline.model.machine import steady
from pipeline.predict import PredictParams
from pipeline.stage import load_params

Turns = list[Turn]


def questions(count: int) -> list[Turns]:
    """Half of the test side with the plain prompt, half probes, spread over all skills."""
    prompt = load_prompt(Path("task/prompts/plain.yaml"))
    task = [rendered(prompt, [], one.asked) for one in read_records(Path("data/split/test.jsonl"))]
    probes = [list(one.messages) for one in read_questions(Path("task/probes"))]
    half = count // 2
    return task[:half] + probes[:: max(1, len(probes) // (count - half))][: count - half]


def ours(loaded: Loaded, asked: list[Turns], decoding: Decoding) -> list[str]:
    """What `predict` does, with nothing remembered."""
    with tempfile.TemporaryDirectory() as name:
        cache = Cache(Path(name), "benchmark", decoding, Answer)
        found = answer_all(lambda: loaded, loaded.tokenizer, asked, decoding, cache, lambda *_: None)
    return [answer.text for answer in found]


def loop(loaded: Loaded, asked: list[Turns], decoding: Decoding) -> list[str]:
    """One `generate` after the other."""
    import torch

    tokenizer, texts = loaded.tokenizer, []
    for turns in asked:
        ids = torch.tensor([token_ids(tokenizer, turns, is_asked=True)], device=loaded.model.device)
        with torch.inference_mode():
            out = loaded.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=decoding.max_new_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        texts.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


def timed(ask: Callable[..., list[str]], *values: object) -> tuple[float, list[str]]:
    began = time.monotonic()
    found = ask(*values)
    return time.monotonic() - began, found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure asking beside a loop of generate.")
    parser.add_argument("--model", type=Path, default=Path("models/base.json"))
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    params = load_params(PredictParams)
    steady(params.threads, seed=0)
    asked = questions(given.questions)
    tokenizer_of(given.model)
    decoding = Decoding(params.max_new_tokens, params.batch_size, "float32", params.device)
    loaded = load_any(given.model, "float32", params.device)
    ratios = []
    print("| pair | loop, s | ours, s | ratio | answers that differ |\n|---|---|---|---|---|")
    for pair in range(given.pairs):
        order = [("loop", loop), ("ours", ours)][:: -1 if pair % 2 else 1]
        found = {name: timed(ask, loaded, asked, decoding) for name, ask in order}
        (slow, one), (fast, other) = found["loop"], found["ours"]
        ratios.append(slow / fast)
        differ = sum(a != b for a, b in zip(one, other, strict=True))
        print(f"| {pair + 1} | {slow:.1f} | {fast:.1f} | {ratios[-1]:.1f} | {differ} of {len(asked)} |", flush=True)
    print(f"\nMedian ratio {statistics.median(ratios):.1f}.")


if __name__ == "__main__":
    main()
