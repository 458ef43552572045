"""What people said of answers, folded by request: of each thing the latest word counts, in whatever order the lines come."""

from collections.abc import Iterable

from pipeline.production.logs.entry import Feedback
from pipeline.production.monitoring.measures import Is, bits_of_word

WORDS = ("thumb", "correction", "escalated", "done")


class Said:
    """The bits of each request that was spoken of, by its id."""

    def __init__(self, feedback: Iterable[Feedback]) -> None:
        latest: dict[str, dict[str, tuple[float, str, int]]] = {}
        for line in feedback:
            words, time = latest.setdefault(line.id, {}), line.time.timestamp()
            for name in WORDS:
                said = getattr(line, name)
                if said is not None:
                    word = (time, str(said), bits_of_word(name, said).value)
                    words[name] = max(words.get(name, word), word)
        self._met: set[str] = set()
        self._bits = {key: _together(words.values()) for key, words in latest.items()}

    @property
    def lost(self) -> int:
        """How many ids were spoken of that nobody has asked for yet. An id can come with several requests, on several days."""
        return len(self._bits) - len(self._met)

    def bits_of(self, key: str) -> int:
        """The bits of a request, 0 where nothing was said of it."""
        found = self._bits.get(key, 0)
        if found:
            self._met.add(key)
        return found


def _together(words: Iterable[tuple[float, str, int]]) -> int:
    found = Is.SPOKEN_OF.value
    for _, _, bits in words:
        found |= bits
    return found
