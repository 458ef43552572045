"""Two values of JSON compared: where they differ, what stands, and what is recomputed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.desk.reviewing.shown import LONGEST_NAME, masked
from pipeline.pull_request.verifying.findings import in_terminal

BAND = 0.0001  # reports are rounded to four digits: one unit of the last one
LARGEST = 16 * 2**20  # bytes of a report that is taken apart
NOTHING = object()


@dataclass(frozen=True)
class Difference:
    """A place in a report with both values; NOTHING where one side has none."""

    path: str
    stands: Any
    recomputed: Any

    @property
    def stands_text(self) -> str:
        """The value that stands, safe to show."""
        return _text(self.stands)

    @property
    def recomputed_text(self) -> str:
        """The other value, safe to show."""
        return _text(self.recomputed)

    @property
    def is_in_band(self) -> bool:
        """Whether both are fractions that differ by no more than the last digit, as the arithmetic of another processor may."""
        both = (self.stands, self.recomputed)
        return all(type(value) is float for value in both) and abs(both[0] - both[1]) <= BAND * 1.001


def _text(value: Any) -> str:
    if value is NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return in_terminal(text if isinstance(value, int | float) else masked(text), LONGEST_NAME)


def differences(stands: Any, recomputed: Any, path: str = "") -> Iterator[Difference]:
    """Every place where two values differ, the order of keys aside; a number and a truth value are not the same."""
    if isinstance(stands, dict) and isinstance(recomputed, dict):
        for key in [*stands, *(key for key in recomputed if key not in stands)]:
            place = f"{path}.{_key(key)}" if path else _key(key)
            yield from differences(stands.get(key, NOTHING), recomputed.get(key, NOTHING), place)
    elif isinstance(stands, list) and isinstance(recomputed, list):
        for at in range(max(len(stands), len(recomputed))):
            both = [values[at] if at < len(values) else NOTHING for values in (stands, recomputed)]
            yield from differences(both[0], both[1], f"{path}[{at}]")
    elif type(stands) is not type(recomputed) or repr(stands) != repr(recomputed):
        yield Difference(path, stands, recomputed)


def _key(key: object) -> str:
    return in_terminal(masked(str(key)), LONGEST_NAME)


def differences_of(stands: Path, recomputed: Path) -> list[Difference] | None:
    """Where two reports differ; None where one of them cannot be taken apart."""
    try:
        if max(stands.stat().st_size, recomputed.stat().st_size) > LARGEST:
            return None
        return list(differences(*(json.loads(path.read_bytes()) for path in (stands, recomputed))))
    except (ValueError, RecursionError, OSError):
        return None
