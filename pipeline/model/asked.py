"""What is asked, and what has been said so far, in tokens; with the shapes that follow from its own length alone."""

from dataclasses import dataclass, field

STEP, BATCH_STEP = 32, 64  # tokens to which a prompt is padded in slots, and in batches
COLUMNS = 512  # a slot has a multiple of COLUMNS for a prompt, and what an answer can take


def padded(length: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-length // step) * step


@dataclass
class Asked:
    """A prompt, and what has been said after it: at most `most` tokens. `shared` of its first ones, a multiple of STEP, others have too.

    `seconds` from when it was read to its end: a moment on the clock while it is under way.
    """

    key: str
    prompt: list[int]
    most: int
    shared: int = 0
    said: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def own(self) -> list[int]:
        """What of the prompt is not shared."""
        return self.prompt[self.shared :]

    @property
    def columns(self) -> int:
        """How many its slot has: by its own length alone."""
        return padded(len(self.own), COLUMNS) + padded(self.most, STEP)

    @property
    def longest(self) -> int:
        """Tokens that it can come to have."""
        return len(self.prompt) + self.most
