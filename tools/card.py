"""Score the embedded base on its held-out probes and write its card.

    python -m tools.card models/tiny-base [--probes task/probes]

The probes are asked as the pipeline asks them: greedily, in batches of fixed shape. Reads `training.json`, which the recipe
leaves beside the weights.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from pipeline.data.questions import read_questions
from pipeline.model.adapter import Loaded
from pipeline.model.base import load_model, load_tokenizer
from pipeline.model.generation import Answer, Cache, Decoding, answer_all
from pipeline.regress import rates
from pipeline.scoring.checks import passes
from pipeline.stage import progress

DECODING = Decoding(max_new_tokens=192, batch_size=16, dtype="float32", device="cpu")
CARD = """---
license: apache-2.0
library_name: transformers
tags: [llama, tiny, synthetic]
---

# tiny-base

The embedded default base model of this template: a Llama of {parameters:,} parameters with a byte-level BPE tokenizer of
{vocabulary:,} tokens, made from a seed by `make tiny-base`. It runs everywhere in seconds, so that the whole pipeline can be
tried and tested without an account, a key, a GPU or a network. It knows a little plain English and eleven simple skills; it
knows nothing of the world and is not meant for any use but this.

## Training

Trained on {tokens_seen:,} tokens ({tokens_learnt:,} of them learnt) of a curriculum that the recipe generates itself
(`tools/curriculum/`): no text and no weights of anybody else, no label and no schema of the sample task. Seed {seed}, Muon and
AdamW, sequences of {short_length} and {long_length} tokens, context {context}. {minutes} minutes by the clock on {machine}, with
other work beside it; torch {torch}.

## Held-out probes

{n} questions that are not in the curriculum (`task/probes/`), answered greedily.

| skill | n | right |
|---|---|---|
{rows}
| **all** | **{n}** | **{overall:.1%}** |
"""


def scores(folder: Path, probes: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Pass rates overall and by skill, and the number of probes of each skill."""
    questions = read_questions(probes)
    loaded = Loaded(load_model(folder, DECODING.dtype, DECODING.device), load_tokenizer(folder), "")
    with tempfile.TemporaryDirectory() as scratch:
        answers = answer_all(
            lambda: loaded,
            loaded.tokenizer,
            [question.messages for question in questions],
            DECODING,
            Cache(Path(scratch), "", DECODING, Answer),
            progress("card"),
        )
    values = [float(passes(a.text, q.check.kind, q.check.value)) for a, q in zip(answers, questions, strict=True)]
    counts = {skill: sum(q.skill == skill for q in questions) for skill in sorted({q.skill for q in questions})}
    return rates(questions, values), counts


def card(facts: dict[str, Any], rated: dict[str, Any], counts: dict[str, int]) -> str:
    """The card's text."""
    rows = "\n".join(f"| {skill} | {counts[skill]} | {rate:.1%} |" for skill, rate in rated["skills"].items())
    return CARD.format(
        **facts["recipe"],
        **{k: v for k, v in facts.items() if k != "recipe"},
        rows=rows,
        n=sum(counts.values()),
        overall=rated["probes"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the embedded base on its held-out probes and write its card.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--probes", type=Path, default=Path("task/probes"))
    arguments = parser.parse_args()
    facts = json.loads((arguments.folder / "training.json").read_text(encoding="utf-8"))
    text = card(facts, *scores(arguments.folder, arguments.probes))
    (arguments.folder / "README.md").write_text(text, encoding="utf-8")
    print(text[text.index("## Held-out") :])


if __name__ == "__main__":
    main()
