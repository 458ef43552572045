"""The probability that a text classifier gives a label, each the same whoever its neighbours are.

As with answers (pipeline.model.generation), a row's shape depends on its own length alone: it is padded to the next multiple of
STEP tokens, or to `max_length`, and batches always have the same number of rows. Everything is float32. What was scored before
is taken from the cache, by digest of model and tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.data.records import digest
from pipeline.model.asked import BATCH_STEP, padded
from pipeline.model.batched import batches
from pipeline.model.classifier import folder_of, identity_of, load_model, load_tokenizer, number_of
from pipeline.model.generation import Cache, Decoding, Show
from pipeline.stage import Fault


@dataclass(frozen=True)
class Tokens:
    """What the model reads of a text: token ids, and where its tokenizer has them which of two texts a token is of."""

    ids: list[int]
    types: list[int]
    is_cut: bool


def _silent(*_: object) -> None:
    """Show nothing."""


class TextClassifier:
    """Called with texts, and with a question before each where it judges pairs, it gives the probability of `label` for each.

    `path` is a folder, or a file that pins a model of the hub; `place` is what an error names. The model is loaded when a text comes
    whose probability is not known yet. Raises Fault where there is no such label, or the model is no classifier.
    """

    def __init__(
        self,
        path: Path,
        label: str,
        *,
        max_length: int,
        batch_size: int,
        device: str = "auto",
        cache: Path = Path(".cache/classifications"),
        place: str = "",
        show: Show = _silent,
    ) -> None:
        self._place, self._show, self._device = place or str(path), show, device
        self.identity, self._folder = identity_of(path), folder_of(path)
        self._number = number_of(self._folder, label, f"{place}.label" if place else f"{path}: label")
        self._longest, self._size = max_length, batch_size
        self._tokenizer = load_tokenizer(self._folder)
        self._check_length(self._tokenizer.model_max_length)
        shape = Decoding(max_new_tokens=0, batch_size=batch_size, dtype="float32", device=device)
        code = Path(__file__).read_text(encoding="utf-8")
        self._cache = Cache(cache, digest([self.identity, self._number, max_length, code]), shape, float)

    def __call__(self, texts: Sequence[str], questions: Sequence[str] = ()) -> list[float]:
        """The probability of the label for each text, in order."""
        rows = self.read(texts, questions)
        keys = [digest([row.ids, row.types]) for row in rows]
        todo = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._cache.found}
        done = len(keys) - len(todo)
        for batch in batches({key: row.ids for key, row in todo.items()}, self._size):
            self._cache.add(self._measure({key: todo[key] for key in batch}))
            done += len(batch)
            self._show(done, len(keys), "texts")
        return [self._cache.found[key] for key in keys]

    def read(self, texts: Sequence[str], questions: Sequence[str] = ()) -> list[Tokens]:
        """Texts as tokens, at most `max_length`: of a pair the longer text is cut first. Special tokens in a text are plain text."""
        if not texts:
            return []
        given = (list(questions), list(texts)) if questions else (list(texts),)
        plain = {"split_special_tokens": True, "return_attention_mask": False, "verbose": False}
        whole = self._tokenizer(*given, **plain)["input_ids"]
        kept = self._tokenizer(*given, **plain, truncation=True, max_length=self._longest)
        types = kept.get("token_type_ids") or [[]] * len(texts)
        return [
            Tokens(ids, kind, len(ids) < len(all_of_it))
            for ids, kind, all_of_it in zip(kept["input_ids"], types, whole, strict=True)
        ]

    def _check_length(self, most: int) -> None:
        """Raises Fault where a row may be longer than what the model reads, by its tokenizer or by its config."""
        if self._longest > most:
            raise Fault(
                f"{self._place}: max_length", f"is {self._longest}, and the model reads {most} tokens", "lower it"
            )

    @cached_property
    def _model(self) -> Any:
        model = load_model(self._folder, self._device)
        self._check_length(getattr(model.config, "max_position_embeddings", None) or self._longest)
        if model.config.pad_token_id is None:  # where a row ends, a model that reads from left to right finds by it
            model.config.pad_token_id = self._tokenizer.pad_token_id
        if model.config.pad_token_id is None:
            raise Fault(self._folder, "has no token to pad with", "write pad_token_id into its config.json")
        return model

    def _measure(self, rows: dict[str, Tokens]) -> dict[str, float]:
        """One batch of one shape: (batch_size, width), padded on the right."""
        import torch

        model = self._model
        width = min(padded(max(len(row.ids) for row in rows.values()), BATCH_STEP), self._longest)
        filled = [*rows.values(), *[next(iter(rows.values()))] * (self._size - len(rows))]
        pad = model.config.pad_token_id

        def tensor(values: list[list[int]], fill: int) -> Any:
            return torch.tensor([row + [fill] * (width - len(row)) for row in values], device=model.device)

        inputs = {
            "input_ids": tensor([row.ids for row in filled], pad),
            "attention_mask": tensor([[1] * len(row.ids) for row in filled], 0),
        }
        if filled[0].types:
            inputs["token_type_ids"] = tensor([row.types for row in filled], 0)
        try:
            with torch.inference_mode():
                chances = _chances(model, model(**inputs).logits)[:, self._number].tolist()
        except torch.OutOfMemoryError:
            fault = f"{self._size} texts of {width} tokens do not fit the memory"
            raise Fault(f"{self._place}: batch_size", fault, "lower it") from None
        return {key: round(chances[number], 6) for number, key in enumerate(rows)}


def _chances(model: Any, logits: Any) -> Any:
    """Probabilities: each label for itself where several may hold (or there is one alone), else one of all."""
    several = model.config.problem_type == "multi_label_classification" or logits.shape[-1] == 1
    return logits.sigmoid() if several else logits.softmax(-1)
