"""What is asked, and what has been said so far, in tokens; with the shapes that follow from its own length alone."""

from dataclasses import dataclass, field

STEP, BATCH_STEP = 32, 64  # tokens to which a prompt is padded in slots, and in batches
LEAST, COLUMNS = 32, 256  # columns that are free at first at least; a slot has a multiple of COLUMNS


def padded(length: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-length // step) * step


@dataclass
class Asked:
    """A prompt, and what has been said after it: at most `most` tokens. `shared` of its first ones, a multiple of STEP, others have too."""

    key: str
    prompt: list[int]
    most: int
    shared: int = 0
    said: list[int] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        return self.prompt + self.said

    @property
    def columns(self) -> int:
        """How many columns the slot has in which it goes on."""
        return padded(len(self.prompt) + len(self.said) + min(LEAST, self.most - len(self.said)), COLUMNS)

    @property
    def columns_at_most(self) -> int:
        """How many it can come to need."""
        return padded(len(self.prompt) + self.most, COLUMNS)
