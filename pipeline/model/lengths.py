"""How many tokens an example has, by the base's own tokenizer and chat template: what a trainer would cut without a word."""

from collections.abc import Callable, Iterable
from typing import Any

from pipeline.data.records import Turn

TURN_TOKENS, CHAT_TOKENS = (
    64,
    128,
)  # more than any chat template that we know puts around a turn, and around a conversation


class Lengths:
    """Counts examples that do not fit into `max_length` tokens. The tokenizer is loaded when the first one could not fit.

    A token is at least a byte of text, so what has fewer bytes than there are tokens fits.
    """

    def __init__(self, max_length: int, load: Callable[[], Any]) -> None:
        self._max_length, self._load = max_length, load
        self._tokenizer: Any = None
        self.counted = 0
        self.longest = 0
        self.too_long: dict[str, tuple[str, int]] = {}  # by id: place and tokens

    def add(self, name: str, place: str, turns: list[Turn]) -> None:
        """Take in an example by its id and place, as it is rendered for training."""
        size = sum(len(turn["content"].encode()) + len(str(turn.get("tool_calls", ""))) + TURN_TOKENS for turn in turns)
        if size + CHAT_TOKENS <= self._max_length:
            return
        from pipeline.model.base import token_ids

        if self._tokenizer is None:
            self._tokenizer = self._load()
        tokens = len(token_ids(self._tokenizer, turns, is_asked=False))
        self.counted += 1
        self.longest = max(self.longest, tokens)
        if tokens > self._max_length:
            self.too_long[name] = (place, tokens)

    def forget(self, names: Iterable[str]) -> None:
        """Leave out examples that are not trained on after all."""
        for name in names:
            self.too_long.pop(name, None)

    def report(self) -> dict[str, Any]:
        """What would be cut. `longest_counted` is 0 where every example fits by its bytes."""
        first = list(self.too_long.values())[:10]
        return {
            "max_length": self._max_length,
            "counted": self.counted,
            "longest_counted": self.longest,
            "too_long": len(self.too_long),
            "first": [{"source": place, "tokens": tokens} for place, tokens in first],
        }
