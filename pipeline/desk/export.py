"""Write out the model that is served, whole, for an engine such as vLLM or `transformers serve`.

    python -m pipeline.desk.export <folder> [--dtype auto] [--max-worse 0.2]

The model is proved on the validation data: what was written says what was trained. Nothing half-written is left behind.
"""

import argparse
import os
import sys
from pathlib import Path

from pipeline.data.disk import naming_full_disk
from pipeline.data.prompts import few_shot_records, load_prompt, rendered
from pipeline.data.records import read_records
from pipeline.stage import ENVIRONMENT, Fault

TRAINED, VALIDATION, TRAIN = Path("models/adapter"), Path("data/split/validation.jsonl"), Path("data/split/train.jsonl")
PROMPTS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description="Write out the model that is served.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--max-worse", type=float, default=None)
    given = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    try:
        run(given.folder, given.dtype, given.device, given.max_worse)
    except Fault as fault:
        sys.exit(f"export: {fault}")


def run(out: Path, dtype: str, device: str, max_worse: float | None, trained: Path = TRAINED) -> None:
    """Export what was trained and say what was found. Raises Fault."""
    from pipeline.model.adapter import PROMPT, served, tokenizer_of, whole_folder
    from pipeline.model.carried import FEW_SHOT
    from pipeline.model.export import Exported, export
    from pipeline.model.machine import steady
    from pipeline.model.rendering import supervised
    from pipeline.model.training.weights import context_of

    if served(trained).kind == "hosted":
        raise Fault(trained, "is a model that a service has", "ask it there, or train it here with lora")
    for path in (VALIDATION, TRAIN):
        if not path.is_file():
            raise Fault(path, "is not there", "run make run first")
    steady(0, seed=0)
    prompt, learnt = load_prompt(trained / PROMPT), read_records(TRAIN)
    pool = read_records(trained / FEW_SHOT) if (trained / FEW_SHOT).is_file() else learnt
    shown, tokenizer = few_shot_records(prompt, pool, trained / PROMPT), tokenizer_of(trained)
    context = context_of(whole_folder(trained, served(trained))) or sys.maxsize
    rows = []
    for record in [*read_records(VALIDATION), *learnt][:PROMPTS]:
        asked = rendered(prompt, shown, record.asked)
        rows.append(supervised(tokenizer, [*asked, record.messages[-1]], len(asked), record.source))
    fitting = [row for row in rows if row.size <= context]
    if not fitting:
        fault = f"has no example among the first {PROMPTS} that fits the {context} tokens that the model reads"
        raise Fault(VALIDATION, fault, "shorten the examples")
    with naming_full_disk(out, "make room; nothing was left behind"):
        found = export(Exported(trained, dtype, device, fitting), out, max_worse)
    print(
        f"export: {out}: {found['served_in']}, {found['mean_difference']:.2g} nats a token from what was trained in "
        f"{found['trained_in']} on {found['tokens']} tokens; the same likeliest token for {found['same_likeliest_token']:.1%}"
    )


if __name__ == "__main__":
    main()
