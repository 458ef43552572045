"""Greedy answers in batches, each the same whoever its neighbours are.

A row's shape depends on its own length alone: prompts are padded on the left to the next multiple of `STEP` tokens, batches
always have the same number of rows (the last is filled up), so the arithmetic of a row never changes with what stands
beside it. That is what lets answers be kept by their own digest.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.data.records import Turn, digest, read_jsonl
from pipeline.model.adapter import Loaded
from pipeline.model.base import chosen_device, chosen_dtype, token_ids
from pipeline.stage import Fault

STEP = 64


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    `finish` is `stop` (its own end of turn), `length` (cut at max_new_tokens), `too_long` (no room), or `declined` by a service.
    """

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
T = TypeVar("T")
CODE = ("generation", "likelihood")  # what shapes what is remembered


class Cache(Generic[T]):
    """What a model gave in earlier runs, outside the outputs, appended as it comes: answers, or likelihoods.

    A file holds what one model gave under one decoding with these libraries and this code; it is found by the digest of what was
    asked. `kind` names what it is, and makes it out of JSON.
    """

    def __init__(self, folder: Path, identity: str, decoding: Decoding, kind: type[T]) -> None:
        versions = [version(name) for name in ("torch", "transformers", "peft", "tokenizers")]
        code = [(Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8") for name in CODE]
        machine = [chosen_device(decoding.device), str(chosen_dtype(decoding.dtype, decoding.device))]
        name = digest([kind.__name__, identity, asdict(decoding), machine, versions, code])
        self._kind, self.path = kind, folder / f"{name}.jsonl"
        self.found = dict(self._read()) if self.path.exists() else {}

    def _read(self) -> Iterator[tuple[str, T]]:
        whole = self.path.read_bytes()
        complete = whole[: whole.rfind(b"\n") + 1]
        if complete != whole:  # killed while writing: drop the half line
            self.path.write_bytes(complete)
        for _, row in read_jsonl(self.path):
            value = row["value"]
            yield row["key"], self._kind(**value) if isinstance(value, dict) else self._kind(value)  # type: ignore[call-arg]

    def add(self, found: Mapping[str, T]) -> None:
        """Remember, here and on the disk."""
        self.found |= found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"key": key, "value": vars(one) if is_dataclass(one) else one}, ensure_ascii=False) + "\n"
                for key, one in found.items()
            )


def answer_all(
    load: Callable[[], Loaded],
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    decoding: Decoding,
    cache: Cache[Answer],
    show: Show,
) -> list[Answer]:
    """An answer to each conversation, in order. The model is loaded only if one of them has not been answered before."""
    ids = [token_ids(tokenizer, list(turns), is_asked=True) for turns in conversations]
    keys = [digest(row) for row in ids]
    todo = {key: row for key, row in zip(keys, ids, strict=True) if key not in cache.found}
    if todo:
        _answer_missing(load(), todo, decoding, cache, show, len(keys))
    return [cache.found[key] for key in keys]


def _answer_missing(
    loaded: Loaded, todo: dict[str, list[int]], decoding: Decoding, cache: Cache[Answer], show: Show, wanted: int
) -> None:
    loaded.model.generation_config = greedy(loaded)
    context = context_tokens(loaded.model)
    done = wanted - len(todo)
    for batch in batches(todo, decoding.batch_size):
        room = context - padded(len(todo[batch[0]]))
        if room < 1:
            answers = {key: Answer("", "too_long", len(todo[key]), 0) for key in batch}
        else:
            answers = _generate(loaded, {key: todo[key] for key in batch}, decoding, min(room, decoding.max_new_tokens))
        cache.add(answers)
        done += len(batch)
        show(done, wanted, "answers")


def greedy(loaded: Loaded) -> Any:
    """The settings of every answer: the likeliest token each time, up to one of the ends that the tokenizer or the model names.

    What else a base brings is left out: it draws at random, or has a penalty that counts the padding of a batch as said before.
    """
    from transformers import GenerationConfig

    tokenizer, own = loaded.tokenizer, loaded.model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    return GenerationConfig(
        do_sample=False,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )


def context_tokens(model: Any) -> int:
    """How many tokens the model reads; no bound where it names none."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**31


def padded(length: int) -> int:
    """The next multiple of STEP tokens."""
    return -(-length // STEP) * STEP


def batches(todo: dict[str, list[int]], size: int) -> list[list[str]]:
    """Keys of equal padded length, `size` at a time, the longest first so that a lack of memory shows at once."""
    buckets: dict[int, list[str]] = defaultdict(list)
    for key, row in todo.items():
        buckets[padded(len(row))].append(key)
    return [
        keys[at : at + size] for _, keys in sorted(buckets.items(), reverse=True) for at in range(0, len(keys), size)
    ]


def _generate(loaded: Loaded, rows: dict[str, list[int]], decoding: Decoding, max_new_tokens: int) -> dict[str, Answer]:
    """One batch of one shape: (batch_size, padded length)."""
    import torch

    tokenizer, model = loaded.tokenizer, loaded.model
    width = padded(max(len(row) for row in rows.values()))
    filled = [*rows.values(), *[next(iter(rows.values()))] * (decoding.batch_size - len(rows))]
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in filled], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in filled], device=model.device)
    try:
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens)
    except torch.OutOfMemoryError:
        raise Fault(
            "params.yaml: predict.batch_size",
            f"{decoding.batch_size} prompts of {width} tokens do not fit the memory",
            "lower it",
        ) from None
    ends = set(model.generation_config.eos_token_id)
    return {
        key: _answer(tokenizer, out[n, width:].tolist(), len(row), ends) for n, (key, row) in enumerate(rows.items())
    }


def _answer(tokenizer: Any, tokens: list[int], prompt_tokens: int, ends: set[int]) -> Answer:
    stop = next((n for n, token in enumerate(tokens) if token in ends), None)
    kept = tokens if stop is None else tokens[:stop]
    return Answer(
        tokenizer.decode(kept, skip_special_tokens=True), "length" if stop is None else "stop", prompt_tokens, len(kept)
    )
