"""Examples as the files that a fine-tuning service reads, and what training on them can cost."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.data.records import Turn
from pipeline.model.rendering import Example
from pipeline.model.training.proofs import Dropped
from pipeline.remote.service import BYTES_A_TOKEN


@dataclass(frozen=True)
class Upload:
    """A file for the service: rows as JSON Lines, how many there are, and what was left out."""

    content: bytes
    rows: int
    dropped: list[Dropped]

    @property
    def most_tokens(self) -> int:
        """An upper bound: every byte of the file counts."""
        return math.ceil(len(self.content) / BYTES_A_TOKEN)


def upload_of(examples: Sequence[Example], is_preference: bool) -> Upload:
    """Examples in the service's form: chats, or of preferences the question with both answers; what has one answer only is left out."""
    kept = [one for one in examples if one.other or not is_preference]
    dropped = [Dropped(one.source, "has no worse answer") for one in examples if not one.other and is_preference]
    rows = [_preference(one) if is_preference else _chat(one) for one in kept]
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    return Upload("".join(lines).encode("utf-8", "replace"), len(kept), dropped)


def _chat(one: Example) -> dict[str, object]:
    """Every turn; an answer before the first that is learnt has weight 0."""
    turns = [_plain(turn) for turn in one.turns]
    for number, turn in enumerate(turns):
        if turn["role"] == "assistant" and number < one.first:
            turn["weight"] = 0
    return {"messages": turns}


def _preference(one: Example) -> dict[str, object]:
    return {
        "input": {"messages": [_plain(turn) for turn in one.turns[:-1]]},
        "preferred_output": [_plain(one.turns[-1])],
        "non_preferred_output": [_plain(turn) for turn in one.other],
    }


def _plain(turn: Turn) -> dict[str, object]:
    return {"role": turn["role"], "content": turn["content"]}
