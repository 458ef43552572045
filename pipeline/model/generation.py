"""Greedy answers in batches, each the same whoever its neighbours are.

A row's shape depends on its own length alone: prompts are padded on the left to the next multiple of `STEP` tokens, batches
always have the same number of rows (the last is filled up), so the arithmetic of a row never changes with what stands
beside it. That is what lets answers be kept by their own digest.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.data.records import Turn, digest, read_jsonl
from pipeline.model.adapter import Loaded
from pipeline.model.base import chosen_device, chosen_dtype, token_ids
from pipeline.stage import Fault

STEP = 64


@dataclass(frozen=True)
class Answer:
    """What a model answered. `finish` is `stop` (its own end of turn), `length` (cut at max_new_tokens) or `too_long` (no room)."""

    text: str
    finish: str
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Decoding:
    """How answers are made; part of their digest."""

    max_new_tokens: int
    batch_size: int
    dtype: str
    device: str


Show = Callable[[int, int, str], None]


class Cache:
    """Answers of earlier runs, outside the outputs, appended as they come.

    A file holds what one model answered under one decoding with these libraries and this code; an answer is found by the
    digest of the rendered prompt.
    """

    def __init__(self, folder: Path, identity: str, decoding: Decoding) -> None:
        versions = [version(name) for name in ("torch", "transformers", "peft", "tokenizers")]
        code = Path(__file__).read_text(encoding="utf-8")
        machine = [chosen_device(decoding.device), str(chosen_dtype(decoding.dtype, decoding.device))]
        self.path = folder / f"{digest([identity, asdict(decoding), machine, versions, code])}.jsonl"
        self.answers = dict(self._read()) if self.path.exists() else {}

    def _read(self) -> Iterator[tuple[str, Answer]]:
        whole = self.path.read_bytes()
        complete = whole[: whole.rfind(b"\n") + 1]
        if complete != whole:  # killed while writing: drop the half line
            self.path.write_bytes(complete)
        for _, row in read_jsonl(self.path):
            yield row["key"], Answer(row["text"], row["finish"], row["prompt_tokens"], row["answer_tokens"])

    def add(self, answers: dict[str, Answer]) -> None:
        from json import dumps

        self.answers |= answers
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(
                dumps({"key": key, **asdict(answer)}, ensure_ascii=False) + "\n" for key, answer in answers.items()
            )


def answer_all(
    load: Callable[[], Loaded],
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    decoding: Decoding,
    cache: Cache,
    show: Show,
) -> list[Answer]:
    """An answer to each conversation, in order. The model is loaded only if one of them has not been answered before."""
    ids = [token_ids(tokenizer, list(turns), is_asked=True) for turns in conversations]
    keys = [digest(row) for row in ids]
    todo = {key: row for key, row in zip(keys, ids, strict=True) if key not in cache.answers}
    if todo:
        _answer_missing(load(), todo, decoding, cache, show, len(keys))
    return [cache.answers[key] for key in keys]


def _answer_missing(
    loaded: Loaded, todo: dict[str, list[int]], decoding: Decoding, cache: Cache, show: Show, wanted: int
) -> None:
    context = getattr(loaded.model.config, "max_position_embeddings", None) or 2**31
    done = wanted - len(todo)
    for batch in _batches(todo, decoding.batch_size):
        room = context - _padded(len(todo[batch[0]]))
        if room < 1:
            answers = {key: Answer("", "too_long", len(todo[key]), 0) for key in batch}
        else:
            answers = _generate(loaded, {key: todo[key] for key in batch}, decoding, min(room, decoding.max_new_tokens))
        cache.add(answers)
        done += len(batch)
        show(done, wanted, "answers")


def _padded(length: int) -> int:
    return -(-length // STEP) * STEP


def _batches(todo: dict[str, list[int]], size: int) -> list[list[str]]:
    """Keys of equal padded length, `size` at a time, the longest first so that a lack of memory shows at once."""
    buckets: dict[int, list[str]] = defaultdict(list)
    for key, row in todo.items():
        buckets[_padded(len(row))].append(key)
    return [
        keys[at : at + size] for _, keys in sorted(buckets.items(), reverse=True) for at in range(0, len(keys), size)
    ]


def _generate(loaded: Loaded, rows: dict[str, list[int]], decoding: Decoding, max_new_tokens: int) -> dict[str, Answer]:
    """One batch of one shape: (batch_size, padded length)."""
    import torch

    tokenizer, model = loaded.tokenizer, loaded.model
    width = _padded(max(len(row) for row in rows.values()))
    filled = [*rows.values(), *[next(iter(rows.values()))] * (decoding.batch_size - len(rows))]
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in filled], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in filled], device=model.device)
    try:
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=pad,
            )
    except torch.OutOfMemoryError:
        raise Fault(
            "params.yaml: predict.batch_size",
            f"{decoding.batch_size} prompts of {width} tokens do not fit the memory",
            "lower it",
        ) from None
    ends = {end for end in (tokenizer.eos_token_id, *_ids(model.generation_config.eos_token_id)) if end is not None}
    return {
        key: _answer(tokenizer, out[n, width:].tolist(), len(row), ends) for n, (key, row) in enumerate(rows.items())
    }


def _ids(value: Any) -> list[int]:
    return value if isinstance(value, list) else [value]


def _answer(tokenizer: Any, tokens: list[int], prompt_tokens: int, ends: set[int]) -> Answer:
    stop = next((n for n, token in enumerate(tokens) if token in ends), None)
    kept = tokens if stop is None else tokens[:stop]
    return Answer(
        tokenizer.decode(kept, skip_special_tokens=True), "length" if stop is None else "stop", prompt_tokens, len(kept)
    )
