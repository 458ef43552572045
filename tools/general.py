"""Write general examples and texts for the embedded base: what is mixed into training, and what forgetting is measured on.

    python -m tools.general task        task/replay/{general,prose}.jsonl, task/texts/general.jsonl

They come from the curriculum that the base learnt from, with other seeds. No example asks what a probe asks.
"""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

from tools.curriculum.documents import messages_of, question_key
from tools.curriculum.probes import held_out_probes, over_refusal_twins
from tools.curriculum.skills import PROBED
from tools.curriculum.words import Words
from tools.tiny_base import WORDS, Recipe


def general(rows: int, seed: int) -> list[dict[str, Any]]:
    """Rows with `messages`, each skill as often as any other, no question twice."""
    words = Words.load(WORDS)
    probes = held_out_probes(words, Recipe().seed) + over_refusal_twins(words, Recipe().seed)
    seen = {question_key(probe["messages"]) for probe in probes}
    random, found = Random(f"replay {seed}"), list[dict[str, Any]]()
    names = list(PROBED)
    while len(found) < rows:
        item = PROBED[names[len(found) % len(names)]](random, words)
        messages = messages_of(item)
        if question_key(messages) not in seen:
            seen.add(question_key(messages))
            found.append({"messages": [*messages, {"role": "assistant", "content": item.answer}]})
    return found


def texts(rows: int, seed: int) -> list[dict[str, Any]]:
    """Rows with `id` and `text`: a few sentences each."""
    words, random = Words.load(WORDS), Random(f"texts {seed}")
    return [
        {"id": f"prose-{n:03}", "text": " ".join(words.sentence(random) for _ in range(random.randint(4, 8)))}
        for n in range(rows)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write general examples and texts.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--prose", type=int, default=120)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    given = parser.parse_args()
    write(given.out / "replay/general.jsonl", general(given.examples, given.seed))
    prose = [{"text": row["text"]} for row in texts(given.prose, given.seed + 1)]
    write(given.out / "replay/prose.jsonl", prose)
    write(given.out / "texts/general.jsonl", texts(given.texts, given.seed))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """As JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
