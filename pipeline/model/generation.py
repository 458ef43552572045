"""Greedy answers of a model of this machine, each the same whoever its neighbours are: that lets them be kept by their own digest.

Slots (pipeline.model.slots) answer where they give what the model gives itself, else batches (pipeline.model.batched).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.data.records import Turn, digest, read_jsonl
from pipeline.model.adapter import Loaded
from pipeline.model.asked import BATCH_STEP, STEP, Asked, padded
from pipeline.model.base import chosen_device, chosen_dtype, token_ids
from pipeline.model.batched import batches, generate
from pipeline.stage import Fault

LEAST_SHARED = 256  # tokens that prompts begin with, from which on they are read once for all


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
CODE = ("generation", "asked", "alike", "slots", "decoding", "batched", "likelihood")  # what shapes what is remembered


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
        self.took: dict[str, float] = {}  # seconds of what came now; not remembered

    def _read(self) -> Iterator[tuple[str, T]]:
        whole = self.path.read_bytes()
        complete = whole[: whole.rfind(b"\n") + 1]
        if complete != whole:  # killed while writing: drop the half line
            self.path.write_bytes(complete)
        for _, row in read_jsonl(self.path):
            value = row["value"]
            yield row["key"], self._kind(**value) if isinstance(value, dict) else self._kind(value)  # type: ignore[call-arg]

    @property
    def facts(self) -> dict[str, str]:
        """What was noted of how it was made; nothing before anything was."""
        path = self.path.with_suffix(".json")
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def note(self, facts: Mapping[str, str]) -> None:
        """Remember how what is kept here was made, which is the same for all of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.with_suffix(".json").write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")

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
    leading: Sequence[Turn] = (),
) -> list[Answer]:
    """An answer to each conversation, in order. The model is loaded only if one of them has not been answered before.

    `leading` are turns that many of them begin with.
    """
    ids = [token_ids(tokenizer, list(turns), is_asked=True) for turns in conversations]
    keys = [digest(row) for row in ids]
    shared = beginning(tokenizer, leading)
    todo = {
        key: Asked(key, row, decoding.max_new_tokens, len(shared) if row[: len(shared)] == shared else 0)
        for key, row in zip(keys, ids, strict=True)
        if key not in cache.found
    }
    if todo:
        done = len(keys) - len(todo)
        for found in _answers(load(), list(todo.values()), decoding, cache):
            cache.add(found)
            done += len(found)
            show(done, len(keys), "answers")
    return [cache.found[key] for key in keys]


def _answers(
    loaded: Loaded, rows: list[Asked], decoding: Decoding, cache: Cache[Answer]
) -> Iterator[dict[str, Answer]]:
    """Answers as they come, and the seconds of each: in slots where the model can be asked so and answers alike, else in batches."""
    import torch

    loaded.model.generation_config = greedy(loaded)
    context, ends = context_tokens(loaded.model), set(loaded.model.generation_config.eos_token_id)
    for row in rows:
        row.most = min(row.most, context - padded(len(row.prompt), BATCH_STEP))
    room = [row for row in rows if row.most > 0]
    if len(room) < len(rows):
        yield {row.key: Answer("", "too_long", len(row.prompt), 0) for row in rows if row.most < 1}
    try:
        yield from _by_model(loaded, room, decoding, ends, cache)
    except torch.OutOfMemoryError:
        fault = f"{decoding.batch_size} prompts at once do not fit the memory"
        raise Fault("params.yaml: predict.batch_size", fault, "lower it") from None


def _by_model(
    loaded: Loaded, rows: list[Asked], decoding: Decoding, ends: set[int], cache: Cache[Answer]
) -> Iterator[dict[str, Answer]]:
    from pipeline.model.alike import can_take, in_slots

    others = {row.key: row for row in rows}
    attention = loaded.model.config._attn_implementation
    with in_slots(loaded.model) as is_alike:
        cache.note({"attention": attention, "rows": "slots" if is_alike else "batches"})
        slotted = [row for row in rows if is_alike and can_take(loaded.model, row.longest)]
        for row in _in_slots(loaded, slotted, decoding, ends):
            del others[row.key]
            cache.took[row.key] = row.seconds
            yield {row.key: _answer(loaded.tokenizer, row.said, len(row.prompt), ends)}
    yield from _in_batches(loaded, others, decoding, ends, cache)


def _in_slots(loaded: Loaded, rows: list[Asked], decoding: Decoding, ends: set[int]) -> Iterator[Asked]:
    import torch

    from pipeline.model.decoding import decode, lines_of
    from pipeline.model.forked import processes, shared_out

    model, size = loaded.model, decoding.batch_size
    count, lines = processes(torch.get_num_threads(), model.device.type, len(rows), size), lines_of(rows, size)
    return shared_out(count, lambda _: decode(model, loaded.tokenizer.pad_token_id, ends, lines))


def _in_batches(
    loaded: Loaded, rows: dict[str, Asked], decoding: Decoding, ends: set[int], cache: Cache[Answer]
) -> Iterator[dict[str, Answer]]:
    for batch in batches({key: row.prompt for key, row in rows.items()}, decoding.batch_size):
        asked = [rows[key].prompt for key in batch]
        most = rows[batch[0]].most  # the same for all of one padded length
        began = time.monotonic()
        said = generate(loaded.model, loaded.tokenizer.pad_token_id, asked, decoding.batch_size, most)
        cache.took |= dict.fromkeys(batch, time.monotonic() - began)
        yield {
            key: _answer(loaded.tokenizer, tokens, len(row), ends)
            for key, row, tokens in zip(batch, asked, said, strict=True)
        }


def beginning(tokenizer: Any, leading: Sequence[Turn]) -> list[int]:
    """The tokens that all prompts with these leading turns begin with, in whole steps."""
    if not leading:
        return []
    one, other = (
        token_ids(tokenizer, [*leading, {"role": "user", "content": text}], is_asked=True) for text in ("a", "1")
    )
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return one[: same // STEP * STEP] if same >= LEAST_SHARED else []


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


def _answer(tokenizer: Any, tokens: list[int], prompt_tokens: int, ends: set[int]) -> Answer:
    stop = next((n for n, token in enumerate(tokens) if token in ends), None)
    kept = tokens if stop is None else tokens[:stop]
    return Answer(
        tokenizer.decode(kept, skip_special_tokens=True), "length" if stop is None else "stop", prompt_tokens, len(kept)
    )
