"""Measure asking: what `predict` does beside a loop of `generate`, one prompt after the other, and hold the answers together.

    python -m benchmarks.generation [--every 1] [--pairs 1]

Every question of the default, each once a model: the task with the plain prompt and bare probes to base and tuned model, the task with
the engineered prompt to the base. Both answer greedily in float32 with the same model in memory; the order within a pair
alternates. `--every 10` takes a tenth. Both run on the CPU code paths of a stage (`pipeline.stage.ENVIRONMENT`). Prints Markdown.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.data.prompts import few_shot_records, load_prompt, rendered
from pipeline.data.questions import read_questions
from pipeline.data.records import Turn, read_records
from pipeline.model.adapter import Loaded, identity_of, load_any, tokenizer_of
from pipeline.model.base import token_ids
from pipeline.model.generation import Answer, Cache, Decoding, answer_all, greedy
from pipeline.model.machine import steady
from pipeline.predict import PredictParams, conversations
from pipeline.stage import ENVIRONMENT, load_params

Turns = list[Turn]
SPLIT = Path("data/split")


def questions(arm: dict[str, str]) -> tuple[list[Turn], list[Turns]]:
    """What predict asks an arm, after what leading turns."""
    path = Path(f"task/prompts/{arm['prompt']}.yaml")
    prompt = load_prompt(path)
    shown = few_shot_records(prompt, read_records(SPLIT / f"few_shot/{arm['prompt']}.jsonl"), path)
    records = [read_records(SPLIT / f"{name}.jsonl") for name in ("test", "new")]
    asked = (read_questions(Path(f"task/{name}")) for name in ("probes", "cases"))
    return rendered(prompt, shown, ()), [turns for *_, turns in conversations(prompt, shown, *records, *asked)]


def ours(loaded: Loaded, asked: list[Turns], decoding: Decoding, leading: list[Turn]) -> list[str]:
    """What `predict` does, with nothing remembered."""
    with tempfile.TemporaryDirectory() as name:
        cache = Cache(Path(name), "benchmark", decoding, Answer)
        found = answer_all(lambda: loaded, loaded.tokenizer, asked, decoding, cache, lambda *_: None, leading)
    return [answer.text for answer in found]


def loop(loaded: Loaded, asked: list[Turns], decoding: Decoding, _: list[Turn]) -> list[str]:
    """One `generate` after the other."""
    import torch

    tokenizer, texts = loaded.tokenizer, []
    loaded.model.generation_config = greedy(loaded)
    for turns in asked:
        ids = torch.tensor([token_ids(tokenizer, turns, is_asked=True)], device=loaded.model.device)
        with torch.inference_mode():
            out = loaded.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=decoding.max_new_tokens
            )
        texts.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


def timed(ask: Callable[..., list[str]], *values: object) -> tuple[float, list[str]]:
    began = time.monotonic()
    found = ask(*values)
    return time.monotonic() - began, found


def work(arms: dict[str, dict[str, str]], every: int) -> list[tuple[str, Path, list[Turns], list[Turn]]]:
    """Arm, model and questions; what a model was asked before under another name is left out, as the cache of answers would."""
    known: set[Any] = set()
    found = []
    for name, arm in arms.items():
        model, todo = Path(arm["model"]), []
        identity, tokenizer = identity_of(model), tokenizer_of(model)
        leading, asked = questions(arm)
        for turns in asked[::every]:
            key = (identity, tuple(token_ids(tokenizer, turns, is_asked=True)))
            if key not in known:
                known.add(key)
                todo.append(turns)
        found.append((name, model, todo, leading))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure asking beside a loop of generate.")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=1)
    given = parser.parse_args()
    if any(os.environ.get(key) != value for key, value in ENVIRONMENT.items()):
        arguments = [sys.executable, "-m", "benchmarks.generation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, **ENVIRONMENT})  # noqa: S606
    params = load_params(PredictParams)
    steady(params.threads, seed=0)
    decoding = Decoding(params.max_new_tokens, params.batch_size, "float32", params.device)
    arms = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["arms"]
    todo = [
        (name, load_any(model, "float32", params.device), asked, leading)
        for name, model, asked, leading in work(arms, given.every)
    ]
    ratios = []
    print("| pair | arm | questions | loop, s | ours, s | ratio | answers that differ |\n|---|---|---|---|---|---|---|")
    for pair in range(given.pairs):
        sums = [0, 0.0, 0.0, 0]
        for name, loaded, asked, leading in todo:
            order = [("loop", loop), ("ours", ours)][:: -1 if pair % 2 else 1]
            found = {kind: timed(ask, loaded, asked, decoding, leading) for kind, ask in order}
            (slow, one), (fast, other) = found["loop"], found["ours"]
            row = (len(asked), slow, fast, sum(a != b for a, b in zip(one, other, strict=True)))
            sums = [before + now for before, now in zip(sums, row, strict=True)]
            _tell(pair + 1, name, row)
        _tell(pair + 1, "all", sums)
        ratios.append(sums[1] / sums[2])
    print(f"\nMedian ratio {statistics.median(ratios):.1f}.")


def _tell(pair: int, name: str, row: Any) -> None:
    count, slow, fast, differ = row
    print(f"| {pair} | {name} | {count} | {slow:.1f} | {fast:.1f} | {slow / fast:.1f} | {differ} |", flush=True)


if __name__ == "__main__":
    main()
