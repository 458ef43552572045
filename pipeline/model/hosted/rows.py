"""Examples as the files that a fine-tuning service reads, and what training on them can cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.data.records import Turn, digest
from pipeline.model.rendering import Example
from pipeline.model.training.proofs import Dropped


@dataclass(frozen=True)
class Upload:
    """A file for the service: rows as JSON Lines, how many there are, what was left out, and tokens that it has at most.

    No tokenizer in use makes more tokens than there are bytes, and the marks of a template are fewer than the bytes of the JSON around
    a turn. A pair is read twice, its question with each of its answers.
    """

    content: bytes
    rows: int
    dropped: list[Dropped]
    most_tokens: int

    @property
    def digest(self) -> str:
        """Of the content."""
        return digest(self.content.decode("utf-8"))


def upload_of(examples: Sequence[Example], is_preference: bool) -> Upload:
    """Examples in the service's form: chats, or of preferences the question with both answers; what has one answer only is left out."""
    kept = [one for one in examples if one.other or not is_preference]
    dropped = [Dropped(one.source, "has no worse answer") for one in examples if not one.other and is_preference]
    rows = [_preference(one) if is_preference else _chat(one) for one in kept]
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    content = "".join(lines).encode("utf-8", "replace")
    twice = sum(
        len(json.dumps(row["input"], ensure_ascii=False).encode("utf-8", "replace")) for row in rows if is_preference
    )
    return Upload(content, len(kept), dropped, len(content) + twice)


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
